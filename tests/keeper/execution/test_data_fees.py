"""A lane on a rollup: the fee for data is part of what may be spent, of what a call may cost, and of its gas."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.keys import Key
from chains.l1_fees import GAS_PRICE_ORACLE, NODE_INTERFACE
from chains.send_errors import SendClass, SendOutcome
from config.settings import L1Fee
from keeper.execution.data_fees import DataFees
from keeper.execution.intake import Outcome, Submitted
from keeper.execution.lane import Lane
from keeper.state.log import StateLog
from keeper.state.reader import LogReader, Row
from tests.keeper.execution.scene import (
    ETHER,
    LIMITS,
    SECRET,
    Meddler,
    Moody,
    Node,
    call,
    terms,
)

pytestmark = pytest.mark.chain
GWEI = 10**9
FEE = 10**15
EVERY_FEE = "0x" + "66" + f"{FEE:014x}" + "5f5260205ff3"
"""Answers one fee for everything."""
MORE_GAS = "0x61a0005f5260205ff3"
"""Answers 40,960 gas for everything."""
GAS = 60_000
PUBLISHED = SendOutcome(SendClass.PUBLISHED, "", "", "", may_be_pooled=True)


class Rollup:
    """A lane on a chain that charges for data."""

    def __init__(self, node: Node, path: Path) -> None:
        self.node = node
        self.client = node.client()
        self.chain = Meddler(self.client)
        self.path = path
        self.log: StateLog
        self.lane: Lane

    async def open(self, kind: L1Fee, **changes: Any) -> None:
        clock = lambda: time.time_ns() // 1_000_000  # noqa: E731 - one line says it
        self.log = StateLog.open(self.path, "live", clock)
        fees = DataFees(kind, self.client)
        signer = Moody(Key(SECRET))
        self.lane = Lane(terms(**changes), self.chain, signer, self.log, clock, data_fees=fees)
        await self.lane.recover(await self.client.head())

    async def submit(self, number: int, max_cost_wei: int | None = None) -> Submitted:
        (answer,) = await self.lane.submit([replace(call(number), max_cost_wei=max_cost_wei)])
        return answer

    async def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            await self.node.mine()
            await self.lane.on_head(await self.client.head())

    def rows(self, sql: str) -> list[Row]:
        with LogReader(self.path) as reader:
            return reader.select(sql)


@pytest.fixture
async def rollup(node: Node, tmp_path: Path) -> AsyncIterator[Rollup]:
    found = Rollup(node, tmp_path / "state.db")
    await found.client.connect()
    await node("anvil_setBalance", Key(SECRET).address, hex(100 * ETHER))
    await node("anvil_setCode", GAS_PRICE_ORACLE, EVERY_FEE)
    await node("anvil_setCode", NODE_INTERFACE, MORE_GAS)
    yield found
    await found.log.close()
    await found.client.aclose()


async def test_the_fee_for_data_counts_in_what_a_call_may_cost(rollup: Rollup) -> None:
    await rollup.open(L1Fee.OP_STACK)
    fee = FEE * 5 // 4
    least = GAS * 2 * GWEI

    dear = await rollup.submit(1, fee + least - 1)
    fair = await rollup.submit(2, fee + least)

    assert (Outcome.SKIPPED, Outcome.SENT) == (dear.outcome, fair.outcome)
    (row,) = rollup.rows("SELECT max_fee_per_gas_wei, l1_fee_wei FROM attempts")
    assert (2 * GWEI, fee) == (row["max_fee_per_gas_wei"], row["l1_fee_wei"])


async def test_the_fee_for_data_counts_in_what_may_be_spent_also_after_a_restart(rollup: Rollup) -> None:
    fee, worst = FEE * 5 // 4, GAS * 3 * GWEI
    limits = replace(LIMITS, max_per_hour_wei=2 * (fee + worst) - 1, cancel_reserve_wei=0)
    await rollup.open(L1Fee.OP_STACK, limits=limits)
    assert Outcome.SENT is (await rollup.submit(1)).outcome
    await rollup.log.close()
    await rollup.open(L1Fee.OP_STACK, limits=limits)

    refused = await rollup.submit(2)
    assert (Outcome.SKIPPED, True) == (refused.outcome, "max_per_hour_wei" in refused.reason)


async def test_a_bump_leaves_room_for_the_fee_for_data(rollup: Rollup) -> None:
    await rollup.open(L1Fee.OP_STACK, max_bumps=99)
    fee = FEE * 5 // 4
    rollup.chain.answer, rollup.chain.swallow = PUBLISHED, 10**9
    await rollup.submit(1, fee + GAS * 4 * GWEI)

    await rollup.mine(9)

    caps = [row["max_fee_per_gas_wei"] for row in rollup.rows("SELECT max_fee_per_gas_wei FROM attempts")]
    assert 3 == len(caps)
    assert max(caps) <= 4 * GWEI


async def test_gas_for_data_comes_on_top_of_the_calls_own(rollup: Rollup) -> None:
    await rollup.open(L1Fee.ARBITRUM)

    await rollup.submit(1)
    await rollup.node("anvil_dropAllTransactions")
    await rollup.lane.cancel(call(1).intent_id, "no longer wanted")

    more = 40_960 * 5 // 4
    assert [(0, GAS + more), (1, 21_000 + more)] == [
        (row["is_cancel"], row["gas_limit"])
        for row in rollup.rows("SELECT is_cancel, gas_limit FROM attempts ORDER BY number")
    ]
    await rollup.mine(1)
    assert ["mined"] == [row["state"] for row in rollup.rows("SELECT state FROM intents")]


async def test_nothing_is_begun_where_the_fee_can_not_be_read(rollup: Rollup) -> None:
    await rollup.node("anvil_setCode", GAS_PRICE_ORACLE, "0x")
    await rollup.open(L1Fee.OP_STACK)

    answer = await rollup.submit(1)

    assert (Outcome.HELD, True) == (answer.outcome, "right kind of rollup" in answer.reason)


async def test_a_typical_calls_charge_is_kept_for_plans(rollup: Rollup) -> None:
    await rollup.open(L1Fee.NONE)
    fees = DataFees(L1Fee.OP_STACK, rollup.client)
    head = await rollup.client.head()
    await fees.refresh(head, call(1).contract)
    assert FEE * 5 // 4 == fees.typical.fee_wei

    await rollup.node("anvil_setCode", GAS_PRICE_ORACLE, "0x")
    await fees.refresh(replace(head, timestamp=head.timestamp + 100), call(1).contract)
    assert FEE * 5 // 4 == fees.typical.fee_wei
