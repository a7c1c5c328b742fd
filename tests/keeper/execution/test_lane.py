"""A lane on a real node: many at once, lost bytes, rising fees, reorgs, deadlines."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chains.send_errors import SendClass, SendOutcome
from keeper.execution.intake import Outcome
from tests.keeper.execution.scene import FINALITY_DEPTH, Scene, call

pytestmark = pytest.mark.chain
GWEI = 10**9
NOBODY_KNOWS = SendOutcome(SendClass.TRANSIENT, "", "timeout", "", may_be_pooled=True)


async def test_ten_at_once_are_mined_in_one_block_in_the_order_given(scene: Scene) -> None:
    answers = await scene.lane.submit([call(number) for number in range(1, 11)])
    await scene.mine(2 + FINALITY_DEPTH)

    assert [Outcome.SENT] * 10 == [answer.outcome for answer in answers]
    assert Counter(range(1, 11)) == await scene.emitted()
    assert {"final_ok"} == set(scene.states())
    assert [{"block_number": 1, "n": 10}] == scene.rows(
        "SELECT block_number, count(*) AS n FROM receipts GROUP BY block_number"
    )
    assert list(range(10)) == [
        row["nonce"] for row in scene.rows("SELECT nonce FROM intents ORDER BY intent_id")
    ]


async def test_more_than_may_be_in_flight_are_held_and_taken_as_room_comes(scene: Scene) -> None:
    waiting = [call(number) for number in range(1, 41)]
    blocks = 0
    while waiting:
        answers = await scene.lane.submit(waiting)
        waiting = [answer.intent for answer in answers if answer.outcome is Outcome.HELD]
        assert await scene.pooled() <= 16
        await scene.mine()
        blocks += 1

    assert 3 == blocks
    assert Counter(range(1, 41)) == await scene.emitted()


async def test_a_position_with_a_live_intent_takes_no_second(scene: Scene) -> None:
    second = replace(call(2), account_id=call(1).account_id)

    outcomes = [answer.outcome for answer in await scene.lane.submit([call(1), second, call(1)])]

    assert [Outcome.SENT, Outcome.HELD, Outcome.HELD] == sorted(outcomes, reverse=True)
    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([second])]
    await scene.mine(1 + FINALITY_DEPTH)
    assert [Outcome.SENT] == [answer.outcome for answer in await scene.lane.submit([second])]


@pytest.mark.parametrize("how", ["anvil_dropTransaction", "anvil_dropAllTransactions"])
async def test_bytes_that_a_pool_dropped_are_handed_over_again(scene: Scene, how: str) -> None:
    await scene.lane.submit([call(1), call(2)])
    first = scene.rows("SELECT tx_hash FROM attempts ORDER BY nonce")[0]["tx_hash"]
    await scene.node(how, *([first] if how == "anvil_dropTransaction" else []))

    await scene.mine(3)

    assert Counter([1, 2]) == await scene.emitted()
    assert [{"n": 2}] == scene.rows("SELECT count(*) AS n FROM attempts")


async def test_a_fee_that_fell_under_the_base_fee_is_bumped_at_the_same_nonce(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    cap = scene.rows("SELECT max_fee_per_gas_wei FROM attempts")[0]["max_fee_per_gas_wei"]
    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(3 * cap))
    await scene.mine()
    assert 0 == await scene.pooled()
    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(3 * cap))

    await scene.mine(4)

    assert Counter([1]) == await scene.emitted()
    attempts = scene.rows("SELECT * FROM attempts ORDER BY number")
    assert {0} == {attempt["nonce"] for attempt in attempts}
    assert len(attempts) == 2
    for field in ("max_fee_per_gas_wei", "max_priority_fee_per_gas_wei"):
        assert attempts[1][field] * 8 >= attempts[0][field] * 9


async def test_what_is_never_included_is_bumped_and_then_cancelled(scene: Scene) -> None:
    scene.chain.answer = SendOutcome(SendClass.PUBLISHED, "", "", "", may_be_pooled=True)
    scene.chain.swallow = 10**9
    await scene.lane.submit([call(1)])
    for _ in range(10):
        await scene.mine()
    scene.chain.swallow, scene.chain.answer = 0, None

    await scene.mine(4 + FINALITY_DEPTH)

    assert Counter() == await scene.emitted()
    assert ["final_cancelled"] == scene.states()
    kinds = [
        (row["is_cancel"], row["reason"]) for row in scene.rows("SELECT * FROM attempts ORDER BY number")
    ]
    assert [(0, "first"), (0, "bump"), (0, "bump"), (1, "not mined after 2 bumps")] == kinds[:4]
    head = await scene.client.head()
    assert head.number <= 20


async def test_a_call_past_its_deadline_is_cancelled(scene: Scene) -> None:
    now_s = (await scene.client.head()).timestamp
    await scene.lane.submit([call(1, valid_until_s=now_s + 30), call(2)])
    await scene.node("anvil_dropAllTransactions")
    await scene.node("evm_increaseTime", 60)

    await scene.mine(4 + FINALITY_DEPTH)

    assert ["final_cancelled", "final_ok"] == scene.states()
    assert Counter([2]) == await scene.emitted()


async def test_when_the_call_wins_against_its_cancel_it_counts_as_done(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    raw = bytes.fromhex(scene.rows("SELECT raw FROM attempts")[0]["raw"][2:])
    await scene.lane.cancel(call(1).intent_id, "no longer wanted")
    await scene.node("anvil_dropAllTransactions")
    await scene.client.send_raw(raw)

    await scene.mine(2 + FINALITY_DEPTH)

    assert ["final_ok"] == scene.states()
    assert Counter([1]) == await scene.emitted()


async def test_a_reorg_that_drops_a_mined_call_sends_the_same_bytes_again(scene: Scene) -> None:
    await scene.lane.submit([call(1), call(2)])
    await scene.mine(2)
    assert ["mined", "mined"] == scene.states()
    sent = len(scene.chain.sent)

    await scene.node("anvil_reorg", 2, [])
    await scene.look()
    assert ["broadcast", "broadcast"] == scene.states()
    assert scene.chain.sent[:2] == scene.chain.sent[sent : sent + 2]
    await scene.mine(2 + FINALITY_DEPTH)

    assert Counter([1, 2]) == await scene.emitted()
    assert ["final_ok", "final_ok"] == scene.states()
    assert [{"canonical": 0, "n": 2}, {"canonical": 1, "n": 2}] == scene.rows(
        "SELECT canonical, count(*) AS n FROM receipts GROUP BY canonical"
    )
    assert len(list(scene.lane._purse._ledger.since_a_day(0))) == 2


async def test_a_reorg_that_moves_a_mined_call_to_another_block_sends_nothing(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.mine(2)
    sent = len(scene.chain.sent)
    raw = scene.rows("SELECT raw FROM attempts")[0]["raw"]

    await scene.node("anvil_reorg", 2, [[raw, 1]])
    await scene.look()

    assert ["mined"] == scene.states()
    assert sent == len(scene.chain.sent)
    assert [{"block_number": 2}] == scene.rows("SELECT block_number FROM receipts WHERE canonical = 1")
    await scene.mine(1 + FINALITY_DEPTH)
    assert ["final_ok"] == scene.states()


async def test_reorgs_back_and_forth_leave_one_call(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    for _ in range(6):
        await scene.mine()
        await scene.node("anvil_reorg", 1, [])
        await scene.look()

    await scene.mine(2 + FINALITY_DEPTH)

    assert ["final_ok"] == scene.states()
    assert [{"n": 1}] == scene.rows("SELECT count(*) AS n FROM attempts")
