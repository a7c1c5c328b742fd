"""The cheapest way to buy enough relief: a mixed-integer program, solved by branch and bound.

    least sum(cost_k * x_k + fixed_k * y_k)
    where sum(gives_jk * x_k) >= need_j                for every cover j
          sum(of_all_lk * x_k + once_lk * y_k) <= most_l    for every limit l
          least_k * y_k <= x_k <= most_k * y_k,  y_k in {0, 1}

Shares `x_k` are of the largest an offer may be taken, in fixed point (`ONE` is all of it). Without fixed
costs and least shares greedy by cost per relief is optimal; gas, dust and a keeper's purse make it
a fixed-charge knapsack with side constraints, which greedy misses by any factor.

A node's relaxation spreads the fixed cost over all that may be bought, which is the tightest linear bound
of one offer by itself; every node is also rounded to the offers it uses, solved with these alone, so that
there is a plan from the first node on. Integers only, the best bound first, ties by number and a budget
counted in computed cells and not in time: the same program has the same solution everywhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from keeper.planner.simplex import BITS, FEASIBLE, ONE, Optimum, Row, least

BUDGET = 300_000
"""Cells per solution, of some tenths of a microsecond each."""
GAP_BITS = 20
"""A bound within 2**-20 of the best cost is not worth a closer look."""


@dataclass(frozen=True, slots=True)
class Use:
    """What an offer takes of a limit: `of_all` if taken whole, in proportion, and `once` if taken at all."""

    limit: int
    of_all: int
    once: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may be bought in part: what all of it costs, and what any of it costs once.

    If it is bought, then from the share `least` to the share `most`; never if these contradict.
    """

    cost: int
    fixed: int = 0
    least: int = 0
    uses: tuple[Use, ...] = ()
    most: int = ONE

    @property
    def is_plain(self) -> bool:
        """Whether it can be taken in any share without a cost, a share or a use of its own for taking it at all."""
        return not (self.fixed or self.least or any(use.once for use in self.uses))


@dataclass(frozen=True, slots=True)
class Cover:
    """What all of each offer gives towards `need`."""

    gives: tuple[int, ...]
    need: int


@dataclass(frozen=True, slots=True)
class Program:
    """Offers, what must be covered, and how much there is of each limit."""

    offers: tuple[Offer, ...]
    covers: tuple[Cover, ...]
    limits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """Shares of the offers and what they cost. No solution costs less than `bound`.

    `nodes` were looked at and `work` cells computed for it.
    """

    shares: tuple[int, ...]
    cost: int
    bound: int
    nodes: int
    work: int = 0

    @property
    def taken(self) -> tuple[int, ...]:
        """The numbers of the offers that are used."""
        return tuple(number for number, share in enumerate(self.shares) if share)


def solve(program: Program, without: Iterable[int] = (), budget: int = BUDGET) -> Solution | None:
    """Return the cheapest solution that uses none of `without`, or None if none was found within the budget."""
    return _Search(program, without, budget).run()


class _Search:
    """One branch and bound. Sets of offers are bit masks."""

    def __init__(self, program: Program, without: Iterable[int], budget: int) -> None:
        self._program = program
        self._offers = program.offers
        self._left = self._budget = budget
        self._unit = max((its.cost + its.fixed for its in self._offers), default=1) or 1
        self._plain = _mask(number for number, its in enumerate(self._offers) if its.is_plain)
        never = [number for number, its in enumerate(self._offers) if its.least > its.most or its.most <= 0]
        self._barred = _mask([*without, *never])
        self._users: list[list[tuple[int, Use]]] = [[] for _ in program.limits]
        for number, offer in enumerate(self._offers):
            for use in offer.uses:
                self._users[use.limit].append((number, use))
        self._active: list[int] = []
        self._tried: set[int] = set()
        self._best: Solution | None = None
        self._nodes = 0

    def run(self) -> Solution | None:
        """Return the best solution, with what is proven about it."""
        heap = [(0, 0, 0, self._barred)]
        number = 0
        while heap and self._left > 0:
            bound, _, taken, barred = heapq.heappop(heap)
            if self._is_beaten(bound):
                heap = []
                break
            self._nodes += 1
            found = self._relaxed(taken, barred)
            if found is None:
                continue
            bound = max(bound, self._cost(found, taken))
            if self._is_beaten(bound):
                continue
            self._round(found, taken)
            branch = self._branch(found.values, taken)
            if branch is not None and not self._is_beaten(bound):
                number += 2
                heapq.heappush(heap, (bound, number - 1, taken | 1 << branch, barred))
                heapq.heappush(heap, (bound, number, taken, barred | 1 << branch))
        best = self._best
        if best is None:
            return None
        bound = min([best.cost, *(node[0] for node in heap)])
        return Solution(best.shares, best.cost, bound, self._nodes, self._budget - self._left)

    def _is_beaten(self, bound: int) -> bool:
        best = self._best
        return best is not None and bound >= best.cost - (best.cost >> GAP_BITS)

    def _cost(self, found: Optimum, taken: int) -> int:
        fixed = sum(its.fixed for number, its in enumerate(self._offers) if taken >> number & 1)
        return (found.cost * self._unit >> BITS) + fixed

    def _round(self, found: Optimum, taken: int) -> None:
        """Solve with the offers that the relaxation uses, and none else, until none of them is idle."""
        used = taken | _mask(number for number, share in enumerate(found.values) if share > FEASIBLE)
        while used not in self._tried:
            self._tried.add(used)
            every = (1 << len(self._offers)) - 1
            alone = self._relaxed(used & ~self._plain, every & ~(used | self._plain) | self._barred)
            if alone is None:
                return
            shares = tuple(max(share, 0) if share > FEASIBLE else 0 for share in alone.values)
            cost = sum(
                -(-its.cost * share >> BITS) + its.fixed
                for its, share in zip(self._offers, shares, strict=True)
                if share
            )
            if self._best is None or cost < self._best.cost:
                self._best = Solution(shares, cost, 0, 0)
            used = _mask(number for number, share in enumerate(shares) if share)

    def _branch(self, shares: Sequence[int], taken: int) -> int | None:
        """Return the undecided offer whose cost the relaxation understates most."""
        found, most = None, -1
        for number, share in enumerate(shares):
            if share <= FEASIBLE or (taken | self._plain) >> number & 1:
                continue
            offer = self._offers[number]
            if share >= offer.most - FEASIBLE:
                continue
            understated = offer.fixed * (offer.most - share) + offer.cost * max(offer.least - share, 0)
            if understated > most:
                found, most = number, understated
        return found

    def _relaxed(self, taken: int, barred: int) -> Optimum | None:
        """Return the relaxation's optimum; limits that it breaks join those that every later one starts with."""
        while True:
            found = self._linear(taken, barred)
            if found is None:
                return None
            broken = self._broken(found.values, taken)
            if not broken:
                return found
            self._active += broken

    def _linear(self, taken: int, barred: int) -> Optimum | None:
        kept = [number for number in range(len(self._offers)) if not barred >> number & 1]
        costs, lows, highs = [], [], []
        for number in kept:
            offer, is_taken = self._offers[number], taken >> number & 1
            cost = offer.cost if is_taken else offer.cost + offer.fixed * ONE // offer.most
            costs.append((cost << BITS) // self._unit)
            lows.append(offer.least if is_taken else 0)
            highs.append(offer.most)
        rows = [
            _row([-cover.gives[number] for number in kept], -cover.need) for cover in self._program.covers
        ]
        place = {number: at for at, number in enumerate(kept)}
        for limit in self._active:
            cells, most = [0] * len(kept), self._program.limits[limit]
            for number, use in self._users[limit]:
                is_taken = taken >> number & 1
                most -= use.once if is_taken else 0
                if number in place:
                    once = 0 if is_taken else use.once * ONE // self._offers[number].most
                    cells[place[number]] += use.of_all + once
            rows.append(_row(cells, most))
        found = least(costs, rows, lows, highs)
        self._left -= (len(rows) + 2) * len(kept) + (found.work if found is not None else 0)
        if found is None:
            return None
        shares = [0] * len(self._offers)
        for number, share in zip(kept, found.values, strict=True):
            shares[number] = share
        return Optimum(tuple(shares), found.cost, found.work)

    def _broken(self, shares: Sequence[int], taken: int) -> list[int]:
        """Return the limits that are not watched yet and that these shares break."""
        broken = []
        for limit, users in enumerate(self._users):
            if limit in self._active:
                continue
            used = size = 0
            for number, use in users:
                is_taken, most = taken >> number & 1, max(self._offers[number].most, 1)
                once = use.once << BITS if is_taken else use.once * shares[number] * ONE // most
                used += use.of_all * shares[number] + once
                size = max(size, abs(use.of_all) + use.once)
            if used - (self._program.limits[limit] << BITS) > size * FEASIBLE * 4:
                broken.append(limit)
        return broken


def _row(cells: Sequence[int], most: int) -> Row:
    """Return a row scaled so that its largest coefficient is one."""
    unit = max((abs(cell) for cell in cells), default=0) or 1
    return Row(tuple((cell << BITS) // unit for cell in cells), (most << BITS) // unit)


def _mask(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found
