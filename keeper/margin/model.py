"""Margin models: what positions require for being open.

`standard` is the sum over positions of the notional times the fractions of its size tiers.
Tiers are marginal, as tax brackets are: each fraction holds for the part of the notional
inside its tier, so that the requirement never jumps.

A model says what one position requires at a price and at which prices its slope changes;
that is all the interval arithmetic needs to be exact. Values are exact (see `curves`).
"""

from __future__ import annotations

from collections.abc import Iterator
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


class MarginModel(Protocol):
    """What one position requires."""

    def requirement(self, tiers: tuple[Tier, ...], notional: int, kind: Kind) -> int:
        """Return the margin on `notional` (wad times `UNITS`), times `BPS`."""

    def kinks(self, tiers: tuple[Tier, ...], size: int) -> Iterator[int]:
        """Yield the prices (wad, rounded down) where the slope changes for an absolute `size` in `UNITS`."""


@dataclass(frozen=True, slots=True)
class Step:
    """From a notional of `border` on, the margin is `base` and `bps` of what is beyond."""

    border: int
    base: int
    bps: int


class StandardModel:
    """Marginal tiers, position by position, without netting."""

    def requirement(self, tiers: tuple[Tier, ...], notional: int, kind: Kind) -> int:
        """Return the margin on `notional`: each tier's fraction of the part inside it."""
        steps = _schedule(tiers, kind)
        step = steps[0]
        for following in steps[1:]:
            if notional <= following.border:
                break
            step = following
        return step.base + (notional - step.border) * step.bps

    def kinks(self, tiers: tuple[Tier, ...], size: int) -> Iterator[int]:
        """Yield the prices at which the notional reaches a tier's end."""
        for step in _schedule(tiers, Kind.MAINTENANCE)[1:]:
            yield step.border // size


STANDARD: MarginModel = StandardModel()


@lru_cache(maxsize=1024)
def _schedule(tiers: tuple[Tier, ...], kind: Kind) -> tuple[Step, ...]:
    steps: list[Step] = []
    border = base = 0
    for tier in tiers:
        bps = tier.maintenance_bps if kind is Kind.MAINTENANCE else tier.initial_bps
        steps.append(Step(border, base, bps))
        end = tier.up_to_wad * UNITS
        base += (end - border) * bps
        border = end
    return tuple(steps)
