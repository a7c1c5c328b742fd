"""What stands in the way of a step, and that the plan says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from config.units import WAD
from keeper.domain.account import StepTaken
from keeper.planner.effects import Move, Refusal, effect
from keeper.planner.facts import GasCosts
from keeper.planner.ground import Ground, Prices
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    cut,
    leg,
    position,
    prices,
    token,
    usd,
)
from tests.keeper.planner.builders import inventory, plan_for, venue, venues

HERE, THERE, YONDER = CHAINS
CROSS = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="16800"))
"""Health 0.9821 at 2,000 USD: collateral on one chain, debt on another."""
LOCAL = account(leg(HERE, tokens={"ETH": "10"}, owes="16800"))


def test_a_step_never_asks_for_more_than_the_keeper_has() -> None:
    (step,) = plan_for(CROSS, prices(), means=inventory("1000")).steps

    assert 1_000 * 10**6 == step.size


def test_without_stable_the_alternatives_say_so() -> None:
    found = plan_for(CROSS, prices(), means=inventory("0"))

    assert () == found.steps
    assert ("repay debt on basin for ETH on arbor: the keeper has no stable left on basin",) == found.rejected


def test_a_step_that_does_not_pay_is_left_with_its_reason() -> None:
    found = plan_for(CROSS, prices(), means=inventory(gas=GasCosts(*[50 * WAD] * 5)))
    assert 1 == len(found.steps)

    found = plan_for(
        account(leg(HERE, tokens={"ETH": "0.1"}, owes="168")),
        prices(),
        means=inventory(gas=GasCosts(*[50 * WAD] * 5)),
    )
    assert () == found.steps
    assert "does not cover gas of 50.00 USD" in found.rejected[0]


def test_gas_over_the_spending_limit_is_not_spent() -> None:
    found = plan_for(LOCAL, prices(), means=inventory(gas=GasCosts(*[101 * WAD] * 5)))

    assert () == found.steps
    assert "over the 100.00 USD that may still be spent on arbor" in found.rejected[0]


@pytest.mark.parametrize("which", [HERE, THERE])
def test_no_step_touches_a_chain_that_can_not_be_trusted(which: str) -> None:
    stalled = plan_for(CROSS, prices(), facts=venues() | {which: venue(which, not_live="is paused")})

    assert () == stalled.steps
    assert f"{which} is paused" in stalled.rejected[0]


def test_a_stale_chain_is_left_alone() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="29000"), leg(THERE, owes="9"))

    found = plan_for(held, prices(), arbor=45_000)

    assert () == found.steps


def test_a_hub_whose_price_is_off_the_reference_is_held() -> None:
    facts = venues(hub_prices_wad={"ETH": usd("2040")})

    found = plan_for(LOCAL, prices(), facts=facts)

    assert () == found.steps
    assert "200 bps off the reference, over the 150 allowed" in found.rejected[0]


WIDENED = {"ETH": "the reference price is widened"}
SHORT = account(leg(HERE, tokens={"USDC": "240"}, positions=[position("-4", "2000")]))
MIXED = account(leg(HERE, tokens={"ETH": "5", "WBTC": "0.15"}, owes="16800"))


def test_where_only_small_steps_are_allowed_with_an_asset_the_others_are_as_large_as_ever() -> None:
    all_large = plan_for(MIXED, prices(), policy=POLICY)
    mixed = plan_for(MIXED, prices(), facts=venues(small_assets=WIDENED))
    sizes = {step.asset: step.size for step in mixed.steps}

    assert all(step.size <= 16_800 * 10**6 // 4 for step in mixed.steps if step.asset == "ETH")
    assert sizes["WBTC"] >= max(step.size for step in all_large.steps if step.asset == "WBTC")
    assert "only small steps with ETH on arbor: the reference price is widened" in mixed.rejected


def test_an_asset_that_sells_badly_is_taken_in_small_steps_and_its_positions_are_closed_as_ever() -> None:
    closed, free = (plan_for(SHORT, prices(), facts=venues(small_sales=each)) for each in (WIDENED, {}))

    assert closed.steps == free.steps
    (step,) = plan_for(LOCAL, prices(), facts=venues(small_sales=WIDENED)).steps
    assert 16_800 * 10**6 // 4 == step.size


def test_an_asset_that_would_be_sold_at_a_loss_is_not_taken_but_its_positions_are_closed() -> None:
    held = {"ETH": "it sells for 1,900"}
    for which in (LOCAL, CROSS):
        found = plan_for(which, prices(), facts=venues(held_sales=held))
        assert () == found.steps
        assert "ETH would not pay: it sells for 1,900" in found.rejected[0]

    assert plan_for(SHORT, prices(), facts=venues(held_sales=held)).steps


def test_a_step_in_its_cooldown_is_not_planned() -> None:
    now_s = cut()[0].timestamp + 1
    taken = (StepTaken(Action.REPAY, 1, now_s - 20),)
    held = replace(LOCAL, legs=(replace(LOCAL.legs[0], steps_taken=taken),))

    assert "cooldown has 10 s to go" in plan_for(held, prices()).rejected[0]
    over = (StepTaken(Action.REPAY, 1, now_s - 30),)
    assert plan_for(replace(held, legs=(replace(held.legs[0], steps_taken=over),)), prices()).steps


def test_a_leg_without_cross_margin_does_not_pay_for_another_chain() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, cross_margin=False), leg(THERE, owes="16800"))

    found = plan_for(held, prices())

    assert () == found.steps


def test_a_claim_can_only_be_opened_where_the_same_key_can_take_it() -> None:
    means = inventory()
    other = replace(means.chains[HERE], sender="0x" + "88" * 20)

    found = plan_for(CROSS, prices(), means=replace(means, chains={**means.chains, HERE: other}))

    assert () == found.steps
    assert "not the same key on arbor" in found.rejected[0]


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (Move(Action.REPAY, "nowhere", 1, 1), "nothing is known on nowhere"),
        (Move(Action.CLOSE, HERE, 0, 1), "no position"),
        (Move(Action.CLOSE, HERE, 9, 1), "no position"),
        (Move(Action.REPAY, HERE, 9, 1), "no such token"),
        (Move(Action.REPAY, HERE, 1, 0), "size"),
        (Move(Action.REPAY_CROSS, HERE, 0, 1, THERE, "0x"), "no such target"),
        (Move(Action.REPAY_CROSS, HERE, 0, 0, THERE, token("ETH", THERE)), "size"),
        (Move(Action.SEIZE, HERE, 1, 1, claim="0x"), "no such claim"),
        (Move(Action.WRITE_OFF, HERE, 0, 1), "the leg has more than debt"),
        (Move(Action.WRITE_OFF, YONDER, 0, 1), "size"),
        (Move(Action.BORROW, HERE, 0, 1), "BORROW is not a step of a liquidation"),
    ],
)
def test_what_the_hub_would_refuse_is_refused_with_a_reason(move: Move, said: str) -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="10"), leg(THERE, tokens={"ETH": "1"}), leg(YONDER))
    ground = Ground(held, dict.fromkeys(CHAINS, 0))
    mids_wad = {asset: its.mid_wad for asset, its in prices().items() if its.mid_wad}

    assert Refusal(said) == effect(ground, move, Prices(mids_wad, venues()))


def test_no_step_is_planned_where_the_stable_has_no_price() -> None:
    at = prices()
    del at["USDC"]
    held = account(leg(HERE, positions=[position("10", "2400")]))

    found = plan_for(held, at)

    assert () == found.steps


def test_a_chain_whose_hub_is_not_known_is_left_out() -> None:
    found = plan_for(CROSS, prices(), facts={HERE: venue(HERE)})

    assert ((), False) == (found.steps, found.whole_account)


def test_a_keeper_without_a_key_on_the_chain_says_so() -> None:
    means = inventory()

    found = plan_for(CROSS, prices(), means=replace(means, chains={HERE: means.chains[HERE]}))

    assert ("repay debt on basin for ETH on arbor: the keeper has no key on basin",) == found.rejected
