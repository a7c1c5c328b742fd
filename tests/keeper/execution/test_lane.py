"""A lane on a real node: many at once, lost bytes, rising fees, reorgs, deadlines, limits."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest

from chains.send_errors import SendClass, SendOutcome
from chains.transactions import Fees, TransactionPolicy, sign_transaction
from keeper.domain.intent import IntentState
from keeper.execution.intake import Outcome
from keeper.execution.tracked import request_of
from tests.chains.nodes import CHAIN_ID, EMITTER, REVERTER
from tests.keeper.execution.scene import ETHER, FINALITY_DEPTH, LIMITS, SELECTOR, Scene, call, terms

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


async def test_a_nonce_taken_by_another_is_lost_only_when_that_is_final(scene: Scene) -> None:
    await scene.lane.submit([call(1), call(2)])
    await scene.node("anvil_dropAllTransactions")
    policy = TransactionPolicy(CHAIN_ID, frozenset({(EMITTER, SELECTOR)}), 10**6, 10**12, ETHER)
    foreign = request_of(call(99), 0, Fees(GWEI, 50 * GWEI))
    outcome = await scene.client.send_raw(sign_transaction(foreign, scene.key, policy).raw)
    scene.foreign.add(outcome.tx_hash)

    for _ in range(FINALITY_DEPTH):
        await scene.mine()
        assert "final_lost_nonce" not in scene.states()
    await scene.mine(3)

    assert ["final_lost_nonce", "final_ok"] == scene.states()
    assert ["foreign_nonce"] == scene.alerts()
    assert Counter([99, 2]) == await scene.emitted()


async def test_without_funds_the_same_bytes_wait_for_a_top_up(scene: Scene) -> None:
    scene.chain.answer = SendOutcome(SendClass.FUNDS, "", "insufficient funds", "", may_be_pooled=False)
    scene.chain.swallow = 3
    await scene.lane.submit([call(1)])
    await scene.mine(4)
    assert [{"blocked": "funds"}] == scene.rows("SELECT blocked FROM intents")
    assert ["sender_funds"] == scene.alerts()
    scene.chain.answer, scene.chain.swallow = None, 0

    await scene.mine(3)

    assert [] == scene.alerts()
    assert Counter([1]) == await scene.emitted()
    assert 1 == len(set(scene.chain.sent))


async def test_what_would_revert_takes_no_nonce(scene: Scene) -> None:
    bad, good = await scene.lane.submit([call(1, contract=REVERTER), call(2)])

    await scene.mine(1 + FINALITY_DEPTH)

    assert {Outcome.SENT, Outcome.SKIPPED} == {bad.outcome, good.outcome}
    assert ["skipped", "final_ok"] == scene.states()
    assert [{"reason_class": "simulation", "nonce": None}, {"reason_class": "", "nonce": 0}] == scene.rows(
        "SELECT reason_class, nonce FROM intents ORDER BY intent_id"
    )


async def test_a_call_that_reverts_when_mined_ends_as_reverted_with_its_reason(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.node("anvil_setCode", EMITTER, "0x63deadbeef5f526004601cfd")

    await scene.mine(1 + FINALITY_DEPTH)

    assert ["final_reverted"] == scene.states()
    assert (1, IntentState.FINAL_REVERTED) == scene.ends[-1][:2]
    assert [{"is_paid": 1}] == [
        {"is_paid": row["cost_wei"] > 0} for row in scene.rows("SELECT cost_wei FROM spending")
    ]


async def test_only_what_is_on_the_allow_list_is_signed(scene: Scene) -> None:
    (answer,) = await scene.lane.submit([call(1, contract="0x" + "99" * 20)])

    assert (Outcome.SKIPPED, True) == (answer.outcome, "allow-list" in answer.reason)
    assert [] == scene.chain.sent


async def test_spending_limits_hold_over_what_is_out_and_what_is_spent_and_a_restart(scene: Scene) -> None:
    await scene.close()
    worst = 60_000 * (2 * GWEI + GWEI)
    limits = replace(LIMITS, max_per_hour_wei=3 * worst, cancel_reserve_wei=0)
    await scene.open(limits=limits)

    outcomes = [
        answer.outcome for answer in await scene.lane.submit([call(number) for number in range(1, 9)])
    ]
    first = outcomes.count(Outcome.SENT)
    await scene.mine(1 + FINALITY_DEPTH)
    await scene.close()
    await scene.open(limits=limits)
    for number in range(20, 60):
        await scene.lane.submit([call(number)])
        await scene.mine()

    assert 1 <= first < 8
    spent = sum(row["cost_wei"] for row in scene.rows("SELECT cost_wei FROM spending"))
    assert 2 * worst < spent + worst <= limits.max_per_hour_wei + worst
    assert spent <= limits.max_per_hour_wei


async def test_a_rehearsal_checks_everything_and_signs_nothing(scene: Scene) -> None:
    await scene.close()
    await scene.open(rehearse=True)

    answers = await scene.lane.submit([call(1), call(2, contract=REVERTER)])

    assert {Outcome.SKIPPED} == {answer.outcome for answer in answers}
    assert ["rehearsal", "simulation"] == [
        row["reason_class"] for row in scene.rows("SELECT reason_class FROM intents ORDER BY intent_id")
    ]
    assert [] == scene.chain.sent


async def test_what_can_not_be_recorded_is_not_sent(scene: Scene) -> None:
    connection = scene.log._writer._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    answers = await scene.lane.submit([call(number) for number in range(1, 17)])
    assert {Outcome.HELD} == {answer.outcome for answer in answers}
    await scene.mine(3)
    assert [] == scene.chain.sent

    connection.execute("PRAGMA max_page_count = 1000000")
    answers = await scene.lane.submit([call(number) for number in range(1, 17)])
    await scene.mine()

    assert {Outcome.SENT} == {answer.outcome for answer in answers}
    assert Counter(range(1, 17)) == await scene.emitted()


async def test_an_answer_that_never_came_leaves_the_outcome_open_and_the_nonce_taken(scene: Scene) -> None:
    scene.chain.answer = NOBODY_KNOWS
    await scene.lane.submit([call(1), call(2)])
    assert ["sent_unknown", "sent_unknown"] == scene.states()
    scene.chain.answer = None

    await scene.mine(1 + FINALITY_DEPTH)

    assert ["final_ok", "final_ok"] == scene.states()


async def test_bytes_that_a_node_swallowed_go_out_again_after_two_blocks(scene: Scene) -> None:
    scene.chain.answer, scene.chain.swallow = NOBODY_KNOWS, 1
    await scene.lane.submit([call(1)])
    scene.chain.answer = None

    await scene.mine(3)

    assert Counter([1]) == await scene.emitted()
    assert 1 == len(set(scene.chain.sent))


async def test_a_receipt_that_is_late_is_waited_for_and_nothing_is_sent_meanwhile(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FINALITY_DEPTH
    await scene.mine(FINALITY_DEPTH)
    assert ["broadcast"] == scene.states()

    await scene.mine(1)

    assert ["final_ok"] == scene.states()
    assert [] == scene.alerts()
    assert 1 == len(scene.chain.sent)


async def test_a_receipt_of_a_block_that_is_not_canonical_is_not_believed(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.wrong_block = True
    await scene.mine(2 * FINALITY_DEPTH)
    assert ["broadcast"] == scene.states()

    scene.chain.wrong_block = False
    await scene.mine()

    assert ["final_ok"] == scene.states()


async def test_a_node_whose_nonce_lags_leads_to_no_second_call(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.nonce_lag = 1
    await scene.mine(4)
    scene.chain.nonce_lag = 0
    await scene.lane.submit([call(2)])

    await scene.mine(1 + FINALITY_DEPTH)

    assert Counter([1, 2]) == await scene.emitted()
    assert ["final_ok", "final_ok"] == scene.states()


async def test_a_fee_ceiling_alerts_and_the_old_bytes_go_on(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.close()
    await scene.open(policy=replace(terms().policy, max_fee_per_gas_wei=3 * GWEI))
    for _ in range(4):
        await scene.node("anvil_setNextBlockBaseFeePerGas", hex(40 * GWEI))
        await scene.mine()
    assert ["fee_ceiling"] == scene.alerts()
    assert [{"blocked": "fee", "n": 1}] == scene.rows(
        "SELECT blocked, (SELECT count(*) FROM attempts) AS n FROM intents"
    )

    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    await scene.mine(3)
    await scene.mine(FINALITY_DEPTH)

    assert Counter([1]) == await scene.emitted()
    assert [] == scene.alerts()


async def test_a_commit_before_the_first_send_costs_little(scene: Scene) -> None:
    started = time.perf_counter()
    await scene.lane.submit([call(number) for number in range(1, 17)])

    assert time.perf_counter() - started < 2
    assert 16 == await scene.pooled()
