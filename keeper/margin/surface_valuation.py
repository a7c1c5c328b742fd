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
_ROUNDS = 48
_NEAR = 10**9
"""Health is found to this part of itself."""

Bounds = dict[str, list[tuple[int, int]]]


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
    """A sheet over a box."""

    def __init__(self, sheet: Sheet, boxes: Mapping[str, Box]) -> None:
        self._sheet = sheet
        self._surfaces = {
            asset: Surface(boxes[asset], sheet.kinks(asset), boxes, sheet.bundles(asset), PARTS)
            for asset in sheet.assets
        }
        self._known: dict[tuple[Kind, int, int], tuple[int, int]] = {}

    def least(self, kind: Kind, assets_weight: int, required_weight: int) -> int:
        return self._margin(kind, assets_weight, required_weight)[0]

    def most(self, kind: Kind, assets_weight: int, required_weight: int) -> int:
        return self._margin(kind, assets_weight, required_weight)[1]

    def equity(self) -> tuple[int, int]:
        return self._extremes(self._sheet.equity())

    def maintenance(self) -> int:
        return self._extremes(self._sheet.maintenance())[1]

    def _margin(self, kind: Kind, assets_weight: int, required_weight: int) -> tuple[int, int]:
        key = (kind, assets_weight, required_weight)
        if key not in self._known:
            self._known[key] = self._extremes(self._sheet.margin(*key))
        return self._known[key]

    def _extremes(self, cases: Cases) -> tuple[int, int]:
        still = [self._surfaces[asset].bounds(plain, ()) for asset, plain in cases.still.items()]
        low = sum(min(cell[0] for cell in cells) for cells in still)
        high = sum(max(cell[1] for cell in cells) for cells in still)
        ends = [_of_rows([self._bounds(row) for row in rows]) for rows in cases.rows]
        return low + max(end[0] for end in ends), high + max(end[1] for end in ends)

    def _bounds(self, row: Row) -> Bounds:
        return {asset: self._surfaces[asset].bounds(*part) for asset, part in row.items()}


def _of_rows(rows: Sequence[Bounds]) -> tuple[int, int]:
    """Return bounds on the least over rows of the sum over underlyings."""
    low = min(sum(min(cell[0] for cell in cells) for cells in row.values()) for row in rows)
    tops = [{asset: max(cell[1] for cell in cells) for asset, cells in row.items()} for row in rows]
    sums = [sum(top.values()) for top in tops]
    high = min(sums)
    for asset, cells in rows[0].items():
        if len(cells) > 1:
            by_cell = (
                min(
                    total - top[asset] + row[asset][cell][1]
                    for row, top, total in zip(rows, tops, sums, strict=True)
                )
                for cell in range(len(cells))
            )
            high = min(high, max(by_cell))
    return low, high


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
