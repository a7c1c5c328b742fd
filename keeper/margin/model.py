"""Margin models: what positions require for being open.

`standard` is the sum over positions of the notional times the fractions of its size tiers.
Tiers are marginal, as tax brackets are: each fraction holds for the part of the notional
inside its tier, so that the requirement never jumps.

A model says what one position requires at a price and at which prices its slope changes;
that is all the interval arithmetic needs to be exact. Values are exact (see `curves`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Protocol

from keeper.margin.parameters import Tier

UNITS = 10**36
"""Amounts are counted in 10**-36 of a whole unit, so that every token's decimals fit without rounding."""


class Kind(IntEnum):
    """Which requirement: to be left alone, or to add risk."""

    MAINTENANCE = 0
    INITIAL = 1


class Charge(Protocol):
    """What one position requires, as a function of its notional."""

    def requirement(self, notional: int, kind: Kind) -> int:
        """Return the margin on `notional` (wad times `UNITS`), times `BPS`."""

    def kinks(self, size: int) -> Iterator[int]:
        """Yield the prices (wad, rounded down) where the slope changes for an absolute `size` in `UNITS`."""


class MarginModel(Protocol):
    """How a market's tiers become a charge."""

    def charge(self, tiers: tuple[Tier, ...]) -> Charge:
        """Return what a position in a market with these tiers requires."""


@dataclass(frozen=True, slots=True)
class Step:
    """From a notional of `border` on, the margin is `base` and `bps` of what is beyond."""

    border: int
    base: int
    bps: int


@dataclass(frozen=True, slots=True)
class TierSchedule:
    """Marginal tiers as steps, by kind."""

    steps: tuple[tuple[Step, ...], tuple[Step, ...]]

    def requirement(self, notional: int, kind: Kind) -> int:
        """Return each tier's fraction of the part of `notional` inside it."""
        steps = self.steps[kind]
        step = steps[0]
        for following in steps[1:]:
            if notional <= following.border:
                break
            step = following
        return step.base + (notional - step.border) * step.bps

    def kinks(self, size: int) -> Iterator[int]:
        """Yield the prices at which the notional reaches a tier's end."""
        for step in self.steps[0][1:]:
            yield step.border // size


class StandardModel:
    """Marginal tiers, position by position, without netting."""

    def charge(self, tiers: tuple[Tier, ...]) -> Charge:
        """Return the schedule of `tiers`."""
        return _schedule(tiers)


STANDARD: MarginModel = StandardModel()


@lru_cache(maxsize=1024)
def _schedule(tiers: tuple[Tier, ...]) -> TierSchedule:
    return TierSchedule(
        (
            _steps([(tier.up_to_wad, tier.maintenance_bps) for tier in tiers]),
            _steps([(tier.up_to_wad, tier.initial_bps) for tier in tiers]),
        )
    )


def _steps(tiers: Sequence[tuple[int, int]]) -> tuple[Step, ...]:
    steps: list[Step] = []
    border = base = 0
    for up_to_wad, bps in tiers:
        steps.append(Step(border, base, bps))
        base += (up_to_wad * UNITS - border) * bps
        border = up_to_wad * UNITS
    return tuple(steps)
