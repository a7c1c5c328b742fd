"""Critical prices: how far each asset's price may move before an account's state could be another.

A full pass leaves every account with some slack: how far any of its figures may move before a
comparison of the state table could turn. Figures are sums over assets, and none moves with an
asset's price faster than the account's slope in it; so the slack is divided among its assets, and
each gets a distance that the ends of the asset's interval may drift without consequence. Sorted by
that distance, a price change costs one search per asset that moved: it finds those accounts whose
distance was used up, and only they are looked at again, until a new pass measures all anew.

Sound for any number of assets moving at once, since the shares add up to the slack; what the search
names, the scan still judges. An account that changed is looked at whenever anything is.

Accounts whose figures bend are apart: a pass says nothing of them. Each has a certificate from when it was last
evaluated (`keeper.margin.certificates`), and is named whenever it has none that holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.certificates import certificate
from keeper.margin.certified import Certified
from keeper.margin.columns import Bools, Columns, Floats, Ints
from keeper.margin.evidence import LegAge, ages_of
from keeper.margin.scan import Boxes, Scan
from oracles.price import Price

ROOM = 1 - 1e-6
"""Part of the slack that is used: the rest is for rounding."""
ROUNDING = 1e-15
LEAST_PASS = 512
"""Rows that are looked at again sooner than all are measured anew, however few there are.

Otherwise a new pass is due when as many rows as there are have been looked at one by one since the last:
so the search costs at most twice what scanning all each time would, and where little is near almost nothing.
"""


@dataclass(slots=True)
class _Distances:
    """One asset's accounts in the order of how far it may drift for them; `passed` of them have been found."""

    distance: Floats
    row: Ints
    passed: int = 0

    def used_up(self, drift: float) -> Ints:
        """Return the rows whose distance `drift` has now used up, but for those found before."""
        reached = self._reached(drift)
        found = self.row[self.passed : reached]
        self.passed = max(self.passed, reached)
        return found

    def within(self, drift: float) -> Ints:
        """Return all rows whose distance such a drift would use up, without noting any as found."""
        return self.row[: self._reached(drift)]

    def _reached(self, drift: float) -> int:
        return int(np.searchsorted(self.distance, drift, side="right"))


@dataclass(slots=True)
class _Measured:
    """What a full pass left: at which prices and ages, and every asset's distances."""

    boxes: Boxes
    ages: Mapping[str, LegAge]
    rows: int
    by_asset: list[_Distances]
    prices: dict[str, Price]


class CriticalPrices:
    """Names the same accounts as a full scan of `columns` would, or more, at the cost of a search where nothing is near."""

    def __init__(self, columns: Columns) -> None:
        self.passes = 0
        """How often all rows were measured."""
        self._columns = columns
        self._scan = Scan(columns)
        self._measured: _Measured | None = None
        self._open: set[int] = set()
        self._apart: set[int] = set()
        self._certified = Certified(columns)
        self._looked_at = 0

    def candidates(self, prices: Mapping[str, Price], cut: Sequence[CutPoint]) -> list[str]:
        """Return the accounts to evaluate exactly, in the order of `Scan.candidates`."""
        columns, measured = self._columns, self._measured
        ages = ages_of(columns.chains, cut, columns.policy)
        self._take_changed()
        if measured is None or measured.ages != ages or measured.rows != len(columns.ids):
            return self._measure(Boxes.of(prices, columns.assets), ages, prices, cut)
        moved = [asset for asset in columns.assets if prices.get(asset) is not measured.prices.get(asset)]
        if not moved and not self._open and not self._apart:
            return []
        boxes = Boxes.of(prices, columns.assets)
        if bool((boxes.priced != measured.boxes.priced).any()):
            return self._measure(boxes, ages, prices, cut)
        for number in (columns.assets[asset] for asset in moved):
            self._open.update(
                measured.by_asset[number].used_up(_drift(boxes, measured.boxes, number)).tolist()
            )
        measured.prices = dict(prices)
        self._open -= self._apart
        self._looked_at += len(self._open)
        if self._looked_at >= max(LEAST_PASS, len(columns)):
            return self._measure(boxes, ages, prices, cut)
        wanted = self._open | (self._apart - self._certified.holding(boxes, ages, cut))
        if not wanted:
            return []
        return self._scan.among(np.array(sorted(wanted), dtype=np.intp), boxes, ages)

    def supposing(self, prices: Mapping[str, Price], cut: Sequence[CutPoint]) -> list[str]:
        """Return what `Scan.candidates` would at prices that are only supposed, and take note of nothing.

        It costs a search as well, unless another set of assets has a price than when all were measured.
        """
        columns, measured = self._columns, self._measured
        ages, boxes = ages_of(columns.chains, cut, columns.policy), Boxes.of(prices, columns.assets)
        if (
            measured is None
            or measured.ages != ages
            or measured.rows != len(columns.ids)
            or bool((boxes.priced != measured.boxes.priced).any())
        ):
            return self._scan.among(None, boxes, ages)
        rows = self._open | self._apart | columns.changed
        for asset, distances in enumerate(measured.by_asset):
            rows.update(distances.within(_drift(boxes, measured.boxes, asset)).tolist())
        return self._scan.among(np.array(sorted(rows), dtype=np.intp), boxes, ages)

    def certify(
        self, account: Account, state: AccountState, health: UnifiedHealth, prices: Mapping[str, Price]
    ) -> None:
        """Take what was found of an account, as its columns have it, at `prices`; it counts until the row is written."""
        row = self._columns.row_of(account.account_id)
        if row is None or row not in self._apart:
            return
        found = certificate(account, state, health, prices, self._columns.policy)
        if found is None:
            self._certified.drop(row)
        else:
            self._certified.put(row, found)

    def bends(self, account_id: str) -> bool:
        """Whether an account's figures bend, so that it has a certificate in place of distances."""
        return self._columns.row_of(account_id) in self._apart

    def _take_changed(self) -> None:
        columns = self._columns
        for row in columns.changed:
            self._certified.drop(row)
            self._apart.discard(row)
            if columns.tables.claimed[row] and columns.tables.taken[row]:
                self._apart.add(row)
        self._open |= columns.changed
        columns.changed.clear()

    def _measure(
        self,
        boxes: Boxes,
        ages: Mapping[str, LegAge],
        prices: Mapping[str, Price],
        cut: Sequence[CutPoint],
    ) -> list[str]:
        self.passes += 1
        sweep = self._scan.sweep()
        swept = sweep.swept(boxes, ages, everywhere=True)
        slopes = sweep.slopes(ages)
        tables = self._columns.tables
        touched = (slopes > 0) & tables.taken[:, None]
        shares = np.maximum(touched.sum(axis=1), 1)
        # what must be looked at each time anyway has no distance at all
        self._apart = set(np.flatnonzero(tables.claimed & tables.taken).tolist())
        self._open = set(np.flatnonzero(sweep.wanted(swept)).tolist()) - self._apart
        self._looked_at = 0
        share = ROOM * swept.slack / shares
        by_asset = [
            self._distances(share, slopes[:, asset], touched[:, asset]) for asset in range(slopes.shape[1])
        ]
        self._measured = _Measured(boxes, dict(ages), len(self._columns.ids), by_asset, dict(prices))
        quiet = {self._columns.ids[row] for row in self._certified.holding(boxes, ages, cut)}
        return [each for each in sweep.named(sweep.swept(boxes, ages)) if each not in quiet]

    @staticmethod
    def _distances(share: Floats, slope: Floats, touched: Bools) -> _Distances:
        rows = np.flatnonzero(touched)
        distance = share[rows] / slope[rows]
        finite = np.isfinite(distance)
        rows, distance = rows[finite], distance[finite]
        order = np.argsort(distance, kind="stable")
        return _Distances(distance[order], rows[order])


def _drift(now: Boxes, then: Boxes, asset: int) -> float:
    """Return how far any of the interval's three prices is from where it was, and what a float may hide of that."""
    pairs = ((now.low, then.low), (now.mid, then.mid), (now.high, then.high))
    furthest = max(abs(float(ends[asset] - before[asset])) for ends, before in pairs)
    return furthest + ROUNDING * float(max(now.high[asset], then.high[asset]))
