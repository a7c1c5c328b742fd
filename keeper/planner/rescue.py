"""Choosing steps one by one: the cheapest relief first, or everything where nothing else is left."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from config.units import mul_div_down, mul_div_up
from keeper.planner.appraisal import EXACT, Standing
from keeper.planner.candidates import Candidate, Impossible, Key, Slot, reducing, slot_of
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Move, Refusal, effect
from keeper.planner.ground import Ground
from keeper.planner.means import PAID, Lack, Means
from keeper.planner.reasons import usd
from keeper.planner.sizing import PRECISION, Toxic, Trial, Workbench

MAX_STEPS = 16
"""Of one plan. What is left over is for the next, made when these are mined."""


@dataclass(frozen=True, slots=True)
class Option:
    """A step that helps, at the largest the keeper can afford.

    `relief` is how much nearer the target it brings the account, as far as that is needed, and
    `cost_wad` what the account and the keeper pay for that much: penalty, slippage and gas.
    """

    candidate: Candidate
    trial: Trial
    relief: int
    cost_wad: int

    @property
    def rate(self) -> Fraction:
        """Cost per relief: the less the better."""
        return Fraction(self.cost_wad, self.relief)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done, where the account stood before, and what the step costs in all."""

    candidate: Candidate
    trial: Trial
    before: Standing
    cost_wad: int


@dataclass(slots=True)
class Survey:
    """All steps of an account, sorted by what speaks for or against them.

    `held` counts those that would help and matter, but can not be taken now: while there is one, the
    account is not closed whole.
    """

    options: list[Option]
    toxic: set[Key]
    held: int
    reasons: dict[Key, str]


class Rescue:
    """Plans over one account's evidence. `used` are slots that live steps of earlier plans hold."""

    def __init__(self, bench: Workbench, conditions: Conditions, dust_wad: int, used: Iterable[Slot]) -> None:
        self._bench = bench
        self._conditions = conditions
        self._dust_wad = dust_wad
        self._used = frozenset(used)

    def survey(
        self,
        ground: Ground,
        before: Standing,
        means: Means,
        *,
        without: Iterable[Slot] = (),
        refused: Container[Key] = (),
        largest: Mapping[Key, int] | None = None,
    ) -> Survey:
        """Try every step at its largest, but for slots that are taken and names that were refused.

        With `largest` only the steps it names, and none larger than it says.
        """
        found = Survey([], set(), 0, {})
        skipped = self._used.union(without)
        for its in reducing(ground, self._conditions, whole=False):
            candidate = _candidate(its)
            if slot_of(candidate.move) in skipped or candidate.key in refused:
                found.held += slot_of(candidate.move) in self._used
                continue
            if largest is not None and candidate.key not in largest:
                continue
            if largest is not None:
                size = min(candidate.move.size, largest[candidate.key])
                candidate = replace(candidate, move=replace(candidate.move, size=size))
            trial = self._bench.helpful(ground, before, candidate.move)
            if isinstance(trial, Refusal):
                if isinstance(trial, Toxic):
                    found.toxic.add(candidate.key)
                found.reasons[candidate.key] = f"{candidate.name}: {trial.reason}"
                continue
            within: Trial | Lack = Lack(its.reason) if isinstance(its, Impossible) else trial
            if isinstance(within, Trial):
                within = self._within_means(ground, before, candidate, within, means)
            if isinstance(within, Lack):
                found.held += trial.effect.value_wad > self._dust_wad
                found.reasons[candidate.key] = f"{candidate.name}: {within.reason}"
            else:
                found.options.append(_option(candidate, within, before, means))
        found.options.sort(key=lambda option: option.rate)
        return found

    def _within_means(
        self, ground: Ground, before: Standing, candidate: Candidate, largest: Trial, means: Means
    ) -> Trial | Lack:
        """Return the largest trial that the keeper can afford."""
        affordable = means.affordable(candidate)
        if isinstance(affordable, Lack) or affordable == candidate.move:
            return affordable if isinstance(affordable, Lack) else largest
        smaller = self._bench.helpful(ground, before, affordable)
        return Lack(smaller.reason) if isinstance(smaller, Refusal) else smaller

    def only_toxic(self, survey: Survey) -> bool:
        """Whether all that is left to do would lower health; crumbs that would not are no way out."""
        matters = [
            option
            for option in survey.options
            if option.trial.effect.value_wad > self._dust_wad or option.trial.standing.shortfall <= 0
        ]
        return bool(survey.toxic) and not matters and not survey.held

    def cheapest_relief_first(
        self, ground: Ground, before: Standing, means: Means, first: Survey
    ) -> tuple[list[Choice], dict[Key, str]]:
        """Return steps until the target is certain or nothing more helps, and what did not pay.

        `first` is the survey of the account as it is. Only steps that help the account as it is now are taken, no larger than the hub would let through
        now: then no step can do harm or be refused because another failed. (What helps by itself helps
        after others have helped, and in part: assets over requirement bends downward in every size.)
        """
        survey = first
        largest = {option.candidate.key: option.trial.move.size for option in first.options}
        chosen: list[Choice] = []
        refused: dict[Key, str] = {}
        done: set[Slot] = set()
        while before.shortfall > 0 and len(chosen) < MAX_STEPS:
            if chosen:
                survey = self.survey(ground, before, means, without=done, refused=refused, largest=largest)
            choice = self._first_that_pays(ground, before, survey, means, refused)
            if choice is None:
                break
            done.add(slot_of(choice.trial.move))
            chosen.append(choice)
            means = means.after(choice.trial.move, choice.trial.effect)
            ground, before = choice.trial.effect.ground, choice.trial.standing
        return chosen, refused

    def _first_that_pays(
        self, ground: Ground, before: Standing, survey: Survey, means: Means, refused: dict[Key, str]
    ) -> Choice | None:
        for option in survey.options:
            choice = self.sized(ground, before, option, means)
            if isinstance(choice, Choice):
                return choice
            refused[option.candidate.key] = f"{option.candidate.name}: {choice.reason}"
        return None

    def sized(
        self, ground: Ground, before: Standing, option: Option, means: Means, wanted: int | None = None
    ) -> Choice | Lack:
        """Return the option at the size that is needed, no larger than `wanted`, or all of it if the rest would be dust."""
        candidate, largest = option.candidate, option.trial
        if wanted is not None and wanted < largest.move.size:
            smaller = self._bench.attempt(ground, replace(largest.move, size=wanted))
            if isinstance(smaller, Refusal):
                return Lack(smaller.reason)
            largest = smaller
        trial = self._bench.to_target(ground, before, largest)
        venue = self._conditions.prices.facts[candidate.move.chain]
        rest = candidate.everything - trial.move.size
        may_take_all = option.trial.move.size >= candidate.everything
        if may_take_all and self._conditions.is_dust(venue, rest, candidate.price_wad, candidate.unit):
            everything = self._bench.attempt(ground, replace(trial.move, size=candidate.everything))
            if isinstance(everything, Trial) and not everything.standing.is_worse_than(before):
                trial = everything
        loss = means.unprofitable(candidate, trial.effect)
        if loss:
            larger = self._worth_its_gas(ground, before, option, trial, means)
            if larger is None:
                return Lack(loss)
            trial = larger
        return Choice(candidate, trial, before, trial.effect.penalty_wad + means.gas_wad(trial.move))

    def _worth_its_gas(
        self, ground: Ground, before: Standing, option: Option, trial: Trial, means: Means
    ) -> Trial | None:
        """Return the least larger step that pays for itself, if it is one of no more than dust."""
        candidate, move = option.candidate, trial.move
        dust = dust_size(candidate, self._dust_wad)
        low, high = move.size, min(option.trial.move.size, dust)
        if high <= low or self._loss(ground, candidate, replace(move, size=high), means):
            return None
        while high - low > max(high // PRECISION, 1):
            middle = (low + high) // 2
            if self._loss(ground, candidate, replace(move, size=middle), means):
                low = middle
            else:
                high = middle
        found = self._bench.attempt(ground, replace(move, size=high))
        return found if isinstance(found, Trial) and not found.standing.is_worse_than(before) else None

    def _loss(self, ground: Ground, candidate: Candidate, move: Move, means: Means) -> str:
        outcome = effect(ground, move, self._bench.prices)
        return outcome.reason if isinstance(outcome, Refusal) else means.unprofitable(candidate, outcome)

    def everything(
        self, ground: Ground, before: Standing, means: Means, *, bankrupt: bool
    ) -> tuple[list[Choice], dict[Key, str]]:
        """Return steps that close the account: positions, then debts here, then debts against other chains.

        Each as large as the hubs and the keeper's means allow. A bankrupt account is closed to the end,
        another until it is at its target.
        """
        chosen: list[Choice] = []
        refused: dict[Key, str] = {}
        done: set[Slot] = set()
        while len(chosen) < MAX_STEPS and (bankrupt or before.shortfall > 0):
            choice = self._next_of_everything(ground, before, means, done, refused)
            if choice is None:
                break
            chosen.append(choice)
            means = means.after(choice.trial.move, choice.trial.effect)
            ground, before = choice.trial.effect.ground, choice.trial.standing
        return chosen, refused

    def _next_of_everything(
        self, ground: Ground, before: Standing, means: Means, done: set[Slot], refused: dict[Key, str]
    ) -> Choice | None:
        steps = reducing(ground, self._conditions, whole=True)
        for its in sorted(steps, key=lambda its: _candidate(its).move.action):
            candidate = _candidate(its)
            slot = slot_of(candidate.move)
            if slot in done or slot in self._used:
                continue
            trial = self._whole_step(ground, its, means)
            if isinstance(trial, Trial):
                done.add(slot)
                refused.pop(candidate.key, None)
                cost_wad = trial.effect.penalty_wad + means.gas_wad(trial.move)
                return Choice(candidate, trial, before, cost_wad)
            refused[candidate.key] = f"{candidate.name}: {trial.reason}"
        return None

    def _whole_step(
        self, ground: Ground, its: Candidate | Impossible, means: Means
    ) -> Trial | Lack | Refusal:
        if isinstance(its, Impossible):
            return Lack(its.reason)
        affordable = means.affordable(its)
        if isinstance(affordable, Lack):
            return affordable
        trial = self._bench.attempt(ground, affordable)
        if isinstance(trial, Trial) and (loss := means.unprofitable(its, trial.effect)):
            return Lack(loss)
        return trial


def not_needed(options: Sequence[Option], settled: Container[Key], first: Key) -> dict[Key, str]:
    """Return, for options that were neither taken nor refused, what they cost against the first choice."""
    chosen = next((option for option in options if option.candidate.key == first), None)
    against = f", {_price_of(chosen)} there" if chosen is not None else ""
    return {
        option.candidate.key: f"{option.candidate.name}: not needed, {_price_of(option)}{against}"
        for option in options
        if option.candidate.key not in settled
    }


def bill_wad(chosen: Iterable[Choice], means: Means) -> int:
    """Return what the steps cost together: penalties, gas, and the slippage of all that is sold of each asset."""
    cost_wad, sold_wad = 0, dict[str, int]()
    for its in chosen:
        cost_wad += its.cost_wad
        if its.trial.move.action in PAID:
            result = its.trial.effect
            sold_wad[its.candidate.asset] = (
                sold_wad.get(its.candidate.asset, 0) + result.value_wad + result.penalty_wad
            )
    return cost_wad + sum(means.loss_wad(asset, sold) for asset, sold in sold_wad.items())


def dust_size(candidate: Candidate, dust_wad: int) -> int:
    """Return the size of a step that is worth no more than dust."""
    return mul_div_down(dust_wad, candidate.unit, candidate.price_wad) if candidate.price_wad else 0


def _price_of(option: Option) -> str:
    return f"{usd(option.cost_wad)} for {usd(option.relief // EXACT)} of relief"


def _candidate(its: Candidate | Impossible) -> Candidate:
    return its.candidate if isinstance(its, Impossible) else its


def _option(candidate: Candidate, trial: Trial, before: Standing, means: Means) -> Option:
    full = before.shortfall - trial.standing.shortfall
    relief = min(full, before.shortfall)
    paid_wad = trial.effect.penalty_wad + means.slippage_wad(candidate, trial.effect)
    return Option(candidate, trial, relief, mul_div_up(paid_wad, relief, full) + means.gas_wad(trial.move))
