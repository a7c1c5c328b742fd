"""The figures of an account with options or under scenarios, as intervals that hold for certain.

Low ends are exact but for how an option's price is bounded over a cell (`keeper.margin.surface`): the least
of a sum over underlyings is the sum of the leasts, and the least over scenarios and prices the same in
either order. High ends are not: the best price is another one in each scenario. There the underlyings'
cells are gone through one underlying at a time, the worst scenario taken in each cell, and the best of these
bounds kept.

Health is the ratio h at which assets - h * requirement is zero. The low end is a number at which the low
end of that difference was found not to be negative, the high end one at which its high end was negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.units import WAD
from keeper.domain.health import Interval
from keeper.margin.model import Kind
from keeper.margin.sheet import FINE, QUANTUM, Cases, Row, Sheet
from keeper.margin.surface import Surface
from keeper.margin.valuation import HEALTH_CAP, Box

PARTS = 4
"""Into how many cells an interval of prices is cut."""
ROWS = 8
"""How many scenarios are looked at closely for a high end: any number gives a bound, more a nearer one."""
_ROUNDS = 48
_NEAR = 10**9
"""Health is found to this part of itself."""


class SurfaceValuation:
    """One account at one box of prices; `low`, `mid` and `high` are its sheets as read for each end."""

    def __init__(self, low: Sheet, mid: Sheet, high: Sheet, boxes: Mapping[str, Box]) -> None:
        self._low = _Reading(low, boxes)
        self._high = self._low if high is low else _Reading(high, boxes)
        points = {asset: Box(box.mid_wad, box.mid_wad, box.mid_wad) for asset, box in boxes.items()}
        self._mid = _Reading(mid, points)
        self._mids: dict[Kind, tuple[int, int]] = {}

    def surplus(self, kind: Kind = Kind.MAINTENANCE) -> Interval:
        """Return the margin surplus, USD wad: low rounded down, mid and high up."""
        low, high = self._low.least(kind, 1, 1), self._high.most(kind, 1, 1)
        assets, required = self.mid(kind)
        return _ordered(low // QUANTUM, _up(assets - required, QUANTUM // FINE), _up(high, QUANTUM))

    def surplus_above(self, health_wad: int) -> int:
        """Return a bound from below of assets - `health_wad` * requirement, USD wad times `SCALE` times wad."""
        return self._low.least(Kind.MAINTENANCE, WAD, health_wad) // FINE

    def health(self, surplus: Interval, kind: Kind = Kind.MAINTENANCE) -> Interval | None:
        """Return health, wad: low rounded down, mid and high up; None if nothing is required at any price.

        `surplus` decides on which side of one each end is, so that rounding can not part the two.
        """
        if self._low.least(kind, 0, 1) >= 0:
            return None
        assets, required = self.mid(kind)
        mid = min(_up(assets * WAD, required), HEALTH_CAP) if required > 0 else HEALTH_CAP
        low = _lowest_health(self._low, kind, mid)
        high = _highest_health(self._high, kind, mid)
        return _ordered(
            max(low, WAD) if surplus.low >= 0 else min(low, WAD - 1),
            max(mid, WAD) if surplus.mid >= 0 else min(mid, WAD - 1),
            max(high, WAD) if surplus.high >= 0 else min(high, WAD - 1),
        )

    def equity(self) -> Interval:
        """Return net liquidation value, USD wad: low rounded down, mid and high up."""
        low, high = self._low.equity()[0], self._high.equity()[1]
        return _ordered(low // QUANTUM, _up(self._mid.equity()[1], QUANTUM), _up(high, QUANTUM))

    def mid(self, kind: Kind) -> tuple[int, int]:
        """Return (weighted assets, requirement) at mid prices, in USD wad times `SCALE`, in favour of the account."""
        if kind not in self._mids:
            assets = _up(self._mid.most(kind, 1, 0), FINE)
            self._mids[kind] = assets, max(-self._mid.most(kind, 0, 1) // FINE, 0)
        return self._mids[kind]

    def position_requirement_mid(self) -> int:
        """Return what positions alone require at mid prices, in USD wad times `SCALE`."""
        return max(-self._mid.maintenance() // FINE, 0)


class _Reading:
    """A sheet over a box.

    Every row is bounded roughly first, and only those that may be the least are looked at closely.
    """

    def __init__(self, sheet: Sheet, boxes: Mapping[str, Box]) -> None:
        self._sheet = sheet
        self._rough, self._fine = (
            {
                asset: Surface(boxes[asset], sheet.kinks(asset), boxes, sheet.bundles(asset), parts)
                for asset in sheet.assets
            }
            for parts in (1, PARTS)
        )
        self._is_point = all(surface.is_point for surface in self._rough.values())
        self._known: dict[tuple[bool, Kind, int, int], int] = {}

    def least(self, kind: Kind, assets_weight: int, required_weight: int) -> int:
        """Return a bound from below."""
        key = (False, kind, assets_weight, required_weight)
        if key not in self._known:
            self._known[key] = self._lowest(self._sheet.margin(*key[1:]))
        return self._known[key]

    def most(self, kind: Kind, assets_weight: int, required_weight: int) -> int:
        """Return a bound from above."""
        key = (True, kind, assets_weight, required_weight)
        if key not in self._known:
            self._known[key] = self._highest(self._sheet.margin(*key[1:]))
        return self._known[key]

    def equity(self) -> tuple[int, int]:
        """Return bounds of net liquidation value."""
        cases = self._sheet.equity()
        return self._lowest(cases), self._highest(cases)

    def maintenance(self) -> int:
        """Return a bound from above of minus what positions require."""
        return self._highest(self._sheet.maintenance())

    def _lowest(self, cases: Cases) -> int:
        still = sum(min(self._rough[asset].lowest(plain, ())) for asset, plain in cases.still.items())
        return still + max(self._least_row(rows) for rows in cases.rows)

    def _highest(self, cases: Cases) -> int:
        still = sum(max(self._rough[asset].highest(plain, ())) for asset, plain in cases.still.items())
        return still + max(self._top_of_least(rows) for rows in cases.rows)

    def _least_row(self, rows: Sequence[Row]) -> int:
        rough = [
            sum(min(self._rough[asset].lowest(*part, rough=True)) for asset, part in row.items())
            for row in rows
        ]
        if self._is_point:
            return min(rough)
        found: int | None = None
        for number in sorted(range(len(rows)), key=rough.__getitem__):
            if found is not None and rough[number] >= found:
                break
            fine = sum(min(self._fine[asset].lowest(*part)) for asset, part in rows[number].items())
            value = max(rough[number], fine)
            found = value if found is None else min(found, value)
        return found or 0

    def _top_of_least(self, rows: Sequence[Row]) -> int:
        rough = [
            sum(max(self._rough[asset].highest(*part, rough=True)) for asset, part in row.items())
            for row in rows
        ]
        if self._is_point:
            return min(rough)
        near = sorted(range(len(rows)), key=rough.__getitem__)[:ROWS]
        fine = [
            {asset: self._fine[asset].highest(*part) for asset, part in rows[number].items()}
            for number in near
        ]
        return min(rough[near[0]], _top_of_least(fine))


def _top_of_least(rows: Sequence[Mapping[str, Sequence[int]]]) -> int:
    """Return a bound from above on the least over rows of the sum over underlyings, each given by cell."""
    tops = [{asset: max(cells) for asset, cells in row.items()} for row in rows]
    sums = [sum(top.values()) for top in tops]
    high = min(sums)
    for asset, cells in rows[0].items():
        by_cell = (
            min(
                total - top[asset] + row[asset][cell]
                for row, top, total in zip(rows, tops, sums, strict=True)
            )
            for cell in range(len(cells))
        )
        high = min(high, max(by_cell))
    return high


def _lowest_health(reading: _Reading, kind: Kind, start_wad: int) -> int:
    """Return a health, wad, that is certainly reached."""
    sure, short = 0, HEALTH_CAP
    tried = min(start_wad, HEALTH_CAP)
    if reading.least(kind, WAD, HEALTH_CAP) >= 0:
        return HEALTH_CAP
    for _ in range(_ROUNDS):
        value = reading.least(kind, WAD, tried)
        if value >= 0:
            sure = tried
        else:
            short = tried
        if short - sure <= short // _NEAR + 1:
            break
        tried = _next(tried, value, -reading.least(kind, 0, 1), sure, short)
    return sure


def _highest_health(reading: _Reading, kind: Kind, start_wad: int) -> int:
    """Return a health, wad, that is certainly not reached, or the cap."""
    reached, beyond = 0, HEALTH_CAP
    tried = min(start_wad, HEALTH_CAP)
    if reading.most(kind, WAD, HEALTH_CAP) >= 0:
        return HEALTH_CAP
    for _ in range(_ROUNDS):
        value = reading.most(kind, WAD, tried)
        if value < 0:
            beyond = tried
        else:
            reached = tried
        if beyond - reached <= beyond // _NEAR + 1:
            break
        tried = _next(tried, value, max(-reading.most(kind, 0, 1), 1), reached, beyond)
    return beyond


def _next(tried: int, value: int, required: int, left: int, right: int) -> int:
    """Return Newton's next try, taken just beyond where the line meets zero, or the middle if that is outside."""
    step = value // required
    ahead = tried + step + (abs(step) // 64 + 1 if step else 1) * (1 if step >= 0 else -1)
    return ahead if left < ahead < right else (left + right) // 2


def _ordered(low: int, mid: int, high: int) -> Interval:
    """Return the interval, the middle inside: it is rounded apart from the ends."""
    return Interval(low, min(max(mid, low), high), high)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
