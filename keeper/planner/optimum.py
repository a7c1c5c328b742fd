"""The cheapest set of steps that makes the target certain, and what the next best would cost.

A program proposes (`program`), exact arithmetic decides: what it proposes is taken step by step by the hub's
own rules, the last step sized by exact trial, so that the account is certainly at its target whatever the
program thought. The greedy plan is the one to beat, and stays where nothing cheaper is found.

The surplus above the target is concave in the sizes under every margin model: the least over prices and
scenarios of what bends downward. So the program covers it from outside by supporting planes, each from
exact differences at one point (Kelley's cutting planes): the first at the account as it is, others where a
proposal fell short. No model has to be known for that, only what it says of an account. From outside means
that what the program finds is no more than any plan costs: the plan is done when it costs no more.

Steps on different chains are mined in any order and any may fail; on one chain they keep theirs. A plan of
which some part could leave the account worse than it was is not taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from keeper.planner.appraisal import Standing
from keeper.planner.candidates import Key, slot_of
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, Move, effect
from keeper.planner.ground import Ground
from keeper.planner.means import PAID, Means
from keeper.planner.offers import market_of
from keeper.planner.program import BUDGET, Cover, Program, Solution, solve
from keeper.planner.rescue import Choice, Option, Rescue, bill_wad
from keeper.planner.simplex import BITS, ONE
from keeper.planner.sizing import Trial, Workbench

ROUNDS = 8
"""Of covering, proposing and taking. A handful is used under scenarios, one where nothing bends."""
NEAR = 2_000
"""A plan within this part of what any plan costs is not improved on."""
MOST_WORK = 1_500_000
"""Cells that one plan may cost: no account keeps the others waiting."""
LOOK = 30_000
"""Cells that it is taken to cost to find nothing."""
FAR = 200
"""A plan that costs more than was expected by more than this part is tried in another order."""
MOST_ORDERED = 3
"""Steps of which every order is tried."""
PART = 64
"""Slopes are measured over this part of a step's largest size."""
MAX_HALVES = 64
"""Ways of being half done that are all tried; of more, those that one more mined step leads to."""
MAX_OTHERS = 4
"""Steps without which the next best plan is looked for."""


@dataclass(frozen=True, slots=True)
class Way:
    """Steps in their order, what they cost together, and whether the target is certain after them."""

    chosen: tuple[Choice, ...]
    cost_wad: int
    reaches: bool


@dataclass(frozen=True, slots=True)
class NextBest:
    """The names of other steps that would do, and the least that they could cost."""

    names: tuple[str, ...]
    cost_wad: int


class Search:
    """Looks for the cheapest way over one survey of an account."""

    def __init__(
        self,
        rescue: Rescue,
        bench: Workbench,
        conditions: Conditions,
        ground: Ground,
        before: Standing,
        means: Means,
        options: Sequence[Option],
    ) -> None:
        self._rescue = rescue
        self._bench = bench
        self._ground = ground
        self._before = before
        self._means = means
        self._options = options
        self._market = market_of(ground, before, options, conditions, means)
        self._first = [self._slope(ground, before, its) or 0 for its in options]
        self._covers = [self._market.cover(self._first, before.shortfall)]
        self._best = Way((), 0, reaches=False)
        self._left = MOST_WORK

    def cheapest(self, greedy: Sequence[Choice]) -> Way:
        """Return the cheapest way that reaches the target, or `greedy` where none was found."""
        self._best = self._way(greedy)
        if len(self._options) < 2 and self._best.reaches:
            return self._best
        tried: set[tuple[int, ...]] = set()
        for _ in range(ROUNDS):
            found = self._solve()
            if found is None or self._is_near(found):
                break
            shares = self._market.shares(found)
            if shares in tried:
                self._look_beside(found)
                break
            tried.add(shares)
            self._consider(self._taken(shares, found.cost))
            self._covers.append(self._cover(shares))
        return self._best

    def _is_near(self, found: Solution) -> bool:
        return self._best.reaches and self._best.cost_wad <= found.bound + found.bound // NEAR

    def _consider(self, way: Way) -> None:
        best = self._best
        if way.reaches and (not best.reaches or way.cost_wad < best.cost_wad) and self.is_safe(way.chosen):
            self._best = way

    def _look_beside(self, found: Solution) -> None:
        """Try what the program thinks a little dearer, where what it proposed costs more than it knows.

        It does not know that dust is not left, nor all that steps do to each other's bounds.
        """
        taken = [number for number, share in enumerate(self._market.shares(found)) if share]
        for number in taken[:MAX_OTHERS]:
            other = self._solve(number)
            if other is not None and not (self._best.reaches and self._best.cost_wad <= other.bound):
                self._consider(self._taken(self._market.shares(other), other.cost))
        numbers = self._numbers()
        order = [numbers[choice.candidate.key] for choice in self._best.chosen]
        for without in order if len(order) > 1 else ():
            self._consider(self._followed([number for number in order if number != without], []))

    def _numbers(self) -> dict[Key, int]:
        return {option.candidate.key: number for number, option in enumerate(self._options)}

    @property
    def is_exhausted(self) -> bool:
        """Whether so much was looked at that nothing more is said of what else there is."""
        return self._left <= 0

    def next_best(self, way: Way) -> NextBest | None:
        """Return the cheapest that does without at least one of the way's steps, None where nothing does."""
        numbers = self._numbers()
        others: list[Solution] = []
        for choice in way.chosen[:MAX_OTHERS]:
            found = self._solve(numbers[choice.candidate.key])
            others += [found] if found is not None else []
        if not others:
            return None
        least = min(others, key=lambda its: its.bound)
        names = tuple(
            option.candidate.name
            for option, share in zip(self._options, self._market.shares(least), strict=True)
            if share
        )
        return NextBest(names, least.bound)

    def is_safe(self, chosen: Sequence[Choice]) -> bool:
        """Whether no part of the steps, mined without the rest, leaves the account worse than it was."""
        return not any(
            self._bench.appraiser.standing(self._after(part).account).is_worse_than(self._before)
            for part in halves([choice.trial.move for choice in chosen])
        )

    def _solve(self, *without: int) -> Solution | None:
        if self._left <= 0:
            return None
        program = Program(self._market.offers, tuple(self._covers), self._market.limits)
        barred = [offer for number in without for offer in self._market.both(number)]
        found = solve(program, barred, min(self._left, BUDGET))
        self._left -= found.work if found is not None else LOOK
        return found

    def _way(self, chosen: Sequence[Choice]) -> Way:
        end = chosen[-1].trial.standing if chosen else self._before
        return Way(tuple(chosen), bill_wad(chosen, self._means), end.shortfall <= 0)

    def _taken(self, shares: Sequence[int], expected_wad: int) -> Way:
        """Return the steps at these shares, one of them sized at what is needed; or all as large as needed.

        The one that can give way most is sized last. Where that is not enough, or dearer than was expected, other
        orders are tried. Repayments first, the largest first and a little larger: they fill the pool that penalties
        are paid from, and what one leaves of a debt bounds the next, as does what is gained by closing. Of few steps
        every order: what is still needed when its turn comes bounds a step, and may be too little to pay for its gas.
        """
        order = [number for number, share in enumerate(shares) if share]
        offers = self._market.offers
        order.sort(
            key=lambda number: min(
                shares[number] - offers[number].least, offers[number].most - shares[number]
            )
        )
        ways = [self._followed(order, self._sizes(order[:-1], shares))]
        enough_wad = expected_wad + expected_wad // FAR
        for turned, more in self._other_orders(order, shares):
            best = min(ways, key=_worse)
            complete = len(best.chosen) == len(order) or len(ways) > 1
            if best.reaches and complete and (len(order) < 2 or best.cost_wad <= enough_wad):
                break
            sizes = [] if more is None else self._sizes(turned[:-1], shares, more)
            ways.append(self._followed(turned, sizes))
        return min(ways, key=_worse)

    def _other_orders(
        self, order: Sequence[int], shares: Sequence[int]
    ) -> Iterator[tuple[Sequence[int], int | None]]:
        """Yield orders, and by how many parts in a thousand the steps are taken larger; None: as large as needed."""
        sizes = dict(zip(order, self._sizes(order, shares), strict=True))
        moves = [option.trial.move for option in self._options]
        paid_first = sorted(order, key=lambda number: (moves[number].action not in PAID, -sizes[number]))
        yield paid_first, 1
        yield paid_first, None
        tried = {tuple(order)}
        every = permutations(order) if len(order) <= MOST_ORDERED else ()
        for turned in (tuple(paid_first), tuple(reversed(order)), *every):
            if turned not in tried:
                tried.add(turned)
                yield turned, 0

    def _sizes(self, order: Sequence[int], shares: Sequence[int], more: int = 0) -> list[int]:
        """Return the sizes of these shares, `more` times a part in a thousand larger."""
        sizes = [self._options[number].trial.move.size * shares[number] >> BITS for number in order]
        return [size + 1 + (size >> 20) + size * more // 1_000 for size in sizes]

    def _followed(self, order: Sequence[int], sizes: Sequence[int]) -> Way:
        """Take options in order by the hub's arithmetic, the first of them no larger than `sizes` say, until it is enough."""
        ground, before, means = self._ground, self._before, self._means
        chosen: list[Choice] = []
        for place, number in enumerate(order):
            candidate = self._options[number].candidate
            largest = {candidate.key: self._options[number].trial.move.size}
            done = {slot_of(choice.trial.move) for choice in chosen}
            survey = self._rescue.survey(ground, before, means, without=done, largest=largest)
            for option in survey.options:
                wanted = sizes[place] if place < len(sizes) else None
                choice = self._rescue.sized(ground, before, option, means, wanted)
                if isinstance(choice, Choice):
                    chosen.append(choice)
                    means = means.after(choice.trial.move, choice.trial.effect)
                    ground, before = choice.trial.effect.ground, choice.trial.standing
            if before.shortfall <= 0:
                break
        return self._way(chosen)

    def _cover(self, shares: Sequence[int]) -> Cover:
        """Return the supporting plane at these shares."""
        moves = self._moves(shares)
        ground = self._after(moves)
        here = self._bench.appraiser.standing(ground.account)
        gives, at_point = [], 0
        for number, (option, share) in enumerate(zip(self._options, shares, strict=True)):
            slope = self._slope(ground, here, option) if share < ONE else None
            if slope is None and share:
                slope = self._slope_back(shares, number, here)
            gives.append(self._first[number] if slope is None else slope)
            at_point += gives[-1] * share
        return self._market.cover(gives, (at_point >> BITS) + here.shortfall)

    def _slope(self, ground: Ground, here: Standing, option: Option) -> int | None:
        """Return the relief that all of the option would give at the rate of a small part of it."""
        size = option.trial.move.size
        tried = self._bench.attempt(ground, replace(option.trial.move, size=max(size // PART, 1)))
        if not isinstance(tried, Trial):
            return None
        return (here.shortfall - tried.standing.shortfall) * size // tried.effect.size

    def _slope_back(self, shares: Sequence[int], number: int, here: Standing) -> int:
        """Return the same for the last part that is taken."""
        less = [*shares]
        part = min(shares[number], ONE // PART)
        less[number] -= part
        there = self._bench.appraiser.standing(self._after(self._moves(less)).account)
        return (there.shortfall - here.shortfall) * ONE // part

    def _moves(self, shares: Sequence[int]) -> list[Move]:
        return [
            replace(option.trial.move, size=-(-option.trial.move.size * share >> BITS))
            for option, share in zip(self._options, shares, strict=True)
            if share
        ]

    def _after(self, moves: Sequence[Move]) -> Ground:
        ground = self._ground
        for move in moves:
            outcome = effect(ground, move, self._bench.prices)
            ground = outcome.ground if isinstance(outcome, Effect) else ground
        return ground


def _worse(way: Way) -> tuple[bool, int]:
    return not way.reaches, way.cost_wad


def halves(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Yield what may be mined of the moves while the rest is not: on each chain a beginning of its moves.

    Where that is too many, only what the next mined move on every chain may lead to: all is planned anew after each.
    """
    by_chain: dict[str, list[Move]] = {}
    for move in moves:
        by_chain.setdefault(move.chain, []).append(move)
    ways = 1
    for its in by_chain.values():
        ways *= len(its) + 1
    longest = max(map(len, by_chain.values()), default=0) if ways <= MAX_HALVES else 1
    for counts in product(*(range(min(len(its), longest) + 1) for its in by_chain.values())):
        if 0 < sum(counts) < len(moves):
            yield [move for its, count in zip(by_chain.values(), counts, strict=True) for move in its[:count]]
