"""The plan against every possible plan: reached where any reaches, as cheap, and never worse half done."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import chain as chained
from statistics import fmean

import pytest

from chains.hub.attestation import Action
from keeper.planner.decide import decide, replay
from keeper.planner.effects import Effect, effect
from keeper.planner.facts import GasCosts
from keeper.planner.ground import Ground
from keeper.planner.means import Means
from keeper.planner.optimum import halves
from keeper.planner.plan import move_of
from oracles.price import PriceSet
from tests.keeper.margin.builders import CHAINS, POLICY, account, cut, leg, position, prices, usd
from tests.keeper.planner.builders import executed, inventory, plan_for, venues
from tests.keeper.planner.scenes import MOST_OPTIONS, Scene, scene

HERE, THERE, YONDER = CHAINS


def compared(seed: int) -> float | None:
    """Return how much dearer the plan is than the cheapest that was found by trying all; None if nothing does."""
    its = scene(seed)
    if its is None:
        return None
    every = its.exhaustive()
    if not 1 <= len(every.first) <= MOST_OPTIONS:
        return None
    found = its.plan()
    if found.whole_account:
        return None
    best = every.run()
    if best is None:
        return None
    after, _ = executed(its.held, found.steps, its.at, its.facts)
    assert every.standing(Ground(after, {})).shortfall <= 0, f"{seed}: {found.reason}"
    means = Means(its.means)
    cost_wad = sum(step.penalty_wad + means.gas_wad(move_of(step)) for step in found.steps)
    return cost_wad / best.cost_wad - 1


def judge(seeds: range, least: int) -> None:
    ratios = [ratio for seed in seeds if (ratio := compared(seed)) is not None]
    assert len(ratios) >= least
    assert max(ratios) <= 0.05
    assert fmean(max(ratio, 0.0) for ratio in ratios) <= 0.01


@pytest.mark.parametrize("part", range(8))
def test_no_plan_is_missed_and_none_is_much_cheaper(part: int) -> None:
    judge(range(100 * part, 100 * (part + 1)), 3)


@pytest.mark.parametrize("seed", [1_003_474, 1_010_285])
def test_the_order_of_steps_is_part_of_the_plan(seed: int) -> None:
    """A repayment before the gain that shrinks its debt; a step taken while so much is needed that it pays for its gas."""
    ratio = compared(seed)

    assert ratio is not None
    assert ratio < 0.001


@pytest.mark.slow
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("part", range(6))
def test_no_plan_is_missed_and_none_is_much_cheaper_on_thousands_of_accounts(part: int) -> None:
    first = 10**6 + 2_500 * part
    judge(range(first, first + 2_500), 250)


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_half_done_on_any_chain_it_leaves_no_account_worse(first: int) -> None:
    several = 0
    for its in filter(None, (scene(seed) for seed in range(first, first + 100))):
        found = its.plan()
        if found.whole_account:
            continue
        every = its.exhaustive()
        moves = [move_of(step) for step in found.steps]
        several += len(moves) > 1
        # Each alone too: what is on one chain keeps its order, but the first of them may be refused.
        for part in chained(halves(moves), ([move] for move in moves)):
            ground = every.ground
            for move in part:
                outcome = effect(ground, move, every.prices)
                ground = outcome.ground if isinstance(outcome, Effect) else ground
            assert not every.standing(ground).is_worse_than(every.start)
    assert several


def test_the_same_inputs_give_the_same_bytes() -> None:
    for its in filter(None, (scene(seed) for seed in range(40))):
        prices_of_it = PriceSet("0x01", 0, its.at)
        made = decide(its.held, None, prices_of_it, cut(), POLICY, its.facts, its.means, 5)
        assert made is not None
        assert made.result == replay(made.inputs)


WHOLE = venues(close_factor_bps=10_000)
EITHER = account(leg(HERE, tokens={"ETH": "5", "VAULT": "12000"}, owes="20500"))
"""Ether is the cheaper relief by its penalty; shares of the vault would do as well."""


def test_gas_turns_what_is_cheaper_by_its_penalty() -> None:
    held = account(
        leg(HERE, tokens={"ETH": "1"}, owes="1680"), leg(THERE, tokens={"WBTC": "0.03"}, owes="1390")
    )
    dear = inventory()
    dear = replace(
        dear, chains={**dear.chains, THERE: replace(dear.chains[THERE], gas=GasCosts(*[usd("25")] * 6))}
    )

    assert [THERE] == [step.chain for step in plan_for(held, prices(), facts=WHOLE).steps]
    assert [HERE] == [step.chain for step in plan_for(held, prices(), facts=WHOLE, means=dear).steps]


def test_the_plan_says_what_the_next_best_would_cost() -> None:
    found = plan_for(EITHER, prices(), facts=WHOLE)

    assert [1] == [step.item for step in found.steps]
    assert "379.99 USD of penalty and gas" in found.reason
    assert (
        "The next best (repay debt on arbor for its VAULT) costs at least 489.87 USD, 109.88 USD more."
        in (found.reason)
    )


def test_where_nothing_else_would_do_it_says_so() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="16800"))

    assert plan_for(held, prices()).reason.endswith("Nothing else would do.")


def test_slippage_moves_the_sale_to_where_there_is_depth() -> None:
    deep, thin = ({"ETH": usd(depth), "VAULT": usd("10000000")} for depth in ("10000000", "500"))

    straight, shared = (
        plan_for(EITHER, prices(), facts=WHOLE, means=replace(inventory(), depths_wad=depths))
        for depths in (deep, thin)
    )

    assert [1] == [step.item for step in straight.steps]
    assert {1, 3} == {step.item for step in shared.steps}
    assert "penalty, gas and slippage" in shared.reason
    sold = {step.item: step.value_wad for step in shared.steps}
    assert sold[1] < sold[3]


def test_a_step_whose_sale_would_eat_what_it_earns_is_not_taken() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="16800"))
    found = plan_for(held, prices(), means=replace(inventory(), depths_wad={"ETH": usd("100")}))

    assert not [step for step in found.steps if step.value_wad > usd("1000")]


def test_a_pool_that_can_not_pay_the_gain_is_filled_by_a_repayment_first() -> None:
    held = account(
        leg(HERE, tokens={"VAULT": "1020"}, owes="1650", positions=[position("0.5", "2400", "ETH-PERP")]),
    )
    found = plan_for(held, prices(), facts=venues(pool_cash=0))

    actions = [step.action for step in found.steps]
    if Action.CLOSE in actions:
        assert Action.REPAY in actions[: actions.index(Action.CLOSE)]


def test_halves_are_beginnings_of_every_chain_without_nothing_and_all() -> None:
    source = random.Random(1)
    its: Scene | None = None
    while its is None or len({step.chain for step in its.plan().steps}) < 2:
        its = scene(source.randrange(10**6))
    moves = [move_of(step) for step in its.plan().steps]

    found = list(halves(moves))

    assert all(0 < len(part) < len(moves) for part in found)
    assert [moves[0]] in found
