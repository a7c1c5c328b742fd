"""What stands behind a price, drawn from a log: votes, clocks, paths, holds, and sources that are failing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from config.asset_settings import AssetSettings
from config.canonical import digest
from config.units import WAD
from keeper.state.entries import ConfigUsed
from keeper.state.log import StateLog
from keeper.state.observations import PriceSetSeen, SourceSeen
from keeper.views.exits import ExitCode
from oracles.circuit import SourceHealth
from oracles.guarding import held
from oracles.meter import Meter
from oracles.price import FailureKind, Hold, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.record import price_set
from tests.oracles.evidence import NOW_MS, http_settings, quote

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

SETTINGS = AssetSettings(min_sources=2, min_groups=2)
SOURCES = ("alpha", "beta", "gamma", "silent")


@pytest.fixture
async def told(tmp_path: Path) -> Path:
    """A log with one price of two groups and a half, a source that fails, and a hold."""
    path = tmp_path / "told.db"
    book = PriceBook(
        {"ETH": SETTINGS},
        [http_settings(name, group="ab" if name in {"alpha", "beta"} else name) for name in SOURCES],
    )
    dead = QuoteFailure(
        "silent", "silent", "ETH/USD", FailureKind.UNREACHABLE, "nothing said for 15 s", NOW_MS - 3_000
    )
    answers: Sequence[Quote | QuoteFailure] = (
        quote("alpha", 3_000 * WAD, group="ab", age_ms=2_000),
        quote("beta", 3_002 * WAD, group="ab"),
        quote("gamma", 3_004 * WAD, confidence=6 * WAD),
        dead,
    )
    made = book.update(answers, NOW_MS) or book.current
    held_price = held(made.prices["ETH"], Hold("move", "30 % in a minute", NOW_MS - 60_000, NOW_MS + 600_000))
    health, meter = SourceHealth("silent"), Meter()
    for _ in range(7):
        health = health.after(dead)
        meter.note(dead)
    good = Meter()
    for took_ms in range(1, 101):
        good.note(answers[1], took_ms)
    configuration = json.dumps(
        {
            "assets": {"ETH": SETTINGS.model_dump(mode="json")},
            "sources": [{"name": name} for name in SOURCES],
        }
    )
    state_log = StateLog.open(path, "observe", lambda: NOW_MS)
    await state_log.write(ConfigUsed(digest(configuration), configuration))
    state_log.observe(PriceSetSeen(price_set(NOW_MS, {"ETH": held_price}, {})))
    for seen in (
        SourceSeen.of(health, meter),
        SourceSeen.of(SourceHealth("beta").after(answers[1]), good),
        SourceSeen.of(SourceHealth("removed"), Meter()),
    ):
        state_log.observe(seen)
    await state_log.close()
    return path


def test_the_tree_shows_votes_clocks_holds_and_who_is_failing(keeper: Keeper, told: Path) -> None:
    code, out, _ = keeper("prices", "--why", "ETH", "--log", told)

    assert ExitCode.DEGRADED == code
    assert "held by its move guard for 1 min, for 10 min at most: 30 % in a minute" in out
    assert "ETH/USD: 2 votes, each its confidence or 5 bps wide, and 2 bps more a minute" in out
    assert "ab votes 3,000.00 .. 3,002.00" in out
    assert "of 2 sources" in out
    assert "gamma votes 3,004.00 (2,998.00 .. 3,010.00)" in out
    assert "alpha (ab) ETH/USD  3,000.00  2.0 s old  (made 2.0 s, received" in out
    assert "gamma (gamma) ETH/USD  3,004.00 +- 6.00" in out
    assert "silent (silent) ETH/USD  left out: unreachable: nothing said for 15 s" in out
    assert "circuit open, 7 failures in a row; last: unreachable: nothing said for 15 s, 3.0 s ago" in out


def test_each_source_has_its_counts_and_delays(keeper: Keeper, told: Path) -> None:
    code, out, _ = keeper("prices", "--sources", "--log", told)
    _, document, _ = keeper("prices", "--sources", "--json", "--log", told)
    by_name = {row["source"]: row for row in json.loads(document)["sources"]}

    assert ExitCode.DEGRADED == code
    assert "50/90/99 ms" in out
    assert {"beta", "silent"} == by_name.keys()
    assert ("open", 7, {"unreachable": "7"}) == (
        by_name["silent"]["circuit"],
        by_name["silent"]["failed"],
        by_name["silent"]["failures"],
    )
    assert (100, 1, {"p50_ms": "50", "p90_ms": "90", "p99_ms": "99"}) == (
        by_name["beta"]["quotes"],
        by_name["beta"]["changes"],
        by_name["beta"]["took"],
    )


def test_in_json_the_tree_has_holds_and_confidences(keeper: Keeper, told: Path) -> None:
    _, document, _ = keeper("prices", "--why", "ETH", "--json", "--log", told)
    (price,) = json.loads(document)["prices"]

    assert ["move"] == [hold["guard"] for hold in price["holds"]]
    assert {"gamma": str(6 * WAD), "silent": None} == {
        row["source"]: row["confidence_wad"]
        for row in price["quotes"]
        if row["source"] in {"gamma", "silent"}
    }
