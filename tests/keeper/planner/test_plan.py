"""Which steps are chosen, how large, and why the others are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from config.units import WAD
from keeper.planner.facts import GasCosts
from tests.keeper.margin.builders import (
    CHAINS,
    KEEPER,
    POLICY,
    account,
    asset_risk,
    claim,
    leg,
    position,
    prices,
    token,
    usd,
)
from tests.keeper.planner.builders import executed, health_of, inventory, plan_for, venue, venues

HERE, THERE, YONDER = CHAINS
CROSS = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="16800"))
"""Health 0.9821 at 2,000 USD: collateral on one chain, debt on another."""
LOCAL = account(leg(HERE, tokens={"ETH": "10"}, owes="16800"))


def test_a_healthy_account_is_left_alone() -> None:
    found = plan_for(account(leg(tokens={"ETH": "10"}, owes="100")), prices())

    assert () == found.steps
    assert "left alone" in found.reason


def test_an_account_at_exactly_zero_surplus_is_left_alone() -> None:
    assert () == plan_for(account(leg(tokens={"ETH": "10"}, owes="16500")), prices()).steps


def test_an_account_that_is_only_perhaps_under_water_is_left_alone() -> None:
    assert () == plan_for(CROSS, prices(200)).steps


def test_nothing_is_done_while_the_account_is_unknown() -> None:
    found = plan_for(CROSS, {})

    assert () == found.steps
    assert "unknown" in found.reason


def test_debt_is_repaid_just_enough_to_be_certainly_at_the_target() -> None:
    found = plan_for(CROSS, prices(10))

    (step,) = found.steps
    assert (Action.REPAY_CROSS, THERE, HERE, token("ETH", HERE)) == (
        step.action,
        step.chain,
        step.target_chain,
        step.target_token,
    )
    after, _ = executed(CROSS, found.steps, prices(10))
    reached = health_of(after, prices(10)).health
    assert reached is not None
    assert 105 * WAD // 100 <= reached.low <= 105 * WAD // 100 + WAD // 10**4
    assert found.expected_health_wad == reached.low


def test_the_size_is_the_closed_form_that_lending_markets_use() -> None:
    """(target * debt - weighted collateral) / (target - weight * (1 + penalty)), rounded up to the stable's unit."""
    (step,) = plan_for(LOCAL, prices()).steps

    exact = (usd("1.05") * 16_800 - usd("16500")) * 10**6 // (usd("1.05") - usd("0.86625"))
    assert (Action.REPAY, 1) == (step.action, step.item)
    assert 0 <= step.size - exact <= exact // 10**5 + 1


@pytest.mark.parametrize(("debt_price", "repaid"), [("2000", "4"), ("333", "24.024024")])
def test_aave_v4_debt_to_target(debt_price: str, repaid: str) -> None:
    """10,000 USD owed, factor 0.5, bonus 1.5, health 0.8 to a target of 1.0."""
    policy = replace(
        POLICY,
        target_health_wad=WAD,
        assets=POLICY.assets | {"ETH": asset_risk(5_000)},  # type: ignore[operator] # a dict here
    )
    facts = venues(close_factor_bps=10_000, insurance_share_bps=0)
    tokens = tuple(replace(its, penalty_bps=5_000) for its in facts[HERE].tokens)
    facts = {HERE: replace(facts[HERE], tokens=tokens)}
    owed = str(10_000 / int(debt_price))[:9]
    held = account(leg(HERE, tokens={"ETH": "8"}, owes=owed))

    (step,) = plan_for(held, prices(USDC=debt_price), policy=policy, facts=facts).steps

    assert abs(step.size - usd(repaid) // 10**12) <= usd(repaid) // 10**17 + 2


def test_the_cheaper_of_two_collaterals_is_taken() -> None:
    held = account(leg(HERE, tokens={"ETH": "5", "VAULT": "8000"}, owes="16500"))

    found = plan_for(held, prices())

    assert [(Action.REPAY, 1)] == [(step.action, step.item) for step in found.steps]
    assert any("VAULT: not needed" in line for line in found.rejected)


def test_gas_decides_between_chains_for_a_small_shortfall() -> None:
    held = account(
        leg(HERE, tokens={"ETH": "0.1"}, owes="100"), leg(THERE, tokens={"ETH": "0.1"}, owes="231")
    )
    dear = GasCosts(*[usd("4")] * 5)
    means = inventory()
    means = replace(means, chains={**means.chains, THERE: replace(means.chains[THERE], gas=dear)})

    (step,) = plan_for(held, prices(), means=means).steps

    assert HERE == step.chain


def test_a_position_is_closed_in_the_part_that_is_needed() -> None:
    held = account(leg(HERE, positions=[position("100", "2000")]), leg(THERE, tokens={"USDC": "8000"}))

    found = plan_for(held, prices())

    (step,) = found.steps
    assert (Action.CLOSE, HERE, 0) == (step.action, step.chain, step.item)
    assert 0 < step.size < 50 * WAD
    after, _ = executed(held, found.steps, prices())
    reached = health_of(after, prices()).health
    assert reached is not None
    assert reached.low >= 105 * WAD // 100


def test_no_step_passes_the_close_factor_until_health_is_far_below() -> None:
    near = account(leg(HERE, tokens={"ETH": "10"}, owes="17250"))
    (step,) = plan_for(near, prices()).steps
    assert near.legs[0].debt is not None
    assert near.legs[0].debt.amount // 2 == step.size

    far = account(leg(HERE, tokens={"ETH": "10"}, owes="17400"))
    (step,) = plan_for(far, prices()).steps
    assert step.size > 8_700 * 10**6


def test_what_would_leave_dust_is_taken_whole() -> None:
    held = account(leg(HERE, tokens={"ETH": "0.04"}, owes="68"))

    (step,) = plan_for(held, prices()).steps

    assert 68 * 10**6 == step.size


def test_collateral_that_is_already_claimed_is_not_promised_again() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="1700", claims=[claim("1800", chain=HERE)]))

    found = plan_for(held, prices())

    assert [Action.SEIZE, Action.REPAY] == [step.action for step in found.steps]
    assert found.steps[1].size <= 105 * 10**6
    foreign = replace(claim("1800", chain=HERE), beneficiary="0x" + "99" * 20)
    (step,) = plan_for(replace(held, legs=(replace(held.legs[0], claims=(foreign,)),)), prices()).steps
    assert step.size <= 105 * 10**6


def test_a_toxic_step_is_never_part_of_a_rescue() -> None:
    """A stable's weight and penalty, 0.97 * 1.01, is above this health; ether's, 0.825 * 1.05, is not."""
    held = account(leg(HERE, tokens={"ETH": "10", "USDC": "2000"}, owes="19500"))

    found = plan_for(held, prices())

    assert [1] == [step.item for step in found.steps]
    assert any("USDC: toxic" in line for line in found.rejected)


def test_where_every_step_is_toxic_the_account_is_closed_whole_and_the_plan_says_so() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="19900"))

    found = plan_for(held, prices())

    assert found.whole_account
    assert "every step that matters would lower health" in found.reason
    after, _ = executed(held, found.steps, prices())
    assert () == after.legs[0].collateral


def test_dust_that_would_help_is_no_way_out_of_closing_whole() -> None:
    held = account(leg(HERE, tokens={"ETH": "10", "WBTC": "0.00001"}, owes="19900"))

    assert plan_for(held, prices()).whole_account


def test_while_a_step_that_helps_is_only_held_up_the_account_is_not_closed_whole() -> None:
    held = account(
        leg(HERE, tokens={"USDC": "10000"}, owes="11000"), leg(THERE, tokens={"WBTC": "0.02"}, owes="10")
    )

    assert plan_for(held, prices()).steps
    paused = plan_for(held, prices(), facts=venues() | {THERE: venue(THERE, not_live="is paused")})
    assert (False, ()) == (paused.whole_account, paused.steps)


def test_collateral_that_can_never_help_is_no_reason_to_wait() -> None:
    held = account(
        leg(HERE, tokens={"USDC": "10000"}, owes="11000"),
        leg(THERE, tokens={"WBTC": "0.02"}, cross_margin=False),
    )

    assert plan_for(held, prices()).whole_account


def test_a_bankrupt_account_is_closed_whole_positions_first() -> None:
    held = account(
        leg(HERE, tokens={"ETH": "1"}, owes="1500", positions=[position("10", "2300")]), leg(THERE, owes="50")
    )

    found = plan_for(held, prices())

    assert found.whole_account
    assert [Action.CLOSE, Action.REPAY] == [step.action for step in found.steps]
    after, _ = executed(held, found.steps, prices())
    assert () == after.legs[0].positions
    assert () == after.legs[0].collateral


def test_taking_all_collateral_leaves_room_for_the_hubs_price_to_be_higher() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="3000"))

    found = plan_for(held, prices())

    dearer = venues(hub_prices_wad={"ETH": usd("2029")})
    after, _ = executed(held, found.steps, prices(), dearer)
    assert () == after.legs[0].collateral


def test_debt_is_written_off_only_once_nothing_anywhere_can_pay_it() -> None:
    bare = account(leg(HERE, owes="100"), leg(THERE))
    backed = account(leg(HERE, owes="100"), leg(THERE, tokens={"ETH": "0.001"}))
    open_position = account(leg(HERE, owes="100"), leg(THERE, positions=[position("0.1", "2000")]))

    (step,) = plan_for(bare, prices()).steps
    assert (Action.WRITE_OFF, 100 * 10**6) == (step.action, step.size)
    for held in (backed, open_position):
        assert Action.WRITE_OFF not in [step.action for step in plan_for(held, prices()).steps]


def test_a_crumb_that_rounding_left_does_not_keep_debt_on_the_books() -> None:
    crumb = account(leg(HERE, owes="100"), leg(THERE, tokens={"ETH": "0.000000000000000001"}))

    assert [Action.WRITE_OFF] == [step.action for step in plan_for(crumb, prices()).steps]


def test_our_confirmed_claim_is_taken_at_any_health() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, claims=[claim("1000")]))

    found = plan_for(held, prices())

    (step,) = found.steps
    assert (Action.SEIZE, HERE, 1, claim("1000").claim) == (step.action, step.chain, step.item, step.claim)
    after, (result,) = executed(held, found.steps, prices())
    assert () == after.legs[0].claims
    assert usd("1000") == result.value_wad


def test_a_claim_of_another_or_not_yet_confirmed_is_left() -> None:
    fresh = replace(claim("1000"), opened_number=100)
    foreign = replace(claim("1000"), beneficiary="0x" + "99" * 20)
    held = account(leg(HERE, tokens={"ETH": "10"}, claims=[fresh]), leg(THERE, owes="1"))

    waiting = plan_for(held, prices())
    assert () == waiting.steps
    assert "needs 1 more blocks on basin" in waiting.rejected[0]
    other = account(leg(HERE, tokens={"ETH": "10"}, claims=[foreign]), leg(THERE, owes="1"))
    assert ((), ()) == (plan_for(other, prices()).steps, plan_for(other, prices()).rejected)
    assert KEEPER == claim("1").beneficiary


def test_steps_under_way_are_taken_as_done_and_not_planned_again() -> None:
    first = plan_for(CROSS, prices())

    again = plan_for(CROSS, prices(), live=first.steps)
    assert ((), "Steps already under way restore the account.") == (again.steps, again.reason)

    crash = plan_for(CROSS, prices(ETH="1800"), live=first.steps)
    assert all(step.action is not Action.REPAY_CROSS for step in crash.steps)
    assert not crash.whole_account


def test_one_step_is_preferred_to_several_that_cost_more() -> None:
    held = account(
        leg(HERE, tokens={"ETH": "9.97"}, owes="16800"), leg(THERE, tokens={"ETH": "0.03"}, owes="30")
    )
    dear = GasCosts(*[usd("2")] * 5)

    found = plan_for(held, prices(), means=inventory(gas=dear))

    assert 1 == len(found.steps)


def test_every_step_and_the_plan_say_why_in_numbers() -> None:
    found = plan_for(CROSS, prices(10))

    assert "one step for" in found.reason
    assert "Repays 6,3" in found.steps[0].reason
    assert "health goes from between 0.9801 and 0.9841 to between 1.0500 and 1.0552" in found.steps[0].reason
    assert found.penalty_wad == sum(step.penalty_wad for step in found.steps)
