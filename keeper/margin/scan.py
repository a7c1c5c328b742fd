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


class Scan:
    """Scans `columns`. The columns may change between scans."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._weights = Weights.of(columns.policy, columns.assets)

    def candidates(self, prices: Mapping[str, Price], cut: Sequence[CutPoint]) -> list[str]:
        """Return the accounts to evaluate exactly, the largest requirement first.

        They are those whose state may not be the one noted, those that may be liquidated (their plan may
        have to change), and those with pending claims.
        """
        columns, tables = self._columns, self._columns.tables
        low_at, mid_at, high_at, priced = self._prices(prices)
        ages = ages_of(columns.chains, cut, columns.policy)
        low, high = self._readings(ages)
        low_ends = [self._part(low, at) for at in (low_at, high_at)]
        high_ends = low_ends if high is low else [self._part(high, at) for at in (low_at, high_at)]
        required = _total(high_ends[1].required)
        error = self._error(low, high, [*low_ends, *high_ends], low_at, high_at)
        deciding = _most(high_ends)
        if columns.policy.liquidate_when is LiquidateWhen.LIKELY:
            middle = self._part(self._as_read(), mid_at)
            deciding = _total(middle.assets - middle.required)
        comparisons = _Comparisons(
            call=_least(low_ends, self._thresholds()),
            short=_least(low_ends, np.ones(len(required))),
            deciding=deciding,
            best=_most(high_ends),
            equity=_total(np.maximum(*(end.equity for end in high_ends))),
            error=error,
            requires=tables.requires,
        )
        missing = tables.present @ np.array([age is LegAge.MISSING for age in ages.values()])
        unpriced = tables.uses @ ~priced
        state, sure = comparisons.states(missing=missing, unknown=unpriced | tables.opaque)
        acting = np.isin(tables.state, [CODE[s] for s in ACTIONABLE])
        wanted = tables.taken & (tables.claimed | ~sure | (state != tables.state) | acting)
        rows = np.flatnonzero(wanted)
        rows = rows[np.argsort(-required[rows], kind="stable")]
        return [found for row in rows if (found := columns.ids[row]) is not None]

    def _thresholds(self) -> Floats:
        policy = self._columns.policy
        called = np.isin(self._columns.tables.state, [CODE[state] for state in CALLED])
        clear, call = policy.margin_call_clear_health_wad / WAD, policy.margin_call_health_wad / WAD
        return np.where(called, clear, call).astype(np.float64)

    def _prices(self, prices: Mapping[str, Price]) -> tuple[Floats, Floats, Floats, Bools]:
        ends = np.zeros((3, len(self._columns.assets)))
        priced = np.zeros(len(self._columns.assets), dtype=np.bool_)
        for asset, number in self._columns.assets.items():
            box = price_box(prices[asset]) if asset in prices else None
            if box is not None:
                ends[:, number] = box.low_wad / WAD, box.mid_wad / WAD, box.high_wad / WAD
                priced[number] = True
        return ends[0], ends[1], ends[2], priced

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
        tables = self._columns.tables
        return Multiplied(ones, ones, tables.held_total, tables.owed_total)

    def _multiplied(self, assets: Floats, liabilities: Floats) -> Multiplied:
        tables = self._columns.tables
        return Multiplied(
            assets,
            liabilities,
            np.einsum("nck,c->nk", tables.held, assets),
            np.einsum("nck,c->nk", tables.owed, liabilities),
        )

    def _part(self, reading: Multiplied, at: Floats) -> Part:
        held, owed = reading.held * at, reading.owed * at
        assets, required, equity = held * self._weights.held, owed * self._weights.owed, held - owed
        slots = self._columns.slots
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

    def _error(
        self, low: Multiplied, high: Multiplied, parts: Sequence[Part], low_at: Floats, high_at: Floats
    ) -> Floats:
        error: Floats = np.full(len(self._columns.ids), ABSOLUTE_ERROR)
        for part in parts:
            error += RELATIVE_ERROR * _total(part.assets + part.required)
        slots = self._columns.slots
        if slots.size.any():
            asset = self._weights.asset_of_market[slots.market]
            size = np.abs(slots.size)
            kinked = (low_at[asset] < slots.entry) & (slots.entry < high_at[asset])
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
class _Comparisons:
    """Figures by row that the state table compares with zero, and how far each may be off."""

    call: Floats
    short: Floats
    deciding: Floats
    best: Floats
    equity: Floats
    error: Floats
    requires: Bools

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
