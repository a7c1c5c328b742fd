"""No dearer than it is worth: bumps stop at what a call should earn, and the nonce is freed rather than left stuck."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answers import FeeQuote
from chains.send_errors import SendClass, SendOutcome
from chains.transactions import Fees
from keeper.execution.fees import first_offer, next_offer, work_ceiling_wei
from keeper.execution.intake import Outcome
from keeper.execution.spending import Outlay, highest_cap_wei, worst_case_wei
from keeper.execution.terms import LaneTerms
from tests.keeper.execution.scene import EMITTER, FINALITY_DEPTH, LIMITS, Scene, call, terms

GWEI = 10**9
GAS = 60_000
NONCE_IS_FREE_WITHIN_BLOCKS = 20
PUBLISHED = SendOutcome(SendClass.PUBLISHED, "", "", "", may_be_pooled=True)
WEI = st.integers(0, 10**24)


@pytest.mark.chain
async def test_bumps_stop_at_what_the_call_should_earn_and_the_nonce_is_freed(scene: Scene) -> None:
    await scene.close()
    await scene.open(max_bumps=99)
    worth = GAS * 4 * GWEI
    scene.chain.answer, scene.chain.swallow = PUBLISHED, 10**9
    await scene.lane.submit([replace(call(1), max_cost_wei=worth)])
    heads = 0
    while not scene.rows("SELECT tx_hash FROM attempts WHERE is_cancel"):
        await scene.mine()
        heads += 1
        assert heads < NONCE_IS_FREE_WITHIN_BLOCKS
    scene.chain.answer, scene.chain.swallow = None, 0
    await scene.mine(3 + FINALITY_DEPTH)

    work = scene.rows("SELECT max_fee_per_gas_wei AS cap_wei, gas_limit FROM attempts WHERE NOT is_cancel")
    assert len(work) == 3
    assert all(row["cap_wei"] * row["gas_limit"] <= worth for row in work)
    assert ["final_cancelled"] == scene.states()
    assert Counter() == await scene.emitted()
    opened = scene.rows("SELECT dedupe_key, count, closed_at_ms IS NULL AS is_open FROM alerts")
    assert [("fee_ceiling", 1, 0)] == [
        (row["dedupe_key"].split("/")[0], row["count"], row["is_open"]) for row in opened
    ]
    await scene.assert_sound()


@pytest.mark.chain
async def test_the_worth_of_a_call_is_remembered_over_a_restart(scene: Scene) -> None:
    worth = GAS * 4 * GWEI
    scene.chain.answer, scene.chain.swallow = PUBLISHED, 10**9
    await scene.lane.submit([replace(call(1), max_cost_wei=worth)])
    for _ in range(4):
        await scene.mine(3)
        await scene.close()
        await scene.open(max_bumps=99, give_up_after_blocks=99)

    caps = [
        row["max_fee_per_gas_wei"]
        for row in scene.rows("SELECT max_fee_per_gas_wei FROM attempts WHERE NOT is_cancel")
    ]
    assert 2 <= len(caps)
    assert max(caps) * GAS <= worth


@pytest.mark.chain
async def test_a_call_that_costs_more_than_it_earns_takes_no_nonce(scene: Scene) -> None:
    dear, fair = await scene.lane.submit(
        [replace(call(1), max_cost_wei=GAS * GWEI), replace(call(2), max_cost_wei=GAS * 10 * GWEI)]
    )

    assert {dear.outcome, fair.outcome} == {Outcome.SKIPPED, Outcome.SENT}
    assert [("profit", None), ("", 0)] == [
        (row["reason_class"], row["nonce"])
        for row in scene.rows("SELECT reason_class, nonce FROM intents ORDER BY intent_id")
    ]
    await scene.mine(1 + FINALITY_DEPTH)
    assert Counter([2]) == await scene.emitted()


@pytest.mark.chain
async def test_a_first_offer_is_cut_to_what_the_call_should_earn(scene: Scene) -> None:
    await scene.lane.submit([replace(call(1), max_cost_wei=GAS * 5 * GWEI // 2)])

    assert [5 * GWEI // 2] == [
        row["max_fee_per_gas_wei"] for row in scene.rows("SELECT max_fee_per_gas_wei FROM attempts")
    ]
    await scene.mine(1 + FINALITY_DEPTH)
    assert ["final_ok"] == scene.states()


@pytest.mark.chain
async def test_the_lowest_nonce_is_freed_in_time_whatever_is_configured(scene: Scene) -> None:
    await scene.close()
    await scene.open(max_bumps=10**6, bump_after_blocks=7)
    scene.chain.answer, scene.chain.swallow = PUBLISHED, 10**9
    await scene.lane.submit([call(1), call(2)])
    heads = 0
    while not scene.rows("SELECT tx_hash FROM attempts WHERE is_cancel"):
        await scene.mine()
        heads += 1
        assert heads < NONCE_IS_FREE_WITHIN_BLOCKS
    scene.chain.answer, scene.chain.swallow = None, 0
    await scene.mine(6 + FINALITY_DEPTH)

    assert [{"nonce": 0}] == scene.rows("SELECT nonce FROM attempts WHERE is_cancel")
    assert ["final_cancelled", "final_ok"] == scene.states()


@pytest.mark.chain
async def test_what_one_contract_may_cost_is_counted_over_a_restart_and_others_go_on(scene: Scene) -> None:
    await scene.close()
    other = "0x" + "e2" * 20
    await scene.node("anvil_setCode", other, await scene.node("eth_getCode", EMITTER, "latest"))
    worst = GAS * 3 * GWEI
    limits = replace(LIMITS, max_per_target_per_day_wei=worst * 3 // 2)
    rules: LaneTerms = terms(limits=limits)
    policy = replace(rules.policy, allowed=rules.policy.allowed | {(other, bytes.fromhex("aabbccdd"))})
    await scene.open(limits=limits, policy=policy)

    answers = await scene.lane.submit([call(1), call(2), call(3, contract=other)])
    by_number = {answer.intent.sequence: answer for answer in answers}
    assert [Outcome.SENT, Outcome.SKIPPED, Outcome.SENT] == [by_number[n].outcome for n in (1, 2, 3)]
    assert "max_per_target_per_day_wei" in by_number[2].reason
    number = 10
    for _ in range(8):
        await scene.mine(1)
        await scene.close()
        await scene.open(limits=limits, policy=policy)
        await scene.lane.submit([call(number), call(number + 1, contract=other)])
        number += 2
    await scene.mine(1)
    spent = sum(
        row["cost_wei"] for row in scene.rows(f"SELECT cost_wei FROM spending WHERE target = '{EMITTER}'")
    )
    assert 0 < spent <= worst * 3 // 2


@given(max_fee=st.integers(9, 10**15), base=st.integers(0, 10**15), tip=st.integers(0, 10**12))
def test_a_cancel_always_fits_over_a_call_under_the_ceiling(max_fee: int, base: int, tip: int) -> None:
    offer = first_offer(FeeQuote(base, tip), work_ceiling_wei(max_fee))
    while offer is not None:
        cancel = next_offer(offer, FeeQuote(0, 0), max_fee)
        assert cancel is not None
        assert cancel.cap_wei <= max_fee
        bumped = next_offer(offer, FeeQuote(base, tip), work_ceiling_wei(max_fee))
        assert bumped is None or bumped.cap_wei > offer.cap_wei
        offer = bumped if bumped != offer else None


@given(worth=WEI, gas=st.integers(21_000, 10**7), data_fee=WEI, base=st.integers(0, 10**13))
def test_no_offer_costs_more_than_the_call_is_worth(worth: int, gas: int, data_fee: int, base: int) -> None:
    bound = highest_cap_wei(worth, gas, data_fee)
    offer: Fees | None = first_offer(FeeQuote(base, GWEI), work_ceiling_wei(10**15, bound))
    while offer is not None:
        assert worst_case_wei(offer.cap_wei, gas, data_fee) <= worth
        offer = next_offer(offer, FeeQuote(base, GWEI), work_ceiling_wei(10**15, bound))


def test_without_a_known_worth_the_ceiling_alone_holds() -> None:
    assert highest_cap_wei(None, GAS, 0) is None
    assert work_ceiling_wei(90) == work_ceiling_wei(90, None) == 80
    assert Outlay(5).target == ""
