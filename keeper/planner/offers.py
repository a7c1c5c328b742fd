"""A rescue as a program: what every step gives, costs and draws on.

Draws keep steps that are each possible from asking together for more than there is: the
keeper's stable and gas money on a chain, the debt there and what one step may repay of it, the
collateral behind it, the pool's cash, and a slot that takes one step at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import isqrt

from chains.hub.attestation import Action
from config.units import mul_div_down, mul_div_up
from keeper.planner.appraisal import Standing
from keeper.planner.candidates import backing_wad, slot_of
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, effect
from keeper.planner.ground import Ground, debt_of
from keeper.planner.means import PAID, Means
from keeper.planner.program import Cover, Offer, Solution, Use
from keeper.planner.rescue import MAX_STEPS, Option, dust_size
from keeper.planner.simplex import ONE

FULL = 10**30
"""Raw stable that no step needs more of."""
COUNTS = 100
"""Dust is a part of a step that counts if it is more than one in so many."""
TRANCHES = 8
"""Slippage grows with what is sold of an asset; it is counted in this many steps."""


@dataclass(frozen=True, slots=True)
class Draw:
    """How much there is of something, and what each option (by number) uses of it: `of_all`, and `once`."""

    most: int
    uses: tuple[tuple[int, int, int], ...]

    @property
    def may_bind(self) -> bool:
        """Whether all options together would use more than there is."""
        return sum(max(of_all, 0) + once for _, of_all, once in self.uses) > self.most


@dataclass(frozen=True, slots=True)
class Market:
    """The offers of a rescue: one per option, in their order; then options taken whole; then what can be sold.

    `whole` are the numbers of the options that may only be taken up to where the rest would be dust, or whole.
    """

    offers: tuple[Offer, ...]
    limits: tuple[int, ...]
    options: int
    whole: tuple[int, ...]

    def cover(self, gives: Sequence[int], need: int) -> Cover:
        """Return a cover to which each option gives what is said, and what can be sold nothing."""
        every = [*gives, *(gives[number] for number in self.whole)]
        return Cover((*every, *([0] * (len(self.offers) - len(every)))), need)

    def shares(self, solution: Solution) -> tuple[int, ...]:
        """Return the share of each option."""
        found = list(solution.shares[: self.options])
        for number, share in zip(self.whole, solution.shares[self.options :], strict=False):
            found[number] = max(found[number], share)
        return tuple(found)

    def both(self, number: int) -> tuple[int, ...]:
        """Return the numbers of the offers that an option is."""
        return (number, *(self.options + at for at, its in enumerate(self.whole) if its == number))


def market_of(
    ground: Ground, before: Standing, options: Sequence[Option], conditions: Conditions, means: Means
) -> Market:
    """Return the options as offers. Shares are of each option's trial."""
    terms = [_terms(ground, option, conditions, means) for option in options]
    draws = [
        *_purse(options, means),
        *_debts(ground, options, conditions),
        *_collateral(ground, options, conditions),
        *_pools(ground, options, terms),
        *_slots(options),
    ]
    paying = [_paying(option, its, means) for option, its in zip(options, terms, strict=True)]
    if any(least for least, _ in paying):
        draws.append(_no_more_than_needed(before, options, conditions))
    draws = [draw for draw in draws if draw.may_bind]
    tranches: list[Offer] = []
    for asset in sorted({option.candidate.asset for option in options if _sold_wad(option)}):
        sold = tuple(
            (at, _sold_wad(its), 0) for at, its in enumerate(options) if its.candidate.asset == asset
        )
        found = _tranches(asset, sum(all_wad for _, all_wad, _ in sold), means, len(draws))
        if found:
            tranches += found
            draws.append(Draw(0, sold))
    whole = {at: _all_but_dust(option, conditions) for at, option in enumerate(options)}
    whole = {
        at: share for at, share in whole.items() if share < ONE and paying[at][0] <= ONE <= paying[at][1]
    }
    draws += [Draw(1, ((at, 0, 1),)) for at in whole]
    uses: list[list[Use]] = [[] for _ in options]
    for limit, draw in enumerate(draws):
        for number, of_all, once in draw.uses:
            uses[number].append(Use(limit, of_all, once))
    offers = [
        Offer(result.penalty_wad, means.gas_wad(option.trial.move), least, tuple(its), most)
        for option, result, (least, most), its in zip(options, terms, paying, uses, strict=True)
    ]
    offers += [replace(offers[at], least=ONE) for at in whole]
    for at, share in whole.items():
        offers[at] = replace(offers[at], most=share)
    return Market((*offers, *tranches), tuple(draw.most for draw in draws), len(options), tuple(whole))


def _purse(options: Sequence[Option], means: Means) -> Iterator[Draw]:
    for chain in sorted({option.trial.move.chain for option in options}):
        here = means.on(chain)
        paid = tuple(
            (at, its.trial.effect.outlay, 0)
            for at, its in enumerate(options)
            if its.trial.move.chain == chain and its.trial.effect.outlay
        )
        yield Draw(here.stable, paid)
    for chain in means.chains():
        gas = tuple(
            (at, 0, cost_wad)
            for at, its in enumerate(options)
            if (cost_wad := means.gas_on(chain, its.trial.move))
        )
        yield Draw(means.on(chain).spending_left_wad, gas)


def _debts(ground: Ground, options: Sequence[Option], conditions: Conditions) -> Iterator[Draw]:
    """Repayments of one debt: each may take its part of what those before it leave, in whatever order."""
    for leg in ground.account.legs:
        paying = [
            (at, its.trial.effect.size, 0)
            for at, its in enumerate(options)
            if its.trial.move.chain == leg.chain and its.trial.move.action in PAID
        ]
        if len(paying) < 2:
            continue
        debt, venue = debt_of(leg), conditions.prices.facts[leg.chain]
        price_wad = conditions.prices.at(leg.chain, venue.stable.asset)
        allowed = conditions.largest_step(venue, debt, price_wad, 10**venue.stable.decimals)
        for together in [*combinations(paying, 2), *([tuple(paying)] if len(paying) > 2 else [])]:
            left = debt
            for _ in together:
                left -= mul_div_down(left, allowed, debt)
            yield Draw(debt - left, together)


def _collateral(ground: Ground, options: Sequence[Option], conditions: Conditions) -> Iterator[Draw]:
    facts = conditions.prices.facts
    for leg in ground.account.legs:
        for held in leg.collateral:
            token = facts[leg.chain].token_at(held.token) if leg.chain in facts else None
            if token is None:
                continue
            number = token.token_id
            taking = tuple(
                (at, its.trial.effect.value_wad, 0)
                for at, its in enumerate(options)
                if (
                    its.trial.move.action is Action.REPAY
                    and (its.trial.move.chain, its.trial.move.item) == (leg.chain, number)
                )
                or (its.trial.move.target_chain, its.trial.move.target_token) == (leg.chain, held.token)
            )
            if len(taking) > 1:
                yield Draw(backing_wad(leg, facts[leg.chain], token, conditions), taking)


def _terms(ground: Ground, option: Option, conditions: Conditions, means: Means) -> Effect:
    """Return what the option does; where an empty pool keeps it from paying, what it would do with a full one."""
    now, chain = option.trial.effect, option.trial.move.chain
    if now.outlay or not means.unprofitable(option.candidate, now):
        return now
    full = Ground(ground.account, {**ground.pool_cash, chain: ground.pool_cash[chain] + FULL})
    then = effect(full, option.trial.move, conditions.prices)
    return then if isinstance(then, Effect) else now


def _pools(ground: Ground, options: Sequence[Option], terms: Sequence[Effect]) -> Iterator[Draw]:
    """The cash that gains and penalties of closing are paid from, and that repayments add to."""
    for chain, cash in sorted(ground.pool_cash.items()):
        used = []
        for at, (option, result) in enumerate(zip(options, terms, strict=True)):
            if option.trial.move.chain != chain:
                continue
            start = cash if result is option.trial.effect else cash + FULL
            used.append((at, start - result.ground.pool_cash[chain], 0))
        yield Draw(cash, tuple(its for its in used if its[1]))


def _slots(options: Sequence[Option]) -> Iterator[Draw]:
    slots = [slot_of(option.trial.move) for option in options]
    for slot in sorted({its for its in slots if slots.count(its) > 1}):
        yield Draw(1, tuple((at, 0, 1) for at, its in enumerate(slots) if its == slot))
    yield Draw(MAX_STEPS, tuple((at, 0, 1) for at in range(len(options))))


def _no_more_than_needed(before: Standing, options: Sequence[Option], conditions: Conditions) -> Draw:
    """No step is larger than what is still needed when it is taken, or than dust, for a quorum would not sign it."""
    room = 0
    gives = []
    for at, option in enumerate(options):
        full = before.shortfall - option.trial.standing.shortfall
        gives.append((at, full, 0))
        value_wad = option.trial.effect.value_wad
        room = max(room, mul_div_up(full, min(conditions.dust_wad, value_wad), max(value_wad, 1)))
    return Draw(before.shortfall + room, tuple(gives))


def _paying(option: Option, result: Effect, means: Means) -> tuple[int, int]:
    """Return the shares from and up to which a step pays for itself; contradicting where it never does.

    It earns in proportion to the share and loses to slippage with its square.
    """
    earned_wad, wanted_wad = result.earned_wad, means.wanted_wad(option.trial.move)
    lost_wad = means.slippage_wad(option.candidate, result)
    if not lost_wad:
        if wanted_wad <= 0:
            return 0, ONE
        return (-(-wanted_wad * ONE // earned_wad) if earned_wad > 0 else 2 * ONE), ONE
    square = earned_wad**2 - 4 * lost_wad * wanted_wad
    if square < 0:
        return 2 * ONE, ONE
    root = isqrt(square)
    least = max(-((root - earned_wad) * ONE // (2 * lost_wad)), 0)
    return least, max(min((earned_wad + root) * ONE // (2 * lost_wad), ONE), 0)


def _all_but_dust(option: Option, conditions: Conditions) -> int:
    """Return the share up to which what is left is more than dust, where dust is a part of the option that counts."""
    candidate, size = option.candidate, option.trial.move.size
    venue = conditions.prices.facts[candidate.move.chain]
    dust = dust_size(candidate, max(conditions.dust_wad, venue.dust_value_wad))
    if size < candidate.everything or dust * COUNTS < size:
        return ONE
    # A little less, so that a size that is rounded up does not leave dust.
    return max(size - dust - (size >> 18) - 2, 0) * ONE // size


def _tranches(asset: str, most_wad: int, means: Means, limit: int) -> list[Offer]:
    """Return the sale of `most_wad` in parts, each at the slippage that it adds."""
    if not means.loss_wad(asset, most_wad):
        return []
    ends = [most_wad * part // TRANCHES for part in range(TRANCHES + 1)]
    losses = [means.loss_wad(asset, end) for end in ends]
    return [
        Offer(losses[part + 1] - losses[part], 0, 0, (Use(limit, ends[part] - ends[part + 1]),))
        for part in range(TRANCHES)
    ]


def _sold_wad(option: Option) -> int:
    if option.trial.move.action not in PAID:
        return 0
    return option.trial.effect.value_wad + option.trial.effect.penalty_wad
