"""Decisions: made on change, recorded in full, the same again from the record."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.canonical import canonical_json, digest
from config.risk_settings import LiquidateWhen
from keeper.domain.account import Account, CutPoint, EarlierLeg
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.domain.plan import Plan, Step
from keeper.margin.parameters import RiskPolicy
from keeper.planner.codec import Undecodable, decode, encode, without_tree
from keeper.planner.decide import Inputs, assess, decide, replay
from keeper.planner.facts import Inventory, VenueFacts
from oracles.price import FailureKind, Price, PriceSet, Quote, QuoteFailure, QuoteUse
from tests.keeper.margin.builders import CHAINS, POLICY, account, claim, cut, leg, prices
from tests.keeper.planner.builders import inventory, venue, venues
from tests.keeper.planner.troubled import troubled

HERE, THERE, _ = CHAINS
CROSS = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="16800"))
AT_MS = 1_700_000_000_000


def price_set(at: dict[str, Price]) -> PriceSet:
    return PriceSet("0xset", AT_MS, at)


def decided(
    held: Account,
    at: dict[str, Price],
    previous: AccountState | None = None,
    *,
    seen: Sequence[CutPoint] = (),
    live: Sequence[Step] = (),
) -> Decision | None:
    return decide(held, previous, price_set(at), seen or cut(), POLICY, venues(), inventory(), AT_MS, live)


def test_a_first_look_is_a_decision_and_a_second_at_the_same_is_none() -> None:
    held = account(leg(tokens={"ETH": "1"}, owes="10"))

    first = decided(held, prices())

    assert first is not None
    assert (None, AccountState.HEALTHY, None) == (first.previous, first.state, first.plan)
    assert decided(held, prices(), AccountState.HEALTHY) is None


def test_a_liquidatable_account_is_decided_with_its_plan() -> None:
    found = decided(CROSS, prices(10), AccountState.AT_RISK)

    assert found is not None
    assert found.plan is not None
    assert (AccountState.LIQUIDATABLE, 1) == (found.state, len(found.plan.steps))
    assert found.reason.startswith(
        "Liquidatable: health is between 0.9801 and 0.9841: weighted assets of 16,500.00 USD"
    )
    assert "Plan: one step for" in found.reason


def test_while_its_steps_are_under_way_nothing_new_is_decided() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="500"), leg(THERE, owes="16300"))
    found = decided(held, prices(10), AccountState.AT_RISK)
    assert found is not None
    assert found.plan is not None
    live = found.plan.steps

    worse = decided(held, prices(10, ETH="1900"), AccountState.LIQUIDATABLE, live=live)

    assert decided(held, prices(10), AccountState.LIQUIDATABLE, live=live) is None
    assert worse is not None
    assert worse.plan is not None
    assert {(step.action, step.chain) for step in live}.isdisjoint(
        (step.action, step.chain) for step in worse.plan.steps
    )


def test_a_claim_of_ours_is_decided_at_any_health_without_a_change_of_state() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, claims=[claim("1000")]), leg(THERE))

    found = decided(held, prices(), AccountState.HEALTHY)

    assert found is not None
    assert found.plan is not None
    assert 1 == len(found.plan.steps)


def test_an_account_at_risk_is_told_of_and_nothing_is_planned() -> None:
    found = decided(CROSS, prices(300), AccountState.HEALTHY)

    assert found is not None
    assert (AccountState.AT_RISK, None) == (found.state, found.plan)
    assert found.reason.startswith("At risk: health is between 0.9")


def test_on_the_likely_reading_the_reason_says_so() -> None:
    likely = replace(POLICY, liquidate_when=LiquidateWhen.LIKELY)

    found = decide(CROSS, None, price_set(prices(300)), cut(), likely, venues(), inventory(), AT_MS)

    assert found is not None
    assert found.reason.startswith("Liquidatable, by the likely reading: ")
    assert "short by 300.00 USD in the middle" in found.reason


def test_an_unknown_account_says_what_is_missing() -> None:
    found = decided(CROSS, prices(), AccountState.HEALTHY, seen=cut(**{THERE: 99_000}))

    assert found is not None
    assert (AccountState.UNKNOWN, None) == (found.state, found.plan)
    assert "Unknown, so neither healthy nor liquidatable: basin: last read 99 s ago." == found.reason


def test_the_inputs_hold_only_what_concerns_the_account() -> None:
    found = decided(CROSS, prices())
    assert found is not None

    told = json.loads(found.inputs)

    assert {HERE, THERE} == set(told["facts"]) == set(told["inventory"]["chains"])
    assert [HERE, THERE] == [point["chain"] for point in told["cut"]]
    assert "0xset" == told["price_set"] == found.health.price_set


def test_the_id_is_the_digest_of_inputs_and_result() -> None:
    found = decided(CROSS, prices())

    assert found is not None
    assert digest([found.inputs, found.result]) == found.decision_id


def test_the_tree_of_quotes_is_not_part_of_the_inputs() -> None:
    quote = Quote("one", "group", "ETH/USD", 1, 5, 0, None, 1, 1)
    failure = QuoteFailure("two", "group", "ETH/USD", FailureKind.STALE, "old", 1)
    uses = (QuoteUse(quote, True, ""), QuoteUse(failure, False, "stale"))
    at = prices()
    at["ETH"] = replace(at["ETH"], uses=uses, via=at["USDC"])

    found = decided(CROSS, at)

    assert found is not None
    assert found.inputs == getattr(decided(CROSS, prices()), "inputs", "")
    assert without_tree(at["ETH"]) == prices()["ETH"]


def test_assessing_plans_nothing_and_says_the_same() -> None:
    found = decided(CROSS, prices(10), AccountState.AT_RISK)
    assert found is not None

    seen = assess(CROSS, AccountState.AT_RISK, price_set(prices(10)), cut(), POLICY)

    assert (found.health, found.state) == (seen.health, seen.state)


@given(seed=st.integers(0, 2**32))
def test_replaying_the_inputs_gives_the_result_byte_for_byte(seed: int) -> None:
    held, at = troubled(random.Random(seed))

    found = decided(held, at, None, seen=cut(**{THERE: random.Random(seed).choice((1_000, 45_000, 90_000))}))

    assert found is not None
    assert found.result == replay(found.inputs)
    told = decode(Inputs, json.loads(found.inputs))
    assert found.inputs == canonical_json(encode(told))
    assert held == told.account
    assert POLICY == told.policy


def test_a_plan_and_its_steps_survive_the_record() -> None:
    found = decided(CROSS, prices(10))
    assert found is not None
    assert found.plan is not None

    assert found.plan == decode(Plan, encode(found.plan))
    assert replay(found.inputs) == found.result
    again = decided(CROSS, prices(10), live=found.plan.steps)
    assert again is not None
    assert again.result == replay(again.inputs)


@pytest.mark.parametrize("value", [POLICY, CROSS, inventory(), venue(HERE, hub_prices_wad={"ETH": 5})])
def test_every_input_survives_the_record(value: RiskPolicy | Account | Inventory | VenueFacts) -> None:
    assert value == decode(type(value), json.loads(canonical_json(encode(value))))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"at_ms":"1700000000000"', '"at_ms":1700000000000'),
        ('"at_ms":"1700000000000"', '"at_ms":"01700000000000"'),
        ('"at_ms":"1700000000000"', '"at_ms":"soon"'),
        ('"at_ms":"1700000000000",', ""),
        ('"previous":null', '"previous":"fine"'),
        ('"cross_margin":true', '"cross_margin":"yes"'),
        ('"live":[]', '"live":"none"'),
        ('"live":[]', '"live":[],"more":null'),
    ],
)
def test_inputs_that_were_changed_are_refused(old: str, new: str) -> None:
    found = decided(CROSS, prices())
    assert found is not None
    assert old in found.inputs

    with pytest.raises(Undecodable):
        replay(found.inputs.replace(old, new, 1))


@pytest.mark.parametrize("value", [1.5, {1: "one"}, b"raw", {"one"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_what_is_not_final_is_told_recorded_and_replayed() -> None:
    before = leg(tokens={"ETH": "10"}, owes="16000")
    held = replace(
        account(leg(tokens={"ETH": "9.5"}, owes="16200")),
        unfinal=(EarlierLeg(2, before, ("0xclaim",)),),
    )

    found = decided(held, prices())

    assert found is not None
    assert AccountState.AT_RISK is found.state
    assert found.result == replay(found.inputs)
    assert held == decode(Inputs, json.loads(found.inputs)).account
    assert found.reason.endswith(
        f"Not final yet, so counted both ways: on {HERE} its newest 2 blocks undone give 10 ETH instead of 9.5 "
        "and a debt of 16,000 USDC instead of 16,200 and fewer claims by 1."
    )


def test_an_account_with_nothing_unfinal_is_recorded_as_if_there_were_no_such_thing() -> None:
    found = decided(CROSS, prices())

    assert found is not None
    assert "unfinal" not in found.inputs
    assert "final" not in found.reason


def test_where_nothing_need_be_small_a_decision_is_recorded_as_if_there_were_no_such_thing() -> None:
    found = decided(CROSS, prices())

    assert found is not None
    assert not {"small_assets", "held_sales", "small_sales"} & set(found.inputs.split('"'))


def test_that_steps_are_small_is_recorded_and_replayed() -> None:
    facts = venues(small_assets={"ETH": "the reference price is widened"})
    found = decide(CROSS, None, price_set(prices()), cut(), POLICY, facts, inventory(), AT_MS)

    assert found is not None
    assert found.result == replay(found.inputs)
    assert "only small steps with ETH" in found.result
