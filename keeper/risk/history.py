"""Past prices on one grid of time: what volatility, correlation and history's own scenarios are estimated from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from config.units import WAD
from keeper.risk.exposures import Floats

LONGEST_GAP = 5
"""Slots without a price that are bridged by the last one; a longer gap ends a stretch of history."""


@dataclass(frozen=True, slots=True)
class PastPrice:
    """An asset's mid price, the last one seen in a slot of time; USD wad."""

    asset: str
    slot: int
    mid_wad: int


@dataclass(frozen=True, slots=True)
class History:
    """Logarithmic returns by (slot, asset), oldest first. A slot is `step_s` long."""

    assets: tuple[str, ...]
    step_s: float
    returns: Floats

    def __len__(self) -> int:
        return len(self.returns)

    @staticmethod
    def of(assets: Sequence[str], step_s: float, prices: Iterable[PastPrice]) -> History:
        """Return the history of `assets`: all their returns over slots in which each of them has a price.

        Keeping only whole rows keeps what moved together together. A gap of a few slots is filled with the last
        price; over a longer one no return is taken, since it would be one of another length.
        """
        number = {asset: at for at, asset in enumerate(assets)}
        by_slot: dict[int, Floats] = {}
        for price in prices:
            if price.asset in number and price.mid_wad > 0:
                row = by_slot.setdefault(price.slot, np.full(len(assets), np.nan))
                row[number[price.asset]] = np.log(price.mid_wad / WAD)
        rows: list[Floats] = []
        for before, after in pairwise(_filled(by_slot, len(assets))):
            if after[0] == before[0] + 1:
                rows.append(after[1] - before[1])
        returns = np.array(rows).reshape(-1, len(assets))
        return History(tuple(assets), step_s, returns[~np.isnan(returns).any(axis=1)])

    def of_assets(self, assets: Sequence[str]) -> History:
        """Return the history with these assets, in this order."""
        return History(tuple(assets), self.step_s, self.returns[:, [self.assets.index(a) for a in assets]])


def _filled(by_slot: dict[int, Floats], assets: int) -> list[tuple[int, Floats]]:
    """Return every slot from the first to the last with the newest price of each asset, nan where it is too old."""
    if not by_slot:
        return []
    filled: list[tuple[int, Floats]] = []
    newest, seen = np.full(assets, np.nan), np.full(assets, -LONGEST_GAP - 1)
    previous: int | None = None
    for slot in sorted(by_slot):
        last_bridged = slot if previous is None else min(slot, previous + 1 + LONGEST_GAP)
        bridged = range(slot if previous is None else previous + 1, last_bridged)
        filled += [(gap, np.where(gap - seen <= LONGEST_GAP, newest, np.nan)) for gap in bridged]
        row = by_slot[slot]
        newest, seen = np.where(np.isnan(row), newest, row), np.where(np.isnan(row), seen, slot)
        filled.append((slot, np.where(slot - seen <= LONGEST_GAP, newest, np.nan)))
        previous = slot
    return filled
