from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeper.domain.pause import Pause, Pauses
from keeper.state.entries import Paused, Resumed
from keeper.state.errors import LogUnreadable
from keeper.state.live import read_pauses
from keeper.state.log import StateLog
from keeper.state.orders import MAX_ORDER_BYTES, Order, give, orders_path, waiting
from keeper.state.verify import verify

STOP = Order("paused", "chain:beta", "ops", "the node is being moved")
GO = Order("resumed", "chain:beta", "ops", "moved")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_orders_are_found_in_the_sequence_they_were_given(path: Path) -> None:
    later, sooner = give(path, GO, 2), give(path, STOP, 1)

    assert [(sooner, STOP), (later, GO)] == list(waiting(path))


def test_without_orders_there_is_nothing_to_do(path: Path) -> None:
    assert [] == list(waiting(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b"x" * (MAX_ORDER_BYTES + 1),
        json.dumps({"action": "paused"}).encode(),
        json.dumps({"action": "sell", "scope": "everything", "who": "x", "why": "y"}).encode(),
        json.dumps({"action": "paused", "scope": 1, "who": "x", "why": "y"}).encode(),
        json.dumps({"action": "paused", "scope": "everything", "who": "x", "why": "y" * 501}).encode(),
    ],
)
def test_what_is_no_order_is_told_and_not_obeyed(path: Path, content: bytes) -> None:
    file = give(path, STOP, 1)
    file.write_bytes(content)

    ((_, found),) = waiting(path)

    assert isinstance(found, str)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o755])
def test_where_others_could_write_no_order_counts(path: Path, mode: int) -> None:
    give(path, STOP, 1)
    orders_path(path).chmod(mode)

    with pytest.raises(LogUnreadable, match="chmod 700"):
        list(waiting(path))
    with pytest.raises(LogUnreadable, match="chmod 700"):
        give(path, STOP, 2)


async def test_a_pause_stands_in_the_log_until_it_is_lifted(path: Path, now_ms: Callable[[], int]) -> None:
    async with StateLog.open(path, "live", now_ms) as log:
        await log.write(Paused("everything", "ops", "looking"), Paused("asset:ETH", "ops", "odd"))
        await log.write(Paused("everything", "ops", "still looking"))
        before = read_pauses(path)
        await log.write(Resumed("everything", "ops", "fine"))

    assert ["still looking", "odd"] == [
        each.why for each in sorted(before.of, key=lambda each: -len(each.scope))
    ]
    assert ["asset:ETH"] == [each.scope for each in read_pauses(path).of]
    assert () == verify(path).findings


def test_a_pause_holds_what_it_names() -> None:
    pauses = Pauses((Pause("chain:beta", 1, "ops", "moving"), Pause("asset:ETH", 2, "risk", "odd")))

    assert ("paused by ops: moving", "") == (pauses.on_chain("beta"), pauses.on_chain("alpha"))
    assert {"ETH": "paused by risk: odd"} == pauses.on_assets()
    assert "paused by ops: all" == Pauses((Pause("everything", 1, "ops", "all"),)).on_chain("alpha")
