"""Two signers on one chain: nonces of their own, limits in common, one live intent per position between them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.keys import Key
from chains.transactions import TransactionRequest, sign_transaction
from keeper.execution.intake import Outcome
from keeper.execution.lane import Lane
from keeper.execution.purse import Purse
from keeper.execution.spending import Outlay, SpendingLimits
from keeper.state.log import StateLog
from keeper.state.reader import LogReader, Row
from keeper.state.verify import verify
from tests.keeper.execution.scene import (
    CHAIN_ID,
    EMITTER,
    ETHER,
    FINALITY_DEPTH,
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
SECRETS = (SECRET, bytes.fromhex("43" * 32))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Two:
    """Two lanes over one log, one chain and one purse."""

    def __init__(self, node: Node, path: Path) -> None:
        self.node = node
        self.path = path
        self.client = node.client()
        self.keys = [Key(secret) for secret in SECRETS]
        self.chain = Meddler(self.client)
        self.log: StateLog
        self.lanes: list[Lane]

    async def open(self, **changes: Any) -> None:
        self.log = StateLog.open(self.path, "live", now_ms)
        rules = terms(**changes)
        self.purse = Purse(rules.limits, now_ms)
        self.lanes = [
            Lane(rules, self.chain, Moody(key), self.log, now_ms, purse=self.purse) for key in self.keys
        ]
        head = await self.client.head()
        for lane in self.lanes:
            await lane.recover(head)

    async def close(self) -> None:
        await self.log.close()

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.node.mine()
            head = await self.client.head()
            for lane in self.lanes:
                await lane.on_head(head)

    def rows(self, sql: str) -> list[Row]:
        with LogReader(self.path) as reader:
            return reader.select(sql)

    async def emitted(self) -> Counter[int]:
        head = await self.client.head()
        logs = await self.client.logs_range(0, head.number, EMITTER)
        return Counter(int(log["data"][10:], 16) for log in logs)


@pytest.fixture
async def two(node: Node, tmp_path: Path) -> AsyncIterator[Two]:
    found = Two(node, tmp_path / "state.db")
    await found.client.connect()
    for key in found.keys:
        await node("anvil_setBalance", key.address, hex(100 * ETHER))
    await found.open()
    yield found
    await found.close()
    assert () == verify(found.path).findings
    await found.client.aclose()


async def test_each_has_its_own_nonces_and_gets_its_own_back_after_a_restart(two: Two) -> None:
    await asyncio.gather(two.lanes[0].submit([call(1), call(2)]), two.lanes[1].submit([call(3), call(4)]))
    await two.node("anvil_dropAllTransactions")
    await two.close()
    await two.open()
    assert [[1, 2], [3, 4]] == [[one.intent.sequence for one in lane.live] for lane in two.lanes]
    await two.mine(2 + FINALITY_DEPTH)

    assert Counter([1, 2, 3, 4]) == await two.emitted()
    assert [(sender, nonce) for sender in sorted(key.address for key in two.keys) for nonce in (0, 1)] == [
        (row["sender"], row["nonce"])
        for row in two.rows("SELECT sender, nonce FROM slots ORDER BY sender, nonce")
    ]


async def test_one_position_has_one_live_intent_whoever_sends_it(two: Two) -> None:
    same = replace(call(2), account_id=call(1).account_id)

    first, second = await asyncio.gather(two.lanes[0].submit([call(1)]), two.lanes[1].submit([same]))

    assert Counter([Outcome.SENT, Outcome.HELD]) == Counter([first[0].outcome, second[0].outcome])
    await two.mine(1 + FINALITY_DEPTH)
    assert 1 == (await two.emitted()).total()


async def test_limits_are_for_both_together_also_when_they_ask_at_once(two: Two) -> None:
    await two.close()
    worst = 60_000 * 3 * GWEI
    limits = replace(LIMITS, max_per_hour_wei=5 * worst, cancel_reserve_wei=0)
    await two.open(limits=limits)
    answers = await asyncio.gather(
        *(
            lane.submit([call(10 * at + number) for number in range(1, 5)])
            for at, lane in enumerate(two.lanes, 1)
        )
    )
    outcomes = Counter(answer.outcome for its in answers for answer in its)

    assert outcomes == {Outcome.SENT: 5, Outcome.SKIPPED: 3}
    await two.mine(1)
    await two.close()
    await two.open(limits=limits)
    for number in range(50, 70):
        await two.lanes[number % 2].submit([call(number)])
        await two.mine()
    spent = sum(row["cost_wei"] for row in two.rows("SELECT cost_wei FROM spending"))
    assert 3 * worst < spent + worst
    assert spent <= limits.max_per_hour_wei


async def test_what_a_key_spent_that_is_used_no_more_still_counts(two: Two) -> None:
    await two.lanes[1].submit([call(1)])
    await two.mine(1 + FINALITY_DEPTH)
    await two.close()
    (spent,) = [row["cost_wei"] for row in two.rows("SELECT cost_wei FROM spending")]
    quote = await two.client.fees()
    worst = 60_000 * (2 * quote.base_fee_wei + quote.tip_wei)
    two.keys = two.keys[:1]

    await two.open(limits=replace(LIMITS, max_per_day_wei=worst + spent - 1, cancel_reserve_wei=0))
    (refused,) = await two.lanes[0].submit([call(2)])
    await two.close()
    await two.open(limits=replace(LIMITS, max_per_day_wei=worst + spent, cancel_reserve_wei=0))
    (sent,) = await two.lanes[0].submit([call(2)])

    assert (Outcome.SKIPPED, Outcome.SENT) == (refused.outcome, sent.outcome)
    await two.mine(1 + FINALITY_DEPTH)


async def test_a_signer_without_money_says_so_once_takes_no_nonce_and_recovers(two: Two) -> None:
    poor, rich = two.lanes
    await two.node("anvil_setBalance", poor.sender, hex(10**9))

    (held,) = await poor.submit([call(1)])
    (sent,) = await rich.submit([call(1)])

    assert (Outcome.HELD, Outcome.SENT) == (held.outcome, sent.outcome)
    assert (False, True) == (poor.is_solvent, rich.is_solvent)
    assert ("it can not pay for its transactions", "") == (poor.hindrance, rich.hindrance)
    await poor.submit([call(2)])
    await two.mine(5)
    assert [{"count": 1, "closed": None}] == two.rows("SELECT count, closed_at_ms AS closed FROM alerts")
    assert [{"n": 0}] == two.rows(f"SELECT count(*) AS n FROM slots WHERE sender = '{poor.sender}'")

    await two.node("anvil_setBalance", poor.sender, hex(ETHER))
    await two.mine(5)
    assert poor.is_solvent
    assert [{"n": 0}] == two.rows("SELECT count(*) AS n FROM alerts WHERE closed_at_ms IS NULL")
    (sent,) = await poor.submit([call(2)])
    assert Outcome.SENT is sent.outcome
    await two.mine(1 + FINALITY_DEPTH)


async def test_a_key_that_was_used_elsewhere_is_known_as_such_and_the_other_goes_on(two: Two) -> None:
    used, own = two.lanes
    await used.submit([call(1)])
    await two.mine(1 + FINALITY_DEPTH)
    elsewhere = TransactionRequest(
        CHAIN_ID, 1, GWEI, 10 * GWEI, 60_000, EMITTER, bytes.fromhex(call(99).calldata[2:])
    )
    signed = await sign_transaction(elsewhere, two.keys[0], terms().policy)
    await two.client.send_raw(signed.raw)
    await two.mine(1)

    assert ("its key is used elsewhere", "") == (used.hindrance, own.hindrance)
    (answer,) = await own.submit([call(2)])
    assert Outcome.SENT is answer.outcome
    await two.mine(1 + FINALITY_DEPTH)
    assert Counter([1, 2, 99]) == await two.emitted()


async def test_an_intent_freed_at_one_signer_may_be_taken_by_the_other(two: Two) -> None:
    first, second = two.lanes
    late = replace(call(1), valid_until_s=(await two.client.head()).timestamp + 30)
    await first.submit([late])
    await two.node("anvil_dropAllTransactions")
    await two.node("evm_increaseTime", 60)
    await two.mine(3 + FINALITY_DEPTH)
    assert ["final_cancelled"] == [row["state"] for row in two.rows("SELECT state FROM intents")]

    again = replace(call(2), account_id=late.account_id)
    (answer,) = await second.submit([again])
    await two.mine(1 + FINALITY_DEPTH)
    assert Outcome.SENT is answer.outcome
    assert Counter([2]) == await two.emitted()


def test_what_is_booked_counts_until_it_is_settled_and_a_replacement_only_once() -> None:
    purse = Purse(SpendingLimits(100, 250, 1_000, 0, 180), lambda: 10**12)
    assert purse.book("a", Outlay(100, "hub")) is None
    assert purse.book("a", Outlay(100, "hub")) is None
    assert purse.book("b", Outlay(90, "hub")) is not None
    assert purse.book("b", Outlay(80, "hub")) is None
    assert purse.book("c", Outlay(80, "other")) is not None
    purse.settle("a")
    assert purse.book("c", Outlay(80, "other")) is None
    assert purse.book("d", Outlay(90), is_cancel=True) is None
