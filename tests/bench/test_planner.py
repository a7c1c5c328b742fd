"""What a plan costs: in milliseconds, beside scipy's solver, and in penalties, beside closing half of the biggest. Run by `make bench`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median, quantiles
from typing import TypeVar

import pytest

from keeper.margin.states import may_be_liquidated
from keeper.planner.effects import Effect, effect
from keeper.planner.facts import Inventory
from keeper.planner.ground import Ground
from keeper.planner.plan import move_of
from keeper.planner.program import solve
from tests.keeper.margin.builders import POLICY
from tests.keeper.planner.builders import executed, health_of
from tests.keeper.planner.closeouts import MICRO, drawn
from tests.keeper.planner.exhaustive import Exhaustive
from tests.keeper.planner.scenes import Scene, scene

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROBLEMS = 40
ACCOUNTS = 1_500
ROUNDS = 30


@pytest.mark.parametrize("legs", [10, 30, 100])
def test_beside_scipys_solver_on_the_same_close_outs(legs: int) -> None:
    ours, theirs, nodes, worst = [], [], [], 0.0
    for seed in range(PROBLEMS):
        problem = drawn(random.Random(f"bench {legs} {seed}"), legs)
        program = problem.program()
        found, found_ms = timed(lambda: solve(program))  # noqa: B023 - at once
        other, other_ms = timed(problem.scipys)
        ours.append(found_ms)
        theirs.append(other_ms)
        assert (other.x is not None) == (found is not None)
        if found is not None:
            nodes.append(found.nodes)
            worst = max(worst, abs(found.cost / MICRO / other.fun - 1))
    line(
        f"a close-out of {legs:3} legs   {spread(ours)}; scipy's milp {spread(theirs)}, {median(theirs) / median(ours):.0f} times as long;"
        f" {max(nodes)} nodes at most, costs differ by {worst:.0e} at most"
    )

    assert worst < 1e-6


def test_beside_closing_half_of_the_biggest() -> None:
    """The rule of lending markets: half of the largest position or debt, the largest collateral for it, until it is enough.

    Both have all they want of stable and gas money, and are asked again until the target is reached.
    """
    plans_ms: list[float] = []
    both: list[tuple[Outcome, Outcome]] = []
    only_plans = only_rule = 0
    for its in filter(None, map(rich, range(ACCOUNTS))):
        every = its.exhaustive()
        ours, theirs = planned(its, every, plans_ms), half_of_the_biggest(every)
        if ours.reaches and theirs.reaches and theirs.penalty_wad:
            both.append((ours, theirs))
        only_plans += ours.reaches and not theirs.reaches
        only_rule += theirs.reaches and not ours.safe
    penalties = [(ours.penalty_wad, theirs.penalty_wad) for ours, theirs in both]
    bills = [(ours.cost_wad, theirs.cost_wad) for ours, theirs in both]
    line(f"a plan of an account on three chains   {spread(plans_ms)}")
    line(
        f"beside closing half of the biggest     {saved(penalties)} of all penalties saved, {saved(bills)} with gas; of the median"
        f" account {saved_each(penalties)} and {saved_each(bills)}; {len(both)} accounts, {only_plans} more only the plan restores"
    )

    assert both
    assert only_rule == 0
    assert sum(ours for ours, _ in bills) < sum(theirs for _, theirs in bills)


def rich(seed: int) -> Scene | None:
    its = scene(seed)
    if its is None:
        return None
    chains = {
        chain: replace(held, stable=10**18, spending_left_wad=10**30)
        for chain, held in its.means.chains.items()
    }
    return replace(its, means=Inventory(chains, -(10**24)))


@dataclass(frozen=True)
class Outcome:
    penalty_wad: int
    gas_wad: int
    reaches: bool
    safe: bool
    """Whether it may not be liquidated any more: what is left of the way to the target is then nobody's to go."""

    @property
    def cost_wad(self) -> int:
        return self.penalty_wad + self.gas_wad


def planned(its: Scene, every: Exhaustive, plans_ms: list[float]) -> Outcome:
    penalty_wad = gas_wad = 0
    for _ in range(ROUNDS):
        found, took_ms = timed(its.plan)
        if not found.steps:
            break
        plans_ms.append(took_ms)
        penalty_wad += found.penalty_wad
        gas_wad += sum(every.means.gas_wad(move_of(step)) for step in found.steps)
        held, _ = executed(its.held, found.steps, its.at, its.facts)
        its = replace(its, held=held, health=health_of(held, its.at))
    reaches = every.standing(Ground(its.held, {})).shortfall <= 0
    return Outcome(penalty_wad, gas_wad, reaches, not may_be_liquidated(its.health, POLICY))


def half_of_the_biggest(every: Exhaustive) -> Outcome:
    ground, penalty_wad, gas_wad = every.ground, 0, 0
    for _ in range(ROUNDS):
        if every.standing(ground).shortfall <= 0:
            return Outcome(penalty_wad, gas_wad, reaches=True, safe=True)
        sizes = []
        for candidate in every.candidates(ground):
            worth_wad = candidate.everything * candidate.price_wad // candidate.unit
            half = max(candidate.everything // 2, 1) if worth_wad > every.dust_wad else candidate.everything
            sizes.append(
                (worth_wad, candidate.name, replace(candidate.move, size=min(half, candidate.move.size)))
            )
        for _, _, move in sorted(sizes, key=lambda each: each[:2], reverse=True):
            result = effect(ground, move, every.prices)
            if isinstance(result, Effect):
                break
        else:
            break
        ground, penalty_wad = result.ground, penalty_wad + result.penalty_wad
        gas_wad += every.means.gas_wad(move)
    return Outcome(penalty_wad, gas_wad, reaches=False, safe=False)


Result = TypeVar("Result")


def timed(run: Callable[[], Result]) -> tuple[Result, float]:
    began_s = time.perf_counter()
    result = run()
    return result, 1_000 * (time.perf_counter() - began_s)


def spread(values_ms: list[float]) -> str:
    cuts = quantiles(values_ms, n=20)
    return f"p50 {cuts[9]:.2f} ms, p95 {cuts[18]:.2f} ms"


def saved(pairs: list[tuple[int, int]]) -> str:
    return f"{1 - sum(our for our, _ in pairs) / sum(their for _, their in pairs):.0%}"


def saved_each(pairs: list[tuple[int, int]]) -> str:
    return f"{median(1 - our / their for our, their in pairs if their):.0%}"


def line(text: str) -> None:
    print(f"\n{text}", end="", flush=True)
