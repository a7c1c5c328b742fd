"""The scan: every account at once, in floats, to find those the exact evaluation must look at.

It is allowed to name too many accounts and never too few. It works out what each
comparison of the state table would say; where a figure is within its error of a threshold, or
the state that follows is not the one noted, the account is named.

Like the exact figures, sums separate by asset, and the extremes of each asset's part lie at
the ends of its price interval, but for kinks. A kink inside the interval can move a figure by
no more than the width of the interval times the position, which is added to the error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.risk_settings import LiquidateWhen
from config.units import BPS, WAD
from keeper.domain.account import CutPoint
from keeper.domain.health import AccountState
from keeper.margin.columns import CODE, Bools, Columns, Floats, Ints, Weights
from keeper.margin.evidence import LegAge, ages_of, price_box, readings
from keeper.margin.states import ACTIONABLE, CALLED
from oracles.price import Price

RELATIVE_ERROR = 1e-9
"""Of all that was summed. Sums of doubles err by 1e-15 of it; the rest is room."""
ABSOLUTE_ERROR = 1e-9
"""USD: below it no float is told from zero."""
_ACTING = [CODE[state] for state in ACTIONABLE]


@dataclass(frozen=True, slots=True)
class Part:
    """One reading at one set of prices, by (row, asset): weighted assets, requirement, equity."""

    assets: Floats
    required: Floats
    equity: Floats


@dataclass(frozen=True, slots=True)
class Multiplied:
    """A reading's multipliers by chain, and the tables summed under them by (row, asset)."""

    assets: Floats
    liabilities: Floats
    held: Floats
    owed: Floats


@dataclass(frozen=True, slots=True)
class Boxes:
    """The price interval of each asset, and whether it has one."""

    low: Floats
    mid: Floats
    high: Floats
    priced: Bools

    @staticmethod
    def of(prices: Mapping[str, Price], assets: Mapping[str, int]) -> Boxes:
        """Return the intervals by the assets' numbers; zero where there is no price."""
        ends = np.zeros((3, len(assets)))
        priced = np.zeros(len(assets), dtype=np.bool_)
        for asset, number in assets.items():
            box = price_box(prices[asset]) if asset in prices else None
            if box is not None:
                ends[:, number] = box.low_wad / WAD, box.mid_wad / WAD, box.high_wad / WAD
                priced[number] = True
        return Boxes(ends[0], ends[1], ends[2], priced)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one pass found, by row: what the state table would say, whether that is sure, what is required.

    `slack` is how far any figure may move, USD, before the table could say something else.
    """

    state: Ints
    sure: Bools
    required: Floats
    slack: Floats


class Scan:
    """Scans `columns`. The columns may change between scans."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._weights = Weights.of(columns.policy, columns.assets)

    def candidates(self, prices: Mapping[str, Price], cut: Sequence[CutPoint]) -> list[str]:
        """Return the accounts to evaluate exactly: those that fail, then the others, the largest requirement first.

        They are those whose state may not be the one noted, those that may be liquidated (their plan may
        have to change), and those with pending claims.
        """
        columns = self._columns
        ages = ages_of(columns.chains, cut, columns.policy)
        return self.among(None, Boxes.of(prices, columns.assets), ages)

    def among(self, rows: Ints | None, boxes: Boxes, ages: Mapping[str, LegAge]) -> list[str]:
        """Return the candidates of these rows, or of all."""
        sweep = Sweep(self._columns, self._weights, rows)
        return sweep.named(sweep.swept(boxes, ages))

    def sweep(self) -> Sweep:
        """Return a pass over all rows."""
        return Sweep(self._columns, self._weights, None)


class Sweep:
    """One pass over all rows of the columns, or over some of them."""

    def __init__(self, columns: Columns, weights: Weights, rows: Ints | None) -> None:
        self._columns = columns
        self._weights = weights
        self._rows = np.arange(len(columns.ids)) if rows is None else rows
        self._tables = columns.tables if rows is None else columns.tables.of_rows(rows)
        self._slots = columns.slots if rows is None else columns.slots_of(rows)

    def wanted(self, swept: Swept) -> Bools:
        """Return whether each row must be evaluated exactly."""
        tables = self._tables
        acting = np.isin(tables.state, _ACTING)
        wanted: Bools = tables.taken & (tables.claimed | ~swept.sure | (swept.state != tables.state) | acting)
        return wanted

    def named(self, swept: Swept) -> list[str]:
        """Return the accounts that must be evaluated exactly: those that fail, then the others, the largest requirement first."""
        rows = np.flatnonzero(self.wanted(swept))
        waits = ~np.isin(swept.state[rows], _ACTING)
        rows = self._rows[rows[np.lexsort((-swept.required[rows], waits))]]
        return [found for row in rows if (found := self._columns.ids[row]) is not None]

    def swept(self, boxes: Boxes, ages: Mapping[str, LegAge], *, everywhere: bool = False) -> Swept:
        """Work out every comparison at these prices, with legs as old as that.

        With `everywhere` the error allows for a kink inside each interval, whether there is one or not.
        """
        tables, low_at, high_at = self._tables, boxes.low, boxes.high
        low, high = self._readings(ages)
        low_ends = [self._part(low, at) for at in (low_at, high_at)]
        high_ends = low_ends if high is low else [self._part(high, at) for at in (low_at, high_at)]
        required = _total(high_ends[1].required)
        error = self._error(low, high, [*low_ends, *high_ends], boxes, everywhere=everywhere)
        deciding = _most(high_ends)
        if self._columns.policy.liquidate_when is LiquidateWhen.LIKELY:
            middle = self._part(self._as_read(), boxes.mid)
            deciding = _total(middle.assets - middle.required)
        comparisons = Comparisons(
            call=_least(low_ends, self._thresholds()),
            short=_least(low_ends, np.ones(len(required))),
            deciding=deciding,
            best=_most(high_ends),
            equity=_total(np.maximum(*(end.equity for end in high_ends))),
            error=error,
            requires=tables.requires,
        )
        missing = tables.present @ np.array([age is LegAge.MISSING for age in ages.values()])
        unpriced = tables.uses @ ~boxes.priced
        unknown = unpriced | tables.opaque
        state, sure = comparisons.states(missing=missing, unknown=unknown)
        return Swept(state, sure, required, comparisons.slack(missing=missing, unknown=unknown))

    def _thresholds(self) -> Floats:
        policy = self._columns.policy
        called = np.isin(self._tables.state, [CODE[state] for state in CALLED])
        clear, call = policy.margin_call_clear_health_wad / WAD, policy.margin_call_health_wad / WAD
        return np.where(called, clear, call).astype(np.float64)

    def _readings(self, ages: Mapping[str, LegAge]) -> tuple[Multiplied, Multiplied]:
        read = readings(ages, self._columns.policy.missing_leg_uplift_bps)
        if read.as_read:
            both = self._as_read()
            return both, both
        low, high = (
            self._multiplied(
                np.array([end[chain].assets_bps / BPS if chain in end else 1.0 for chain in ages]),
                np.array([end[chain].liabilities_bps / BPS if chain in end else 1.0 for chain in ages]),
            )
            for end in (read.low, read.high)
        )
        return low, high

    def _as_read(self) -> Multiplied:
        ones = np.ones(len(self._columns.chains))
        tables = self._tables
        return Multiplied(ones, ones, tables.held_total, tables.owed_total)

    def _multiplied(self, assets: Floats, liabilities: Floats) -> Multiplied:
        tables = self._tables
        return Multiplied(
            assets,
            liabilities,
            np.einsum("nck,c->nk", tables.held, assets),
            np.einsum("nck,c->nk", tables.owed, liabilities),
        )

    def _part(self, reading: Multiplied, at: Floats) -> Part:
        held, owed = reading.held * at, reading.owed * at
        assets, required, equity = held * self._weights.held, owed * self._weights.owed, held - owed
        slots = self._slots
        if slots.size.any():
            asset = self._weights.asset_of_market[slots.market]
            result = slots.size * (at[asset] - slots.entry)
            gain = np.maximum(result, 0) * reading.assets[slots.chain]
            loss = np.maximum(-result, 0) * reading.liabilities[slots.chain]
            margin = self._margin(slots.market, np.abs(slots.size) * at[asset])
            cell = slots.row * len(at) + asset
            gain_weight = self._columns.policy.gain_weight_bps / BPS
            assets += _by_cell(cell, gain * gain_weight, assets)
            required += _by_cell(cell, loss + margin * reading.liabilities[slots.chain], required)
            equity += _by_cell(cell, gain - loss, equity)
        return Part(assets, required, equity)

    def _margin(self, market: Ints, notional: Floats) -> Floats:
        weights = self._weights
        tier = np.zeros(len(notional), dtype=np.intp)
        for borders in weights.borders.T[1:]:
            tier += notional > borders[market]
        beyond = notional - weights.borders[market, tier]
        margin: Floats = weights.bases[market, tier] + beyond * weights.fractions[market, tier]
        return margin

    def slopes(self, ages: Mapping[str, LegAge]) -> Floats:
        """Return by (row, asset) at most how fast any figure or its error moves with the ends of the asset's interval."""
        low, high = self._readings(ages)
        worst = float(self._thresholds().max(initial=1.0))
        slopes: Floats = np.maximum(low.held, high.held)
        slopes = slopes + np.maximum(low.owed, high.owed) * worst * self._weights.owed
        slots = self._slots
        if slots.size.any():
            most = np.maximum.reduce([low.assets, low.liabilities, high.assets, high.liabilities])
            fraction = 1 + self._weights.fractions.max(axis=1, initial=0.0)[slots.market]
            # the result and the margin, and what a kink at the wider interval may hide
            steepest = np.abs(slots.size) * worst * (fraction + 4) * most[slots.chain]
            cell = slots.row * slopes.shape[1] + self._weights.asset_of_market[slots.market]
            slopes = slopes + _by_cell(cell, steepest, slopes)
        return slopes

    def _error(
        self, low: Multiplied, high: Multiplied, parts: Sequence[Part], boxes: Boxes, *, everywhere: bool
    ) -> Floats:
        error: Floats = np.full(len(self._rows), ABSOLUTE_ERROR)
        for part in parts:
            error += RELATIVE_ERROR * _total(part.assets + part.required)
        slots, low_at, high_at = self._slots, boxes.low, boxes.high
        if slots.size.any():
            asset = self._weights.asset_of_market[slots.market]
            size = np.abs(slots.size)
            kinked = (low_at[asset] < slots.entry) & (slots.entry < high_at[asset]) | everywhere
            least, most_notional = size * low_at[asset], size * high_at[asset]
            for borders in self._weights.borders.T[1:]:
                kinked |= (least < borders[slots.market]) & (borders[slots.market] < most_notional)
            most = np.maximum.reduce([low.assets, low.liabilities, high.assets, high.liabilities])
            # At its entry a position turns from loss to gain, at a border its margin grows: either by no more
            # than its size times the largest factor a requirement is multiplied with.
            bend = 2 * self._thresholds().max() * size * (high_at - low_at)[asset] * most[slots.chain]
            error += np.bincount(slots.row, bend * kinked, minlength=len(error))
        return error


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Figures by row that the state table compares with zero, and how far each may be off."""

    call: Floats
    short: Floats
    deciding: Floats
    best: Floats
    equity: Floats
    error: Floats
    requires: Bools

    def slack(self, *, missing: Bools, unknown: Bools) -> Floats:
        """Return how far any figure may move, either way, before a comparison could say something else."""
        nearest = np.minimum.reduce(
            [np.abs(its) for its in (self.call, self.short, self.deciding, self.equity)]
        )
        nearest = np.where(missing, np.minimum(nearest, np.abs(self.best)), nearest) - self.error
        settled = unknown | (~self.requires & ~missing)
        return np.where(settled, np.inf, np.maximum(nearest, 0.0))

    def states(self, *, missing: Bools, unknown: Bools) -> tuple[Ints, Bools]:
        """Return the state of each row by the table of `states.next_state`, and whether it is sure."""
        state = np.full(len(self.error), CODE[AccountState.HEALTHY], dtype=np.intp)
        unsure = np.zeros(len(self.error), dtype=np.bool_)
        for figure, below_zero in (
            (self.call, AccountState.MARGIN_CALL),
            (self.short, AccountState.AT_RISK),
            (self.deciding, AccountState.LIQUIDATABLE),
            (self.equity, AccountState.BANKRUPT),
        ):
            state[figure < 0] = CODE[below_zero]
            unsure |= np.abs(figure) <= self.error
        hidden = missing & ~(self.best < 0)
        unsure |= missing & (np.abs(self.best) <= self.error)
        nothing = ~self.requires & ~missing
        state[nothing] = CODE[AccountState.HEALTHY]
        unsure &= ~nothing
        state[hidden] = CODE[AccountState.UNKNOWN]
        state[unknown] = CODE[AccountState.UNKNOWN]
        unsure &= ~unknown
        return state, ~unsure


def _least(ends: Sequence[Part], health: Floats) -> Floats:
    """Return by row the least of assets - health * requirement."""
    first, second = (end.assets - end.required * health[:, None] for end in ends)
    return _total(np.minimum(first, second))


def _most(ends: Sequence[Part]) -> Floats:
    first, second = (end.assets - end.required for end in ends)
    return _total(np.maximum(first, second))


def _total(by_asset: Floats) -> Floats:
    """Return the sum by row. A product with ones is several times faster than a sum over short rows."""
    total: Floats = by_asset @ np.ones(by_asset.shape[1])
    return total


def _by_cell(cell: Ints, values: Floats, like: Floats) -> Floats:
    summed = np.bincount(cell, values, minlength=like.size)
    return summed.reshape(like.shape).astype(np.float64, copy=False)
