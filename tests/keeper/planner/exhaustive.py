"""The cheapest rescue by trying every sequence of steps: slow, simple, and without anything of the planner's search.

Where what is left to cover and what limits it are straight lines, some cheapest plan takes each step at
its largest or at the least that pays, in some order, and the last at what is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from config.units import mul_div_up
from keeper.domain.account import Account
from keeper.domain.health import UnifiedHealth
from keeper.margin.parameters import RiskPolicy
from keeper.planner.appraisal import Appraiser, Standing
from keeper.planner.candidates import Candidate, Slot, reducing, slot_of
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, Move, effect
from keeper.planner.facts import Inventory, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.means import Lack, Means
from oracles.price import Price


@dataclass(frozen=True)
class Cheapest:
    cost_wad: int
    moves: tuple[Move, ...]


class Exhaustive:
    """Tries everything on one account."""

    def __init__(
        self,
        held: Account,
        health: UnifiedHealth,
        at: Mapping[str, Price],
        policy: RiskPolicy,
        facts: Mapping[str, VenueFacts],
        inventory: Inventory,
    ) -> None:
        self.appraiser = Appraiser(health, at, policy)
        self.prices = Prices(self.appraiser.mids_wad, facts)
        self.conditions = Conditions(health, self.prices, policy)
        self.ground = Ground(held, {chain: its.pool_cash for chain, its in facts.items()})
        self.means = Means(inventory)
        self.dust_wad = policy.dust_value_wad
        self.start = self.standing(self.ground)
        self.first = {
            its.key: its.move.size
            for its in self.candidates(self.ground)
            if self.helps(its.move) and not isinstance(self.means.affordable(its), Lack)
        }
        self.best: Cheapest | None = None

    def run(self) -> Cheapest | None:
        self.search(self.ground, self.start, self.means, 0, ())
        return self.best

    def search(
        self, ground: Ground, before: Standing, means: Means, cost_wad: int, moves: tuple[Move, ...]
    ) -> None:
        used: set[Slot] = {slot_of(move) for move in moves}
        for candidate in self.candidates(ground):
            if slot_of(candidate.move) in used or candidate.key not in self.first:
                continue
            for size in self.sizes(ground, before, means, candidate):
                move = replace(candidate.move, size=size)
                result = effect(ground, move, self.prices)
                if not isinstance(result, Effect) or means.unprofitable(candidate, result):
                    continue
                cost = cost_wad + result.penalty_wad + means.gas_wad(move)
                if self.best is not None and cost >= self.best.cost_wad:
                    continue
                after = self.standing(result.ground)
                if after.is_worse_than(before):
                    continue
                if after.shortfall <= 0:
                    self.best = Cheapest(cost, (*moves, move))
                else:
                    self.search(result.ground, after, means.after(move, result), cost, (*moves, move))

    def sizes(self, ground: Ground, before: Standing, means: Means, candidate: Candidate) -> list[int]:
        """Return the largest, what is needed if that is less, and the least that pays if that is between."""
        affordable = means.affordable(candidate)
        if isinstance(affordable, Lack):
            return []
        most = min(affordable.size, self.first[candidate.key])
        needed = least_of(most, lambda size: self.short(ground, candidate, size) <= 0)
        largest = most if needed is None else needed
        pays = least_of(most, lambda size: not self.loss(ground, means, candidate, size))
        found = [largest]
        if pays is not None and pays < largest:
            found.append(pays)
        if pays is not None and pays > largest and self.value(candidate, pays) <= self.dust_wad:
            found = [pays]
        return [self.or_all(candidate, most, size) for size in found]

    def or_all(self, candidate: Candidate, most: int, size: int) -> int:
        venue = self.prices.facts[candidate.move.chain]
        rest = candidate.everything - size
        dust = self.conditions.is_dust(venue, rest, candidate.price_wad, candidate.unit)
        return candidate.everything if dust and most >= candidate.everything else size

    def short(self, ground: Ground, candidate: Candidate, size: int) -> int:
        result = effect(ground, replace(candidate.move, size=size), self.prices)
        return self.standing(result.ground).shortfall if isinstance(result, Effect) else 1

    def loss(self, ground: Ground, means: Means, candidate: Candidate, size: int) -> str:
        result = effect(ground, replace(candidate.move, size=size), self.prices)
        return means.unprofitable(candidate, result) if isinstance(result, Effect) else "refused"

    def helps(self, move: Move) -> bool:
        result = effect(self.ground, move, self.prices)
        if not isinstance(result, Effect):
            return False
        after = self.standing(result.ground)
        return not after.is_worse_than(self.start) and after.shortfall < self.start.shortfall

    def candidates(self, ground: Ground) -> Iterator[Candidate]:
        for its in reducing(ground, self.conditions, whole=False):
            if isinstance(its, Candidate) and its.move.size:
                yield its

    def standing(self, ground: Ground) -> Standing:
        return self.appraiser.standing(ground.account)

    @staticmethod
    def value(candidate: Candidate, size: int) -> int:
        return mul_div_up(size, candidate.price_wad, candidate.unit)


def least_of(most: int, holds: object) -> int | None:
    """Return the least size up to `most` from which on it holds, None if it does not hold at `most`."""
    assert callable(holds)
    if not holds(most):
        return None
    low, high = 0, most
    while high - low > max(most // 10**7, 1):
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
