"""One chain watched: reconciled however fast it is, its lane told before anybody plans, its reads lost without harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from chains.blocks import Block, ChainUpdate, Head
from chains.errors import EndpointUnavailable
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from keeper.watch import chain_watch as module
from keeper.watch.chain_watch import ChainWatch
from keeper.watch.feeds import Feeds
from tests.keeper.watch.world import NOW_MS, TOKENS, Pool, World, log_path, opened


class Silent:
    """A node that answers no batch."""

    pool = Pool()

    @property
    def decisive(self) -> Silent:
        return self

    async def call_many(self, calls: Sequence[Any], block_hash: str) -> list[bytes]:
        raise EndpointUnavailable("down")


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


def watch(world: World, log: StateLog, client: Any = None) -> ChainWatch:
    found = ChainWatch(
        "alpha",
        world.settings.chains["alpha"],
        client or cast("Any", world.nodes["alpha"]),
        world.evidence,
        Feeds("alpha", ()),
        cast("Any", None),
        log,
        lambda: NOW_MS,
    )
    found.reader = cast("Any", world.nodes["alpha"])
    return found


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_PAUSE_S", 0.001)


async def reconciled(world: World, found: ChainWatch) -> None:
    settling = asyncio.create_task(found.settle())
    async with asyncio.timeout(5):
        while "alpha" not in world.evidence.reconciled:
            await world.evidence.changes.take()
    settling.cancel()


async def test_a_chain_whose_next_block_always_comes_before_the_answer_is_reconciled(
    log: StateLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.evidence.reconciled.clear()
    world.mine("alpha", *opened("alpha", eth="1"))
    found = watch(world, log)
    updates: set[asyncio.Task[None]] = set()

    def next_block() -> None:
        its = world.mine_unseen("alpha")
        update = ChainUpdate("alpha", (), (Block(its, ()),), NOW_MS, backfill=False)
        updates.add(asyncio.ensure_future(found._on_update(update)))

    world.nodes["alpha"].on_legs = next_block
    monkeypatch.setattr(found, "_read_at", _nothing)
    await reconciled(world, found)
    await asyncio.gather(*updates)

    assert found.name in world.evidence.reconciled
    cursor = world.evidence.book.cursor("alpha")
    assert cursor is not None
    assert world.nodes["alpha"].latest == cursor.hash


async def _nothing(its: Head) -> None:
    """Read nothing."""


async def test_a_book_that_missed_something_takes_the_hubs_word_and_says_so(log: StateLog) -> None:
    world = World()
    world.evidence.reconciled.clear()
    its = world.mine_unseen("alpha", *opened("alpha", eth="2"))
    world.see(its, *opened("alpha", eth="1"))

    await reconciled(world, watch(world, log))

    (account,) = world.evidence.book.accounts()
    assert [(TOKENS["alpha"][1], 2 * 10**18)] == [
        (held.token, held.amount) for held in account.legs[0].collateral
    ]
    with LogReader(log.path) as reader:
        assert ["book_differs/alpha"] == [row["dedupe_key"] for row in reader.alerts()]


async def test_a_head_whose_reads_fail_is_in_the_book_told_to_the_lane_and_announced(log: StateLog) -> None:
    world = World()
    found = watch(world, log, Silent())
    told: list[tuple[int, tuple[str, ...]]] = []

    async def lane(its: Head, removed: tuple[str, ...]) -> None:
        told.append((its.number, removed))

    found.listeners.append(lane)
    before = world.evidence.book.cursor("alpha")
    assert before is not None
    its = world.mine_unseen("alpha")
    await found._on_update(ChainUpdate("alpha", (), (Block(its, ()),), NOW_MS))
    await found._on_update(ChainUpdate("alpha", (its,), (), NOW_MS))

    assert [(its.number, ()), (before.number, (its.hash,))] == told
    assert before == world.evidence.book.cursor("alpha")
    assert before == world.evidence.statuses["alpha"].head
    assert await world.evidence.changes.take()


async def test_blocks_that_are_filled_in_say_nothing_of_how_the_chain_is_now(
    log: StateLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    found = watch(world, log)
    monkeypatch.setattr(found, "_read_at", _nothing)
    before = world.evidence.statuses["alpha"]
    evaluations = world.evidence.changes
    old = world.mine_unseen("alpha", timestamp=NOW_MS // 1000 - 86_400)
    await found._on_update(ChainUpdate("alpha", (), (Block(old, ()),), NOW_MS, backfill=True))

    assert before == world.evidence.statuses["alpha"]
    assert not evaluations.waits
    newest = world.mine_unseen("alpha")
    await found._on_update(ChainUpdate("alpha", (), (Block(newest, ()),), NOW_MS, backfill=False))
    assert ("", newest) == (world.evidence.statuses["alpha"].reason, world.evidence.statuses["alpha"].head)
    assert world.evidence.live("alpha")
    assert evaluations.waits
