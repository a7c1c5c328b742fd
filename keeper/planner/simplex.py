"""Linear programs in fixed point: the dual simplex method with bounded variables.

    least sum(cost_j * x_j)   where   sum(a_ij * x_j) <= b_i   and   low_j <= x_j <= high_j

Costs are not negative, so everything at its lower bound costs least of all and only the rows
may be broken: each round mends the row that is broken most. The columns that mend it at the least
cost per unit are moved to their other bound one after another, and the one that would overshoot
becomes basic (the bound-flipping ratio test, Maros 2003). For a single row that is the
greedy solution of a fractional knapsack, found in one round.

All numbers are integers with `BITS` binary places, so that the answer is the same to the last bit on every
machine: no float, no library whose summation order depends on the processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BITS = 80
ONE = 1 << BITS
FEASIBLE = 1 << (BITS - 44)
"""A row broken by no more than this counts as kept."""
PIVOT = 1 << (BITS - 40)
"""A smaller coefficient is a rounding."""
ROUNDS = 250


@dataclass(frozen=True, slots=True)
class Row:
    """`sum(coefficients * x) <= most`, all in fixed point."""

    coefficients: tuple[int, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the cost is least, and how many cells were computed to find it."""

    values: tuple[int, ...]
    cost: int
    work: int


def least(
    costs: Sequence[int], rows: Sequence[Row], lows: Sequence[int], highs: Sequence[int]
) -> Optimum | None:
    """Return the cheapest `x`, or None where no `x` keeps every row. Costs must not be negative."""
    return _Dictionary(costs, rows, lows, highs).solve()


class _Dictionary:
    """Basic variables written in terms of the others: `basic_i = level_i - sum(table_ij * other_j)`.

    Variables are numbered columns first, then one slack per row. A slack is never negative and has no upper bound.
    """

    def __init__(
        self, costs: Sequence[int], rows: Sequence[Row], lows: Sequence[int], highs: Sequence[int]
    ) -> None:
        self._costs = costs
        self._width = len(costs)
        self._table = [list(row.coefficients) for row in rows]
        self._reduced = list(costs)
        self._others = list(range(self._width))
        self._basic = [self._width + number for number in range(len(rows))]
        self._lows: list[int] = [*lows, *([0] * len(rows))]
        self._highs: list[int | None] = [*highs, *([None] * len(rows))]
        self._at_high = [False] * (self._width + len(rows))
        self._levels = [
            row.most - (sum(a * low for a, low in zip(row.coefficients, lows, strict=True)) >> BITS)
            for row in rows
        ]
        self._work = 0

    def solve(self) -> Optimum | None:
        for _ in range(ROUNDS):
            row, missing = self._most_broken()
            if row < 0:
                return self._optimum()
            entering = self._mend(row, missing)
            if entering < 0:
                return None
            self._exchange(row, entering, above=missing < 0)
        return None

    def _most_broken(self) -> tuple[int, int]:
        """Return the row whose basic variable is furthest outside its bounds, and what it lacks (or, negative, has over)."""
        found, worst, missing = -1, FEASIBLE, 0
        for row, variable in enumerate(self._basic):
            level, high = self._levels[row], self._highs[variable]
            under = self._lows[variable] - level
            if under > worst:
                found, worst, missing = row, under, under
            elif high is not None and level - high > worst:
                found, worst, missing = row, level - high, high - level
        return found, missing

    def _mend(self, row: int, missing: int) -> int:
        """Move the cheapest columns to their other bounds and return the one that must become basic, or -1."""
        cells, sign = self._table[row], 1 if missing > 0 else -1
        candidates: list[tuple[int, int, int]] = []
        for at, variable in enumerate(self._others):
            cell = cells[at] * sign
            low, high = self._lows[variable], self._highs[variable]
            if low == high or (cell <= PIVOT if self._at_high[variable] else cell >= -PIVOT):
                continue
            candidates.append(((abs(self._reduced[at]) << BITS) // abs(cell), variable, at))
        candidates.sort()
        left, flipped, entering = abs(missing), [], -1
        for _, variable, at in candidates:
            high = self._highs[variable]
            gain = None if high is None else (abs(cells[at]) * (high - self._lows[variable])) >> BITS
            if gain is None or gain >= left:
                entering = at
                break
            left -= gain
            flipped.append(at)
        if entering < 0 and left <= FEASIBLE and flipped:
            entering = flipped.pop()
        if entering >= 0:
            self._flip(flipped)
        return entering

    def _flip(self, columns: Sequence[int]) -> None:
        for at in columns:
            variable = self._others[at]
            high = self._highs[variable]
            span = 0 if high is None else high - self._lows[variable]
            moved = -span if self._at_high[variable] else span
            self._at_high[variable] = not self._at_high[variable]
            for row, cells in enumerate(self._table):
                if cells[at]:
                    self._levels[row] -= (cells[at] * moved) >> BITS

    def _exchange(self, row: int, at: int, *, above: bool) -> None:
        """Make the column `at` basic in place of the row's variable, which stops at the bound it broke."""
        leaving, entering = self._basic[row], self._others[at]
        pivot_row = self._table[row]
        pivot = pivot_row[at]
        high = self._highs[leaving]
        bound = high if above and high is not None else self._lows[leaving]
        moved = ((self._levels[row] - bound) << BITS) // pivot
        start = self._highs[entering] if self._at_high[entering] else self._lows[entering]
        scaled = [(cell << BITS) // pivot if cell else 0 for cell in pivot_row]
        inverse = (ONE << BITS) // pivot
        for number, cells in enumerate(self._table):
            factor = cells[at]
            if number == row or not factor:
                continue
            self._levels[number] -= (factor * moved) >> BITS
            self._table[number] = replaced = [
                cell - (factor * share >> BITS) if share else cell
                for cell, share in zip(cells, scaled, strict=True)
            ]
            replaced[at] = -(factor * inverse >> BITS)
            self._work += self._width
        factor = self._reduced[at]
        self._reduced = [
            cell - (factor * share >> BITS) if share else cell
            for cell, share in zip(self._reduced, scaled, strict=True)
        ]
        self._reduced[at] = -(factor * inverse >> BITS)
        scaled[at] = inverse
        self._table[row] = scaled
        self._levels[row] = (start or 0) + moved
        self._basic[row], self._others[at] = entering, leaving
        self._at_high[leaving] = above
        self._at_high[entering] = False
        self._work += 2 * self._width

    def _optimum(self) -> Optimum:
        values = [
            (self._highs[number] or 0) if self._at_high[number] else self._lows[number]
            for number in range(self._width)
        ]
        for row, variable in enumerate(self._basic):
            if variable < self._width:
                values[variable] = self._levels[row]
        cost = sum(cost * value for cost, value in zip(self._costs, values, strict=True)) >> BITS
        return Optimum(tuple(values), cost, self._work)
