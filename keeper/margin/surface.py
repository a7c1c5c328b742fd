"""Bounds over a box of price and volatility of what options and everything linear are worth together.

Option prices are convex in the price of the underlying and rise with volatility (`keeper.margin.black76`).
So over a cell of prices a sum of them lies under its chords and over its tangents, and what is subtracted the
other way round; the rest of an account is straight there, hence the extremes of the bound lie at the cell's
ends or where two tangents meet, and the bound is off by a second order of the cell's width only.

In volatility, what is held and what is owed are first taken at opposite ends (exact where there is only
one of them), then, for books that hold and owe, at the same end: between two ends a price leaves its chord
by at most width**2 / 8 times its second derivative, F (v / s**2) n(d1) d1 d2 with s the volatility and v the deviation,
and |n(d1) d1 d2| <= 0.2943 + 0.2421 v. The better of both bounds is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, TypeAlias

from config.portfolio_settings import VolatilityShock
from config.units import WAD
from keeper.margin.black76 import bounds, deviation, discount
from keeper.margin.fixed_point import ONE
from keeper.margin.scenarios import MOVE
from keeper.margin.valuation import Box

Plain: TypeAlias = Callable[[int], int]

_MOST_VOLATILITIES = 3
_UP, _DOWN = True, False


@dataclass(frozen=True, slots=True)
class Contract:
    """One option series. `shocked` is what part of itself, of `MOVE`, its volatility becomes, by shock."""

    is_call: bool
    strike_wad: int
    tenor_s: int
    rate_bps: int
    shocked: tuple[int, int, int]

    def part(self, shock: VolatilityShock) -> int:
        """Return what part of itself volatility becomes."""
        return self.shocked[_SHOCKS.index(shock)]


_SHOCKS = tuple(VolatilityShock)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Contracts of one volatility, each with a positive number of units."""

    name: str
    volatility: str
    contracts: tuple[tuple[Contract, int], ...]


class Term(NamedTuple):
    """A signed multiple of a bundle's value after a move of the price and a shock of volatility."""

    weight: int
    bundle: str
    move: int = 0
    shock: VolatilityShock = VolatilityShock.NONE


class Line(NamedTuple):
    """Two ends of a straight line over a cell."""

    left: int
    right: int


class Hull(NamedTuple):
    """A bundle's value over a cell, at one volatility: under the chord, over both tangents. In wad times `MOVE`."""

    chord: Line
    tangent_left: Line
    tangent_right: Line


class Surface:
    """One underlying's interval in cells, and its volatilities' intervals.

    `kinks` are prices (rounded down) at which what is straight otherwise bends; `parts` is into how many
    cells the interval is cut beside that.
    """

    def __init__(
        self,
        box: Box,
        kinks: Iterable[int],
        volatilities: Mapping[str, Box],
        bundles: Iterable[Bundle],
        parts: int,
    ) -> None:
        self.cells = _cells(box, kinks, parts)
        self._volatilities = volatilities
        self._bundles = {bundle.name: bundle for bundle in bundles}
        self._hulls: dict[tuple[str, int, VolatilityShock, int, bool], Hull] = {}
        self._bends: dict[tuple[str, int, VolatilityShock], int | None] = {}
        names = {bundle.volatility for bundle in self._bundles.values()}
        self._wide = sorted(
            name for name in names if volatilities[name].low_wad < volatilities[name].high_wad
        )

    @property
    def is_point(self) -> bool:
        """Whether price and volatilities are known exactly."""
        left, right = self.cells[0]
        return left == right and not self._wide

    def highest(self, plain: Plain, terms: Sequence[Term], *, rough: bool = False) -> list[int]:
        """Return, cell by cell, what plain(F) and the terms do not exceed, at any F and volatility inside.

        The terms count in wad times `MOVE` times their weight, and `plain` must too. If `rough`, volatilities are
        only taken at opposite ends.
        """
        return [
            self._highest(cell, plain(left), plain(right), terms, rough=rough)
            for cell, (left, right) in enumerate(self.cells)
        ]

    def lowest(self, plain: Plain, terms: Sequence[Term], *, rough: bool = False) -> list[int]:
        """Return, cell by cell, what plain(F) and the terms do not fall below."""
        turned = [_turned(term) for term in terms]
        return [
            -self._highest(cell, -plain(left), -plain(right), turned, rough=rough)
            for cell, (left, right) in enumerate(self.cells)
        ]

    def _highest(self, cell: int, left: int, right: int, terms: Sequence[Term], *, rough: bool) -> int:
        if not terms:
            return max(left, right)
        ends = (left, right)
        opposite = self._peak(cell, ends, terms, None)
        if rough:
            return opposite
        signs = {term.weight > 0 for term in terms if term.weight and self._is_wide(term)}
        if len(signs) < 2 or len(self._wide) > _MOST_VOLATILITIES:
            return opposite
        bend = self._bend(terms)
        if bend is None:
            return opposite
        corners = (
            dict(zip(self._wide, corner, strict=True))
            for corner in product((_DOWN, _UP), repeat=len(self._wide))
        )
        return min(opposite, max(self._peak(cell, ends, terms, corner) for corner in corners) + bend)

    def _peak(
        self, cell: int, ends: Sequence[int], terms: Sequence[Term], corner: Mapping[str, bool] | None
    ) -> int:
        """Return a bound from above: what is added under its chords, what is subtracted over its tangents."""
        left, right = ends
        from_left, from_right = [0, 0], [0, 0]
        for term in terms:
            weight = term.weight
            if not weight:
                continue
            its_volatility = self._bundles[term.bundle].volatility
            up = weight > 0 if corner is None else corner.get(its_volatility, _DOWN)
            hull = self._hull(term, cell, up=up)
            if weight > 0:
                left += weight * hull.chord.left
                right += weight * hull.chord.right
            else:
                from_left[0] += weight * hull.tangent_left.left
                from_left[1] += weight * hull.tangent_left.right
                from_right[0] += weight * hull.tangent_right.left
                from_right[1] += weight * hull.tangent_right.right
        return _highest_of_lower(
            Line(left + from_left[0], right + from_left[1]), Line(left + from_right[0], right + from_right[1])
        )

    def _hull(self, term: Term, cell: int, *, up: bool) -> Hull:
        up = up and self._is_wide(term)
        key = (term.bundle, term.move, term.shock, cell, up)
        found = self._hulls.get(key)
        if found is None:
            found = self._hulls[key] = self._make_hull(term, cell, up=up)
        return found

    def _make_hull(self, term: Term, cell: int, *, up: bool) -> Hull:
        bundle = self._bundles[term.bundle]
        box = self._volatilities[bundle.volatility]
        volatility_wad = box.high_wad if up else box.low_wad
        left_wad, right_wad = self.cells[cell]
        factor = MOVE + term.move
        run = (right_wad - left_wad) * factor
        values = [0] * 6
        for contract, units in bundle.contracts:
            its_deviation = deviation(
                volatility_wad * contract.part(term.shock), WAD * MOVE, contract.tenor_s
            )
            at_left, at_right = (
                bounds(
                    is_call=contract.is_call,
                    forward=price_wad * factor,
                    strike=contract.strike_wad * MOVE,
                    its_deviation=its_deviation,
                    discounted=discount(contract.rate_bps, contract.tenor_s),
                )
                for price_wad in (left_wad, right_wad)
            )
            values[0] += units * at_left.high
            values[1] += units * at_right.high
            values[2] += units * at_left.low
            values[3] += units * (at_left.low + (at_left.slope_low * run >> 64))
            values[4] += units * (at_right.low + (-at_right.slope_high * run >> 64))
            values[5] += units * at_right.low
        return Hull(Line(values[0], values[1]), Line(values[2], values[3]), Line(values[4], values[5]))

    def _is_wide(self, term: Term) -> bool:
        return self._bundles[term.bundle].volatility in self._wide

    def _bend(self, terms: Sequence[Term]) -> int | None:
        """Return how far the terms can leave the chord between the ends of volatility; None if there is no limit."""
        total = 0
        for term in terms:
            key = (term.bundle, term.move, term.shock)
            if key not in self._bends:
                self._bends[key] = self._make_bend(term)
            bend = self._bends[key]
            if bend is None:
                return None
            total += abs(term.weight) * bend
        return total

    def _make_bend(self, term: Term) -> int | None:
        bundle = self._bundles[term.bundle]
        box = self._volatilities[bundle.volatility]
        width_wad = box.high_wad - box.low_wad
        if width_wad == 0:
            return 0
        if box.low_wad == 0:
            return None
        forward = self.cells[-1][1] * (MOVE + term.move)
        total = 0
        for contract, units in bundle.contracts:
            least = deviation(box.low_wad * contract.part(term.shock), WAD * MOVE, contract.tenor_s) + 2
            steepest = forward * least * (2_943 * ONE + 2_421 * least) * width_wad * width_wad
            if contract.tenor_s > 0:
                total += units * (steepest // (80_000 * ONE * ONE * box.low_wad * box.low_wad) + 1)
        return total


def _cells(box: Box, kinks: Iterable[int], parts: int) -> list[tuple[int, int]]:
    """Return intervals that cover every whole price; a kink lies between the end of one and the start of the next."""
    low, high = box.low_wad, box.high_wad
    if low == high:
        return [(low, low)]
    cuts = {low + (high - low) * part // parts: 0 for part in range(1, parts)}
    cuts.update({kink: 1 for kink in kinks if low <= kink < high})
    found, left = [], low
    for cut, gap in sorted(cuts.items()):
        if cut >= left:
            found.append((left, cut))
            left = cut + gap
    return [*found, (left, high)]


def _highest_of_lower(first: Line, second: Line) -> int:
    """Return, rounded up, the highest point of the lower of two lines over one cell."""
    ends = max(min(first.left, second.left), min(first.right, second.right))
    ahead, behind = first.left - second.left, second.right - first.right
    if (ahead > 0) is not (behind > 0) or not ahead or not behind:
        return ends
    rise = (first.right - first.left) * ahead
    return max(ends, first.left - (-rise // (ahead + behind)))


def _turned(term: Term) -> Term:
    return term._replace(weight=-term.weight)
