"""What is done about options that expired: fixed first, then settled, who owes before who is owed, once each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import NodeRefused, Reverted
from chains.hub.codec import word
from chains.hub.events import OptionSet, SettlementFixed
from chains.hub.options import OptionMarketFacts, market_key, series_id
from chains.hub.settlement import NEWEST, PROOF_S, fix_call, settle_call
from config.units import WAD
from keeper.domain.intent import IntentState
from keeper.domain.pause import EVERYTHING, Pause, Pauses
from keeper.domain.settlement import FIX_SETTLEMENT, NOBODY, SETTLE_OPTION
from keeper.execution.intake import Outcome
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.lane_driver import LaneDriver
from keeper.runtime.settlements import Settlements
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from tests.keeper.runtime.scene import One, ScriptedLane
from tests.keeper.watch.world import NOW_MS, NOW_S, World, address, log_path, opened, with_options

MARKET = market_key("ETH-OPTIONS")
EXPIRY_S = NOW_S - 60
FEED = address(0xF0)
ALICE, BOB = "0x" + "a1" * 32, "0x" + "b0" * 32


def option(account: str, size: int, strike: int = 2_000, expiry_s: int = EXPIRY_S) -> OptionSet:
    series = series_id(MARKET, strike * WAD, expiry_s, is_call=True)
    return OptionSet(account, series, MARKET, True, strike * WAD, expiry_s, size * WAD, 1)


class Node:
    """Answers for a feed: when its rounds were answered, or with a failure."""

    def __init__(self, *times: int) -> None:
        self.times = times
        self.failing = False

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        if self.failing:
            raise NodeRefused(-32_000, "busy")
        assert {FEED} == {to for to, _ in calls}
        return [self._answer(data) for _, data in calls]

    def _answer(self, data: bytes) -> bytes | Reverted:
        number = len(self.times) if len(data) == 4 else int.from_bytes(data[4:])
        if not 1 <= number <= len(self.times):
            return Reverted(b"")
        at_s = self.times[number - 1]
        return b"".join(word(each) for each in (number, 10**8, at_s, at_s, number))


class Scene:
    """Settlements of one chain, over a lane that does as told."""

    def __init__(self, log: StateLog) -> None:
        self.world = World(**with_options())
        evidence = self.world.evidence
        facts = OptionMarketFacts("ETH-OPTIONS", FEED, 0, 0, 0, WAD, WAD)
        evidence.facts["alpha"] = replace(evidence.facts["alpha"], option_markets=(facts,))
        self.lane, self.node, self.now_ms = ScriptedLane("alpha"), Node(EXPIRY_S - 5, EXPIRY_S + 5), NOW_MS
        lanes = {"alpha": ChainLanes("alpha", [cast("LaneDriver", self.lane)])}
        clients = {"alpha": cast("ChainClient", self.node)}
        clock = lambda: self.now_ms  # noqa: E731 - one line says it
        self.settlements = Settlements(self.world.settings, evidence, lanes, clients, log, clock)
        self.log = log

    async def mine(self, *events: Any) -> None:
        await self.look(self.world.mine("alpha", *events))

    async def look(self, head: Head) -> None:
        await self.settlements.look(head.chain)

    def taken(self) -> list[tuple[int, str, str]]:
        """Return what the lane was given since last time, and forget it."""
        found = [(its.action, its.account_id, its.calldata) for its in self.lane.taken]
        self.lane.taken.clear()
        return found

    def due(self) -> list[str]:
        with LogReader(self.log.path) as reader:
            return [row["reason"] for row in reader.select("SELECT reason FROM settlements ORDER BY seq")]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield Scene(log)


FIX = (FIX_SETTLEMENT, NOBODY, "0x" + fix_call(MARKET, EXPIRY_S, 2).hex())


def settle(account: str, strike: int = 2_000) -> tuple[int, str, str]:
    series = series_id(MARKET, strike * WAD, EXPIRY_S, is_call=True)
    return SETTLE_OPTION, account, "0x" + settle_call(series, [account]).hex()


def fixed(dollars: int = 2_500) -> SettlementFixed:
    return SettlementFixed(MARKET, EXPIRY_S, dollars * WAD, 2, EXPIRY_S + 5)


async def test_an_expiry_is_fixed_once_and_then_who_owes_is_settled_first(scene: Scene) -> None:
    await scene.mine(
        *opened("alpha", account=ALICE), *opened("alpha", account=BOB), option(ALICE, 2), option(BOB, -2)
    )
    assert [FIX] == scene.taken()
    await scene.mine()
    assert [] == scene.taken()

    await scene.mine(fixed())
    assert [settle(BOB), settle(ALICE)] == scene.taken()
    await scene.mine()
    assert [] == scene.taken()
    assert [
        "ETH-OPTIONS expired 2027-01-15 07:59 UTC: what it came to is round 2 of its feed, the first from then on.",
        (
            "2 short of the ETH-OPTIONS call at 2,000.00 USD expired 2027-01-15 07:59 UTC at 2,500.00 USD: "
            "-1,000.00 USD for the account."
        ),
        (
            "2 long of the ETH-OPTIONS call at 2,000.00 USD expired 2027-01-15 07:59 UTC at 2,500.00 USD: "
            "1,000.00 USD for the account."
        ),
    ] == scene.due()


async def test_nothing_is_done_before_the_feed_has_answered_since(scene: Scene) -> None:
    scene.node.times = (EXPIRY_S - 5,)
    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2), option(ALICE, 1, expiry_s=NOW_S + 1))

    assert [] == scene.taken()


async def test_what_can_not_be_proven_waits_a_day(scene: Scene) -> None:
    scene.node.times = (EXPIRY_S + 5,)
    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2))
    assert [] == scene.taken()

    await scene.look(scene.world.mine("alpha", timestamp=EXPIRY_S + PROOF_S))

    assert [(FIX_SETTLEMENT, NOBODY, "0x" + fix_call(MARKET, EXPIRY_S, NEWEST).hex())] == scene.taken()


async def test_what_others_settled_is_left_alone(scene: Scene) -> None:
    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2), option(ALICE, 1, strike=2_100))
    scene.lane.live.clear()
    scene.taken()

    await scene.mine(fixed(), option(ALICE, 0))

    assert [settle(ALICE, 2_100)] == scene.taken()


async def test_what_is_refused_is_tried_again_later_and_what_costs_gas_much_later(scene: Scene) -> None:
    scene.lane.outcome = Outcome.HELD
    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2), fixed())
    assert [settle(ALICE)] == scene.taken()
    await scene.mine()
    assert [] == scene.taken()
    scene.now_ms += 501
    scene.lane.outcome = Outcome.SKIPPED
    await scene.mine()
    assert [settle(ALICE)] == scene.taken()
    scene.now_ms += 3_000
    await scene.mine()
    assert [] == scene.taken()
    scene.now_ms += 1_001
    scene.lane.outcome = Outcome.SENT
    await scene.mine()
    assert [settle(ALICE)] == scene.taken()
    scene.lane.live[0].is_open = False
    intent = scene.lane.live.pop().intent
    scene.settlements.told(intent, IntentState.FINAL_REVERTED, "pool")
    await scene.mine()
    assert [] == scene.taken()
    assert 1 == len(scene.due())


async def test_settlements_leave_half_of_the_room_to_liquidations(scene: Scene) -> None:
    accounts = [f"0x{number:064x}" for number in range(1, 21)]
    await scene.mine(
        *(event for each in accounts for event in (*opened("alpha", account=each), option(each, 1))), fixed()
    )

    assert accounts[:8] == sorted(account for _, account, _ in scene.taken())
    scene.lane.live[0] = One(scene.lane.live[0].intent, is_open=False)
    await scene.mine()
    assert 1 == len(scene.taken())


@pytest.mark.parametrize("hindrance", ["paused", "not ready", "node"])
async def test_nothing_is_begun_while(scene: Scene, hindrance: str) -> None:
    if hindrance == "paused":
        scene.world.evidence.pauses = Pauses((Pause(EVERYTHING, 0, "ann", "upgrade"),))
    scene.lane.ready = hindrance != "not ready"
    scene.node.failing = hindrance == "node"

    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2))

    assert [] == scene.taken()


async def test_an_expiry_that_is_undone_is_fixed_again(scene: Scene) -> None:
    await scene.mine(*opened("alpha", account=ALICE), option(ALICE, 2))
    assert [FIX] == scene.taken()
    scene.lane.live.clear()

    await scene.mine()

    assert [FIX] == scene.taken()
