"""The extremes of surplus, health and equity over a box of prices. Exact, rounded only at the end.

Health is a ratio, and the extreme of a ratio is not where the extremes of its parts are. It is
found by Dinkelbach's method: the largest A / R is the number h for which the largest
A - h * R is zero, and that difference separates by asset like the surplus does. Hence the
high end of health is below one exactly when the high end of surplus is below zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from config.units import WAD
from keeper.domain.health import Interval
from keeper.margin.curves import SCALE, Curve
from keeper.margin.model import Kind

HEALTH_CAP = 10**6 * WAD
"""Healths above a million are shown as a million: there the requirement is all but nothing."""

Points: TypeAlias = "list[list[tuple[int, int]]]"


@dataclass(frozen=True, slots=True)
class Box:
    """One asset's price, USD wad: `low <= mid <= high`."""

    low_wad: int
    mid_wad: int
    high_wad: int


class Valuation:
    """One account at one box of prices. `low`, `mid` and `high` are its curves as read for each end."""

    def __init__(
        self,
        low: Mapping[str, Curve],
        mid: Mapping[str, Curve],
        high: Mapping[str, Curve],
        boxes: Mapping[str, Box],
    ) -> None:
        self._low, self._mid, self._high = low, mid, high
        self._boxes = boxes
        self._low_prices = {asset: _prices(curve, boxes[asset]) for asset, curve in low.items()}
        if high is low:
            self._high_prices = self._low_prices
        else:
            self._high_prices = {asset: _prices(curve, boxes[asset]) for asset, curve in high.items()}
        self._mids: dict[Kind, tuple[int, int]] = {}
        self._ends: dict[Kind, tuple[Points, Points]] = {}

    def surplus(self, kind: Kind = Kind.MAINTENANCE) -> Interval:
        """Return the margin surplus, USD wad: low rounded down, mid and high up."""
        low_points, high_points = self._points(kind)
        assets, required = self.mid(kind)
        return Interval(
            sum(min(a - r for a, r in points) for points in low_points) // SCALE,
            _up(assets - required, SCALE),
            _up(sum(max(a - r for a, r in points) for points in high_points), SCALE),
        )

    def surplus_above(self, health_wad: int) -> int:
        """Return the least of assets - `health_wad` * requirement: not negative exactly when health is certainly there.

        Exact, in USD wad times `SCALE` times wad.
        """
        return sum(
            min(a * WAD - r * health_wad for a, r in points) for points in self._points(Kind.MAINTENANCE)[0]
        )

    def health(self, surplus: Interval, kind: Kind = Kind.MAINTENANCE) -> Interval | None:
        """Return health, wad: low rounded down, mid and high up; None if nothing is required at any price.

        `surplus` decides on which side of one each end is, so that rounding can not part the two.
        """
        low_points, high_points = self._points(kind)
        low = _extreme_ratio(low_points, least=True)
        if low is None:
            return None
        high = _extreme_ratio(high_points, least=False) or (1, 0)
        assets, required = self.mid(kind)
        return Interval(
            min(low[0] * WAD // low[1], HEALTH_CAP),
            _ratio_up(assets, required, surplus.mid),
            _ratio_up(*high, surplus.high),
        )

    def equity(self) -> Interval:
        """Return net liquidation value, USD wad: low rounded down, mid and high up."""
        low = sum(
            min(curve.equity(price) for price in self._low_prices[asset])
            for asset, curve in self._low.items()
        )
        high = sum(
            max(curve.equity(price) for price in self._high_prices[asset])
            for asset, curve in self._high.items()
        )
        mid = sum(curve.equity(self._boxes[asset].mid_wad) for asset, curve in self._mid.items())
        return Interval(low // SCALE, _up(mid, SCALE), _up(high, SCALE))

    def mid(self, kind: Kind) -> tuple[int, int]:
        """Return (weighted assets, requirement) at mid prices, exact."""
        if kind not in self._mids:
            parts = [curve.margin(self._boxes[asset].mid_wad, kind) for asset, curve in self._mid.items()]
            self._mids[kind] = sum(a for a, _ in parts), sum(r for _, r in parts)
        return self._mids[kind]

    def position_requirement_mid(self) -> int:
        """Return what positions alone require at mid prices, exact."""
        return sum(
            curve.position_requirement(self._boxes[asset].mid_wad) for asset, curve in self._mid.items()
        )

    def _points(self, kind: Kind) -> tuple[Points, Points]:
        """Return (assets, requirement) at every price that may be extreme, asset by asset, for low and for high."""
        ends = self._ends.get(kind)
        if ends is None:
            low = _points(self._low, self._low_prices, kind)
            high = low if self._high is self._low else _points(self._high, self._high_prices, kind)
            ends = self._ends[kind] = low, high
        return ends


def _points(curves: Mapping[str, Curve], prices: Mapping[str, Sequence[int]], kind: Kind) -> Points:
    return [[curve.margin(price, kind) for price in prices[asset]] for asset, curve in curves.items()]


def _prices(curve: Curve, box: Box) -> list[int]:
    return curve.points(box.low_wad, box.high_wad)


def _extreme_ratio(points: Points, *, least: bool) -> tuple[int, int] | None:
    """Return the least or largest sum of assets over sum of requirements, as a fraction; None if infinite.

    Each round takes the prices that are best against the last ratio; it stops when none is better.
    Over finitely many prices that is after finitely many rounds, in practice two or three.
    """
    pick = min if least else max
    required = sum(max([r for _, r in its]) if least else min([r for _, r in its]) for its in points)
    if required == 0:
        return None
    best = (sum(its[0][0] for its in points), sum(its[0][1] for its in points))
    if best[1] == 0:
        chosen = [max(its, key=lambda point: point[1]) for its in points]
        best = (sum(a for a, _ in chosen), sum(r for _, r in chosen))
    while True:
        top, bottom = best
        chosen = [pick(its, key=lambda point: point[0] * bottom - point[1] * top) for its in points]
        found = (sum(a for a, _ in chosen), sum(r for _, r in chosen))
        gained = found[0] * bottom - found[1] * top
        if (gained >= 0) if least else (gained <= 0):
            return best
        best = found


def _ratio_up(assets: int, required: int, surplus: int) -> int:
    if required == 0:
        return HEALTH_CAP
    ratio = min(_up(assets * WAD, required), HEALTH_CAP)
    return min(ratio, WAD - 1) if surplus < 0 else max(ratio, WAD)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
