"""How large a step must be: the least size that certainly brings the account to its target."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chains.hub.attestation import Action
from config.units import mul_div_up
from keeper.planner.appraisal import Appraiser, Standing
from keeper.planner.effects import Effect, Move, Refusal, effect
from keeper.planner.ground import Ground, Prices
from keeper.planner.reasons import span

ROUNDS = 24
"""The curve is straight but for a few bends, so a handful is used; the limit is against surprises."""
CLOSING = frozenset({Action.CLOSE, Action.OPTION_CLOSE})
PRECISION = 10**5
"""Sizes are found to this part of the largest size."""
PARTS = (1, 2, 4, 8, 16)
"""Parts of the largest size that are tried where all of it would do harm: tiers can turn a curve."""


@dataclass(frozen=True, slots=True)
class Toxic(Refusal):
    """The hub would do it, and health would fall."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A move, what the hub makes of it, and where the account stands after it."""

    move: Move
    effect: Effect
    standing: Standing


class Workbench:
    """Tries moves on accounts, under one set of evidence."""

    def __init__(self, appraiser: Appraiser, prices: Prices) -> None:
        self.appraiser = appraiser
        self.prices = prices

    def attempt(self, ground: Ground, move: Move) -> Trial | Refusal:
        """Return what `move` leads to, or why the hub would refuse it."""
        outcome = effect(ground, move, self.prices)
        if isinstance(outcome, Refusal):
            return outcome
        return Trial(move, outcome, self.appraiser.standing(outcome.ground.account))

    def helpful(self, ground: Ground, before: Standing, move: Move) -> Trial | Refusal:
        """Return the largest try of `move` that does not lower health and brings the target nearer.

        A repayment helps or harms in the same way at every size; part of a position may free more margin
        than the penalty takes where all of it does not.
        """
        first = self.attempt(ground, move)
        if isinstance(first, Refusal) and move.action in CLOSING:
            move = replace(move, size=self._paid_for(ground, move))
            first = self.attempt(ground, move) if move.size else first
        if isinstance(first, Refusal):
            return first
        for part in PARTS if move.action in CLOSING else (1,):
            found = first if part == 1 else self.attempt(ground, replace(move, size=move.size // part))
            if isinstance(found, Trial) and _helps(found, before):
                return found
        return Toxic(f"toxic, health would go from {span(before.health)} to {span(first.standing.health)}")

    def _paid_for(self, ground: Ground, move: Move) -> int:
        """Return the most that can be closed with the cash in the pool, to a part in `PRECISION`: gains are paid from it."""
        low, high = 0, move.size
        while high - low > max(move.size // PRECISION, 1):
            middle = (low + high) // 2
            refused = isinstance(effect(ground, replace(move, size=middle), self.prices), Refusal)
            low, high = (low, middle) if refused else (middle, high)
        return low

    def to_target(self, ground: Ground, before: Standing, largest: Trial) -> Trial:
        """Return the least size up to `largest` that reaches the target; `largest` where none does.

        The shortfall falls along a line that bends upward if at all, so the chord from the largest size
        that is too small to the least that is enough meets zero where it is enough, or nearly.
        """
        best, small, short = largest, 0, before.shortfall
        precision = max(largest.move.size // PRECISION, 1)
        for _ in range(ROUNDS):
            over = -best.standing.shortfall
            if over <= 0:
                break
            between = small + mul_div_up(best.move.size - small, short, short + over)
            if best.move.size - between < precision:
                break
            tried = self.attempt(ground, replace(best.move, size=between))
            if isinstance(tried, Trial) and tried.standing.shortfall <= 0:
                best = tried
            else:
                small = between
                short = tried.standing.shortfall if isinstance(tried, Trial) else short
        return best


def _helps(trial: Trial, before: Standing) -> bool:
    return not trial.standing.is_worse_than(before) and trial.standing.shortfall < before.shortfall
