"""The certificates in force, in columns: which of them a change has used up is one product per asset that moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from config.units import WAD
from keeper.domain.account import CutPoint
from keeper.margin.certificates import Certificate
from keeper.margin.columns import CODE, Bools, Columns, Floats
from keeper.margin.evidence import LegAge
from keeper.margin.scan import Boxes

_LOW, _MID, _HIGH, _SLOPE, _REACH = range(5)


class Certified:
    """Certificates by row of `columns`.

    Of an asset's drift counts how far the furthest of low, mid and high has gone, and twice what the interval is
    wider than it was.
    """

    def __init__(self, columns: Columns, slots: int = 64) -> None:
        self._columns = columns
        self._slot: dict[int, int] = {}
        self._free = list(range(slots - 1, -1, -1))
        self._row = np.zeros(slots, dtype=np.intp)
        self._state = np.zeros(slots, dtype=np.int8)
        self._slack, self._from_s, self._until_s = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        self._used = np.zeros((5, len(columns.assets), slots))
        self._spent = np.zeros((len(columns.assets), slots))
        self._at: Boxes | None = None

    def __len__(self) -> int:
        return len(self._slot)

    def put(self, row: int, its: Certificate) -> None:
        """Let a certificate hold for a row, in place of any other."""
        slot = self._slot.get(row)
        if slot is None:
            slot = self._slot[row] = self._take()
        self._row[slot], self._state[slot] = row, CODE[its.state]
        self._slack[slot], self._from_s[slot], self._until_s[slot] = its.slack, its.from_s, its.until_s
        self._used[:, :, slot] = 0
        for asset, box in its.boxes.items():
            ends = box.low_wad / WAD, box.mid_wad / WAD, box.high_wad / WAD
            its_slope = its.slopes.get(asset, 0.0), its.reach.get(asset, 0.0)
            self._used[:, self._columns.assets[asset], slot] = (*ends, *its_slope)
        self._at = None

    def drop(self, row: int) -> None:
        """Let no certificate hold for a row."""
        slot = self._slot.pop(row, None)
        if slot is not None:
            self._free.append(slot)

    def holding(self, boxes: Boxes, ages: Mapping[str, LegAge], cut: Sequence[CutPoint]) -> set[int]:
        """Return the rows whose certificate holds at these prices, ages and times."""
        if not self._slot:
            return set()
        self._spend(boxes)
        slots = np.fromiter(self._slot.values(), dtype=np.intp, count=len(self._slot))
        rows, tables = self._row[slots], self._columns.tables
        present = tables.present[rows]
        fresh = ~(present @ _not_fresh(ages))
        time_s = np.where(present, self._times(cut), -np.inf).max(axis=1, initial=-np.inf)
        in_time = (time_s >= self._from_s[slots]) & (time_s <= self._until_s[slots])
        priced = ~(tables.uses[rows] @ ~boxes.priced)
        holds = self._spent[:, slots].sum(axis=0) < self._slack[slots]
        holds &= in_time & fresh & priced & (tables.state[rows] == self._state[slots])
        return set(rows[holds].tolist())

    def _spend(self, boxes: Boxes) -> None:
        """Work out anew what was used up of each certificate by the assets that moved."""
        before, self._at = self._at, boxes
        moved: Bools = np.ones(len(boxes.mid), dtype=np.bool_)
        if before is not None:
            moved = (before.low != boxes.low) | (before.mid != boxes.mid) | (before.high != boxes.high)
        for asset in np.flatnonzero(moved):
            low, mid, high, slope, reach = self._used[:, asset]
            ends = boxes.low[asset], boxes.mid[asset], boxes.high[asset]
            drift: Floats = np.maximum.reduce([abs(low - ends[0]), abs(mid - ends[1]), abs(high - ends[2])])
            wider = np.maximum((ends[2] - ends[0]) - (high - low), 0)
            spent = slope * (drift + 2 * wider)
            self._spent[asset] = np.where((slope > 0) & (drift > reach), np.inf, spent)

    def _times(self, cut: Sequence[CutPoint]) -> Floats:
        times: Floats = np.full(len(self._columns.chains), -np.inf)
        for point in cut:
            if point.chain in self._columns.chains:
                times[self._columns.chains[point.chain]] = point.timestamp + point.age_ms // 1000
        return times

    def _take(self) -> int:
        if not self._free:
            slots = len(self._row)
            for name in ("_row", "_state", "_slack", "_from_s", "_until_s", "_used", "_spent"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros_like(old)], axis=-1))
            self._free = list(range(2 * slots - 1, slots - 1, -1))
        return self._free.pop()


def _not_fresh(ages: Mapping[str, LegAge]) -> Bools:
    return np.array([age is not LegAge.FRESH for age in ages.values()], dtype=np.bool_)
