"""Past prices on one grid of time: what volatility, correlation and history's own scenarios are estimated from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from config.units import WAD
from keeper.risk.arrays import Floats

LONGEST_GAP = 5
"""Slots without any price that are bridged by the last one; a longer gap ends a stretch of history."""


@dataclass(frozen=True, slots=True)
class PastPrice:
    """An asset's mid price, the last one seen in a slot of time; USD wad."""

    asset: str
    slot: int
    mid_wad: int


@dataclass(frozen=True, slots=True)
class History:
    """Logarithmic returns by (slot, asset), oldest first; nan all along for an asset that has no history.

    A slot is `step_s` long.
    """

    assets: tuple[str, ...]
    step_s: float
    returns: Floats

    def __len__(self) -> int:
        return len(self.returns)

    @staticmethod
    def of(assets: Sequence[str], step_s: float, prices: Iterable[PastPrice]) -> History:
        """Return the history of `assets`: all their returns over slots in which each of them has a price.

        Keeping only whole rows keeps what moved together together; so that one new asset does not cost all others
        their history, an asset with prices in less than half of the slots has none. A gap of a few slots is filled
        with the last price; over a longer one no return is taken, since it would be one of another length.
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
        returns = np.array(rows).reshape(len(rows), len(assets))
        gone = np.isnan(returns)
        covered = gone.mean(axis=0) <= 0.5 if len(returns) else np.ones(len(assets), dtype=np.bool_)
        whole = returns[~gone[:, covered].any(axis=1)]
        whole[:, ~covered] = np.nan
        return History(tuple(assets), step_s, whole)

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Which assets have a history."""
        gone = np.isnan(self.returns).any(axis=0)
        return np.asarray(~gone & bool(len(self.returns)))


def _filled(by_slot: dict[int, Floats], assets: int) -> list[tuple[int, Floats]]:
    """Return every slot from the first to the last with the newest price of each asset, nan where it is too old."""
    if not by_slot:
        return []
    filled: list[tuple[int, Floats]] = []
    newest, seen = np.full(assets, np.nan), np.full(assets, -LONGEST_GAP - 1)
    previous: int | None = None
    for slot in sorted(by_slot):
        missing = 0 if previous is None else slot - previous - 1
        bridged = range(slot - missing, slot) if missing <= LONGEST_GAP else ()
        filled += [(gap, np.where(gap - seen <= LONGEST_GAP, newest, np.nan)) for gap in bridged]
        row = by_slot[slot]
        newest, seen = np.where(np.isnan(row), newest, row), np.where(np.isnan(row), seen, slot)
        filled.append((slot, np.where(slot - seen <= LONGEST_GAP, newest, np.nan)))
        previous = slot
    return filled
