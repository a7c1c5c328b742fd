"""What a lane refuses: calls that would fail, targets off the list, spending past the limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chains.answers import Receipt
from chains.send_errors import SendClass, SendOutcome
from keeper.domain.intent import IntentState
from keeper.execution.events import Mined
from keeper.execution.intake import Outcome
from keeper.execution.spending import Spent
from keeper.execution.tracked import Ledger
from tests.keeper.execution.scene import EMITTER, FINALITY_DEPTH, LIMITS, REVERTER, Scene, call, terms

pytestmark = pytest.mark.chain
GWEI = 10**9
NOBODY_KNOWS = SendOutcome(SendClass.TRANSIENT, "", "timeout", "", may_be_pooled=True)


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


async def test_a_base_fee_over_the_ceiling_holds_new_intents_and_says_so(scene: Scene) -> None:
    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(600 * GWEI))

    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([call(1)])]
    assert ["fee_ceiling"] == scene.alerts()

    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    assert [Outcome.SENT] == [answer.outcome for answer in await scene.lane.submit([call(1)])]
    assert [] == scene.alerts()
    await scene.mine()


async def test_a_bump_counts_once_against_the_limits(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    worst = 60_000 * scene.rows("SELECT max_fee_per_gas_wei FROM attempts")[0]["max_fee_per_gas_wei"]
    await scene.close()
    await scene.open(limits=replace(LIMITS, max_per_hour_wei=worst * 21 // 10, cancel_reserve_wei=0))
    scene.chain.answer = SendOutcome(SendClass.PUBLISHED, "", "", "", may_be_pooled=True)
    scene.chain.swallow = 10**9
    await scene.node("anvil_dropAllTransactions")

    await scene.mine(4)

    assert [{"n": 2}] == scene.rows("SELECT count(*) AS n FROM attempts")
    assert [] == scene.alerts()


def test_a_receipt_counts_once_until_its_block_is_gone() -> None:
    ledger = Ledger()
    receipt = Receipt("0xa", 7, "0xb7", True, 21_000, GWEI, 5, ())
    ledger.add("0x5e", receipt, "0xe1", 1_000)
    ledger.add("0x5e", receipt, "0xe1", 2_000)
    assert [Spent(1_000, 21_000 * GWEI + 5, "0xe1")] == list(ledger.since_a_day(3_000))

    ledger.remove(Mined("0xa", "0xb8", 8, 1))
    assert len(list(ledger.since_a_day(3_000))) == 1
    ledger.remove(Mined("0xa", "0xb7", 7, 1))
    assert [] == list(ledger.since_a_day(3_000))
