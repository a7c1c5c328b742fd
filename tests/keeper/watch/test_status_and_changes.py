"""How old a chain is decides what it allows; what changed is announced once and never piles up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from keeper.watch.chain_states import Limits
from keeper.watch.changes import Change, ChangeChannel, ChangeKind
from keeper.watch.status import ChainState, ChainStatus
from tests.keeper.watch.world import NOW_MS, NOW_S, head, settings

ALPHA = settings().chains["alpha"]  # stale after 30 s, unknown after 60 s


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (0, ChainState.LIVE),
        (30, ChainState.LIVE),
        (30.001, ChainState.STALE),
        (60, ChainState.STALE),
        (60.001, ChainState.HALTED),
    ],
)
def test_a_chain_ages(age_s: float, expected: ChainState) -> None:
    seen = ChainStatus("alpha", ChainState.CONNECTING, "").seen(head("alpha", 1), NOW_MS, 0)

    assert expected is seen.aged(ALPHA, NOW_MS + round(age_s * 1000)).state


def test_a_head_received_now_may_be_old() -> None:
    old = head("alpha", 1, timestamp=NOW_S - 61)
    seen = ChainStatus("alpha", ChainState.CONNECTING, "").seen(old, NOW_MS, 0)

    assert ChainState.HALTED is seen.aged(ALPHA, NOW_MS).state


def test_a_chain_that_moves_again_is_live_again_after_a_while() -> None:
    halted = ChainStatus("alpha", ChainState.HALTED, "no new block", troubled_at_ms=NOW_MS)
    calm_ms = Limits.of(ALPHA).calm_ms
    moving = halted.seen(head("alpha", 1), NOW_MS, 0)

    assert ChainState.HALTED is moving.aged(ALPHA, NOW_MS + calm_ms - 1).state
    assert ChainState.LIVE is moving.aged(ALPHA, NOW_MS + calm_ms).state


def test_a_stopped_chain_stays_stopped_whatever_comes() -> None:
    stopped = replace(ChainStatus("alpha", ChainState.STOPPED, "forked"))

    assert ChainState.STOPPED is stopped.seen(head("alpha", 1), NOW_MS, 0).aged(ALPHA, NOW_MS).state


def test_reorganisations_are_counted_with_the_deepest() -> None:
    status = ChainStatus("alpha", ChainState.LIVE, "")
    for removed in (0, 3, 0, 1):
        status = status.seen(head("alpha", 1), NOW_MS, removed)

    assert (2, 3) == (status.reorgs, status.deepest_reorg)


async def test_changes_coalesce_and_come_oldest_first() -> None:
    channel = ChangeChannel()
    for _ in range(1_000):
        channel.announce(Change(ChangeKind.CHAIN, "alpha"))
        channel.announce(Change(ChangeKind.PRICES))

    assert (Change(ChangeKind.CHAIN, "alpha"), Change(ChangeKind.PRICES)) == await channel.take()


async def test_what_is_announced_while_waiting_wakes_and_nothing_else_does() -> None:
    channel = ChangeChannel()
    waiting = asyncio.create_task(channel.take())
    await asyncio.sleep(0)
    assert not waiting.done()

    channel.announce(Change(ChangeKind.RETRY))

    assert (Change(ChangeKind.RETRY),) == await waiting
    again = asyncio.create_task(channel.take())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
