"""Accounts as functions of prices, many at once, in floats: what a thousand scenarios are tried on.

The same curves as the exact evaluation (`keeper.margin.curves`), at mid and as read: linear in each price but for
claims, gains that count less than losses, and size tiers. Accounts that are no sum of lines are tables
(`keeper.risk.tables`). Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from config.units import BPS, WAD
from keeper.domain.account import Account
from keeper.margin.curves import PositionTerm, curves
from keeper.margin.model import UNITS
from keeper.margin.parameters import RiskPolicy
from keeper.risk.arrays import Bools, Floats, Ints
from keeper.risk.tables import Tables, is_whole, no_tables, tabulate
from keeper.risk.terms import Claimed, Positions
from keeper.risk.watched import Watched

_AMOUNT = float(UNITS) * BPS
_WEIGHTED = _AMOUNT * BPS
_CHUNK = 4_000_000


class Exposures:
    """Accounts by row, assets by column. Prices are arrays of (account or 1, scenario, asset), USD per whole unit.

    `linear` is the weighted value per unit of price, `plain` the unweighted; `opaque` are rows of which nothing is
    told because they would need tables and have none.
    """

    def __init__(
        self,
        ids: Sequence[str],
        assets: Sequence[str],
        linear: Floats,
        plain: Floats,
        claimed: Claimed,
        positions: Positions,
        tables: Tables,
        opaque: Bools,
    ) -> None:
        self.ids = tuple(ids)
        self.assets = tuple(assets)
        self.opaque = opaque
        self._linear = linear
        self._plain = plain
        self._claimed = claimed
        self._positions = positions
        self._tables = tables

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def of(accounts: Sequence[Account], policy: RiskPolicy, assets: Sequence[str] | None = None) -> Exposures:
        """Return the exposures of `accounts`; those that would need tables are opaque.

        Raises ``KeyError`` for what the policy does not know (see `keeper.margin.curves.missing_parameters`).
        """
        names = tuple(policy.assets) if assets is None else tuple(assets)
        number = {name: at for at, name in enumerate(names)}
        linear, plain = np.zeros((2, len(accounts), len(names)))
        opaque = np.zeros(len(accounts), dtype=np.bool_)
        claimed: list[tuple[float, ...]] = []
        positions: list[tuple[int, int, PositionTerm, int]] = []
        for row, account in enumerate(accounts):
            opaque[row] = is_whole(account, policy)
            for asset, curve in {} if opaque[row] else curves(account.legs, policy, {}).items():
                column = number[asset]
                linear[row, column] = (curve.assets - curve.owed) / _WEIGHTED
                plain[row, column] = (curve.held - curve.debts) / _WEIGHTED
                for token in curve.claimed:
                    amount, claims = token.amount / _AMOUNT, token.claims / _AMOUNT / WAD
                    claimed.append((row, column, amount, claims, token.weight_bps / BPS))
                positions += [(row, column, term, curve.gain_weight_bps) for term in curve.positions]
        ids = [account.account_id for account in accounts]
        return Exposures(
            ids, names, linear, plain, Claimed.of(claimed), Positions.of(positions), no_tables(), opaque
        )

    @staticmethod
    def tabled(watched: Watched, assets: Sequence[str]) -> Exposures:
        """Return the exposures of all accounts, with tables of those that need them."""
        found = Exposures.of(watched.accounts, watched.policy, assets)
        if found.opaque.any():
            found._tables = tabulate(watched, assets)  # noqa: SLF001 - its own
            found.opaque = np.zeros(len(found), dtype=np.bool_)
        return found

    def only(self, rows: Ints) -> Exposures:
        """Return the accounts in `rows`, with the assets that matter to them."""
        renumbered = np.full(len(self.ids), -1, dtype=np.intp)
        renumbered[rows] = np.arange(len(rows))
        linear, plain = self._linear[rows], self._plain[rows]
        used = (linear != 0).any(axis=0) | (plain != 0).any(axis=0)
        for row, asset in self._placed():
            used[asset[renumbered[row] >= 0]] = True
        columns = np.flatnonzero(used)
        column = np.full(len(self.assets), -1, dtype=np.intp)
        column[columns] = np.arange(len(columns))
        return Exposures(
            [self.ids[row] for row in rows],
            [self.assets[at] for at in columns],
            linear[:, columns],
            plain[:, columns],
            self._claimed.only(renumbered, column),
            self._positions.only(renumbered, column),
            self._tables.only(renumbered, column),
            self.opaque[rows],
        )

    def surplus(self, prices: Floats) -> Floats:
        """Return the margin surplus by (account, scenario), USD."""
        total = _product(self._linear, prices)
        claims, held, tables = self._claimed, self._positions, self._tables
        left = claims.left(_of(prices, claims.row, claims.asset)) * claims.weight[:, None]
        _add(total, claims.row, left)
        _add(total, held.row, held.margin(_of(prices, held.row, held.asset)))
        _add(total, tables.row, self._changes(tables.surplus, prices))
        _add(total, tables.rows, tables.surplus_now[:, None])
        return total

    def equity(self, prices: Floats) -> Floats:
        """Return assets minus liabilities by (account, scenario), USD."""
        total = _product(self._plain, prices)
        claims, held, tables = self._claimed, self._positions, self._tables
        _add(total, claims.row, claims.left(_of(prices, claims.row, claims.asset)))
        _add(total, held.row, held.result(_of(prices, held.row, held.asset)))
        _add(total, tables.row, self._changes(tables.equity, prices))
        _add(total, tables.rows, tables.equity_now[:, None])
        return total

    def sensitivity(self, prices: Floats) -> Floats:
        """Return what the surplus gains per unit of each logarithmic price, by (account, scenario, asset), USD."""
        claims, held, tables = self._claimed, self._positions, self._tables
        at_claims, at_held = _of(prices, claims.row, claims.asset), _of(prices, held.row, held.asset)
        found = self._lines(self._linear[:, :, None] * prices.transpose(0, 2, 1), prices.shape[1])
        self._put(found, claims.row, claims.asset, claims.slope(at_claims) * at_claims)
        self._put(found, held.row, held.asset, held.slope(at_held) * at_held)
        along, across = tables.slopes(
            _of(prices, tables.row, tables.first), _of(prices, tables.row, tables.second)
        )
        self._put(found, tables.row, tables.first, along)
        self._put(found, tables.row, tables.second, across)
        return self._by_asset(found)

    def by_asset(self, prices: Floats) -> Floats:
        """Return each asset's part of the surplus by (account, scenario, asset), USD.

        They add up to it, but for tables: of these it is the change since now, with volatility's under its asset.
        """
        claims, held, tables = self._claimed, self._positions, self._tables
        left = claims.left(_of(prices, claims.row, claims.asset)) * claims.weight[:, None]
        found = self._lines(self._linear[:, :, None] * prices.transpose(0, 2, 1), prices.shape[1])
        self._put(found, claims.row, claims.asset, left)
        self._put(found, held.row, held.asset, held.margin(_of(prices, held.row, held.asset)))
        self._put(found, tables.row, tables.first, self._changes(tables.surplus, prices))
        return self._by_asset(found)

    def _placed(self) -> Iterable[tuple[Ints, Ints]]:
        """Yield where terms are: row and asset."""
        yield self._claimed.row, self._claimed.asset
        yield self._positions.row, self._positions.asset
        yield self._tables.row, self._tables.first
        yield self._tables.row, self._tables.second

    def _changes(self, values: Floats, prices: Floats) -> Floats:
        tables = self._tables
        first, second = _of(prices, tables.row, tables.first), _of(prices, tables.row, tables.second)
        return tables.changes(values, first, second)

    def _lines(self, linear: Floats, scenarios: int) -> Floats:
        count, assets = self._linear.shape
        return np.broadcast_to(linear, (count, assets, scenarios)).reshape(count * assets, scenarios).copy()

    def _put(self, lines: Floats, row: Ints, asset: Ints, values: Floats) -> None:
        _add(lines, row * len(self.assets) + asset, values)

    def _by_asset(self, lines: Floats) -> Floats:
        count, assets = self._linear.shape
        return lines.reshape(count, assets, lines.shape[1]).transpose(0, 2, 1)


def chunks(exposures: Exposures, scenarios: int) -> Iterable[Ints]:
    """Yield rows, so many at a time that an array of them by scenario and asset stays bounded."""
    rows = max(1, _CHUNK // max(1, scenarios * len(exposures.assets)))
    for start in range(0, len(exposures), rows):
        yield np.arange(start, min(start + rows, len(exposures)))


def _add(total: Floats, keys: Ints, values: Floats) -> None:
    """Add each term's values to its line of `total`. Terms of one line are neighbours."""
    if len(keys):
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        total[keys[starts]] += np.add.reduceat(values, starts, axis=0)


def _product(slopes: Floats, prices: Floats) -> Floats:
    if prices.shape[0] == 1:
        found: Floats = slopes @ prices[0].T
    else:
        found = np.einsum("nm,nsm->ns", slopes, prices)
    return found


def _of(prices: Floats, row: Ints, asset: Ints) -> Floats:
    """Return the prices that concern each term, by (term, scenario)."""
    its: Floats = prices[0].T[asset] if prices.shape[0] == 1 else prices[row, :, asset]
    return its
