"""A short soak: nothing that is bounded grows. ``make soak`` looks for half an hour."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from keeper.planner.decide import replay
from keeper.state.verify import verify
from keeper.views.audit.whole import audit
from tests.soak import daemon_life, life
from tests.soak.gauges import Record, plot
from tests.soak.long_world import RETENTION

BLOCKS = 8_000
ROOM = 100
"""Rows that come between one turn of retention and the next."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_what_is_bounded_stays_bounded_and_the_log_verifies_after_retention(tmp_path: Path) -> None:
    lived = life.live(BLOCKS, tmp_path)
    readings = lived.record.readings

    assert [] == lived.violations
    assert lived.seen["Liquidated"] > 20
    assert max(readings["rows of heads"]) <= RETENTION.max_heads + ROOM
    assert max(readings["rows of price_sets"]) <= RETENTION.max_price_sets + ROOM
    for name in ("open files", "threads"):
        assert 1 == len(set(readings[name]))
    assert max(readings["tasks"]) <= min(readings["tasks"]) + 4
    assert abs(lived.record.slope("objects")) < 0.02 * readings["objects"][-1]
    assert () == verify(tmp_path / "seed-11.db").findings
    assert [] == [finding.name for finding in audit(tmp_path / "seed-11.db", replay) if not finding.holds]


@pytest.mark.parametrize(
    ("soak", "blocks", "name"),
    [(life.main, 30, "soak"), pytest.param(daemon_life.main, 30, "daemon", marks=pytest.mark.chain)],
)
def test_a_soak_leaves_what_it_read_where_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soak: Callable[[int, Path], int], blocks: int, name: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert 0 == soak(blocks, Path("left/here"))
    assert (tmp_path / f"left/here/{name}.csv").read_text().startswith("blocks,")
    assert (tmp_path / f"left/here/{name}.svg").exists()


def test_a_slope_is_that_of_the_warm_part_and_every_gauge_is_plotted() -> None:
    record = Record()
    for blocks in range(0, 20_000, 1_000):
        record.take(blocks, {"grows": blocks / 100 if blocks >= 4_000 else 0, "flat": 7})

    assert 100 == pytest.approx(record.slope("grows"))
    assert 0 == pytest.approx(record.slope("flat"), abs=1e-9)
    assert 2 == plot(record, "two").count("<polyline")
    assert 3 == len(record.rows())
    assert "blocks," in record.csv()
