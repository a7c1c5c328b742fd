"""Accounts as functions of prices, many at once, in floats: what a thousand scenarios are tried on.

The same curves as the exact evaluation (`keeper.margin.curves`), at mid and as read: linear in each price but for
claims, gains that count less than losses, and size tiers. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from config.units import BPS, WAD
from keeper.domain.account import Account
from keeper.margin.curves import Curve, curves
from keeper.margin.model import UNITS, TierSchedule
from keeper.margin.parameters import RiskPolicy

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.intp]

_AMOUNT = float(UNITS) * BPS
_WEIGHTED = _AMOUNT * BPS
_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class _Claimed:
    """Tokens that claims are paid from first: ``max(amount * price - claims, 0) * weight``."""

    row: Ints
    asset: Ints
    amount: Floats
    claims: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class _Positions:
    """Perpetuals. Tiers by (position, depth): from a notional of `border` on, `fraction` of it is required."""

    row: Ints
    asset: Ints
    size: Floats
    entry: Floats
    gain_weight: Floats
    border: Floats
    fraction: Floats


class Exposures:
    """Accounts by row, assets by column. Prices are arrays of (account or 1, scenario, asset), USD per whole unit.

    `linear` is the weighted value per unit of price, `plain` the unweighted. Accounts must have parameters for all
    they hold (`keeper.margin.curves.missing_parameters`).
    """

    def __init__(
        self,
        ids: Sequence[str],
        assets: Sequence[str],
        linear: Floats,
        plain: Floats,
        claimed: _Claimed,
        positions: _Positions,
    ) -> None:
        self.ids = tuple(ids)
        self.assets = tuple(assets)
        self._linear = linear
        self._plain = plain
        self._claimed = claimed
        self._positions = positions

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def of(accounts: Sequence[Account], policy: RiskPolicy, assets: Sequence[str] | None = None) -> Exposures:
        """Return the exposures of `accounts`. Raises ``KeyError`` for what the policy does not know."""
        names = tuple(policy.assets) if assets is None else tuple(assets)
        number = {name: at for at, name in enumerate(names)}
        linear, plain = np.zeros((2, len(accounts), len(names)))
        claimed: list[tuple[float, ...]] = []
        positions: list[tuple[float, float, Curve, int]] = []
        for row, account in enumerate(accounts):
            for asset, curve in curves(account.legs, policy, {}).items():
                column = number[asset]
                linear[row, column] = (curve.assets - curve.owed) / _WEIGHTED
                plain[row, column] = (curve.held - curve.debts) / _WEIGHTED
                for token in curve.claimed:
                    amount, claims = token.amount / _AMOUNT, token.claims / _AMOUNT / WAD
                    claimed.append((row, column, amount, claims, token.weight_bps / BPS))
                positions += [(row, column, curve, at) for at in range(len(curve.positions))]
        ids = [account.account_id for account in accounts]
        return Exposures(ids, names, linear, plain, _claimed(claimed), _positions(positions))

    def only(self, rows: Ints) -> Exposures:
        """Return the accounts in `rows`, with the assets that matter to them."""
        renumbered = np.full(len(self.ids), -1, dtype=np.intp)
        renumbered[rows] = np.arange(len(rows))
        linear, plain = self._linear[rows], self._plain[rows]
        claims, held = self._claimed, self._positions
        its_claims, its_positions = renumbered[claims.row] >= 0, renumbered[held.row] >= 0
        used = (linear != 0).any(axis=0) | (plain != 0).any(axis=0)
        used[claims.asset[its_claims]] = used[held.asset[its_positions]] = True
        columns = np.flatnonzero(used)
        column = np.full(len(self.assets), -1, dtype=np.intp)
        column[columns] = np.arange(len(columns))
        return Exposures(
            [self.ids[row] for row in rows],
            [self.assets[at] for at in columns],
            linear[:, columns],
            plain[:, columns],
            _Claimed(
                renumbered[claims.row[its_claims]],
                column[claims.asset[its_claims]],
                claims.amount[its_claims],
                claims.claims[its_claims],
                claims.weight[its_claims],
            ),
            _Positions(
                renumbered[held.row[its_positions]],
                column[held.asset[its_positions]],
                held.size[its_positions],
                held.entry[its_positions],
                held.gain_weight[its_positions],
                held.border[its_positions],
                held.fraction[its_positions],
            ),
        )

    def requires(self) -> npt.NDArray[np.bool_]:
        """Return which accounts owe anything or have anything open: the others can not fall short."""
        found = np.asarray((self._linear < 0).any(axis=1))
        found[self._positions.row] = True
        found[self._claimed.row] = True
        return found

    def surplus(self, prices: Floats) -> Floats:
        """Return the margin surplus by (account, scenario), USD."""
        total = _product(self._linear, prices)
        claims, held = self._claimed, self._positions
        _add(total, claims.row, _left(claims, _of(prices, claims.row, claims.asset)) * claims.weight[:, None])
        _add(total, held.row, _margin(held, _of(prices, held.row, held.asset)))
        return total

    def equity(self, prices: Floats) -> Floats:
        """Return assets minus liabilities by (account, scenario), USD."""
        total = _product(self._plain, prices)
        claims, held = self._claimed, self._positions
        _add(total, claims.row, _left(claims, _of(prices, claims.row, claims.asset)))
        result = held.size[:, None] * (_of(prices, held.row, held.asset) - held.entry[:, None])
        _add(total, held.row, result)
        return total

    def sensitivity(self, prices: Floats) -> Floats:
        """Return what the surplus gains per unit of each logarithmic price, by (account, scenario, asset), USD."""
        claims, held = self._claimed, self._positions
        left = _left(claims, _of(prices, claims.row, claims.asset)) > 0
        slope = self._by_asset(
            self._linear[:, :, None],
            prices.shape[1],
            np.where(left, (claims.amount * claims.weight)[:, None], 0.0),
            _margin_slope(held, _of(prices, held.row, held.asset)),
        )
        return slope * prices

    def by_asset(self, prices: Floats) -> Floats:
        """Return each asset's part of the surplus by (account, scenario, asset), USD: they add up to it."""
        claims, held = self._claimed, self._positions
        return self._by_asset(
            self._linear[:, :, None] * prices.transpose(0, 2, 1),
            prices.shape[1],
            _left(claims, _of(prices, claims.row, claims.asset)) * claims.weight[:, None],
            _margin(held, _of(prices, held.row, held.asset)),
        )

    def _by_asset(self, linear: Floats, scenarios: int, of_claims: Floats, of_positions: Floats) -> Floats:
        """Return the linear part and each term's part, by (account, scenario, asset)."""
        count, assets = self._linear.shape
        total = np.broadcast_to(linear, (count, assets, scenarios)).reshape(count * assets, scenarios).copy()
        _add(total, self._claimed.row * assets + self._claimed.asset, of_claims)
        _add(total, self._positions.row * assets + self._positions.asset, of_positions)
        return total.reshape(count, assets, scenarios).transpose(0, 2, 1)


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


def _left(claims: _Claimed, at: Floats) -> Floats:
    return np.maximum(claims.amount[:, None] * at - claims.claims[:, None], 0.0)


def _margin(held: _Positions, at: Floats) -> Floats:
    """Return what positions add to the surplus: their result as far as it counts, less what they require."""
    result = held.size[:, None] * (at - held.entry[:, None])
    counts = np.where(result > 0, held.gain_weight[:, None] * result, result)
    notional = np.abs(held.size)[:, None] * at
    required = held.fraction[:, :1] * notional
    for depth in range(1, held.border.shape[1]):
        beyond = np.maximum(notional - held.border[:, depth, None], 0.0)
        required += (held.fraction[:, depth, None] - held.fraction[:, depth - 1, None]) * beyond
    return counts - required


def _margin_slope(held: _Positions, at: Floats) -> Floats:
    gains = held.size[:, None] * (at - held.entry[:, None]) > 0
    slope = held.size[:, None] * np.where(gains, held.gain_weight[:, None], 1.0)
    size = np.abs(held.size)[:, None]
    fraction = np.broadcast_to(held.fraction[:, :1], at.shape).copy()
    for depth in range(1, held.border.shape[1]):
        inside = size * at > held.border[:, depth, None]
        fraction += np.where(inside, (held.fraction[:, depth] - held.fraction[:, depth - 1])[:, None], 0.0)
    return slope - size * fraction


def _claimed(rows: Sequence[tuple[float, ...]]) -> _Claimed:
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    row, asset = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
    return _Claimed(row, asset, table[:, 2], table[:, 3], table[:, 4])


def _positions(found: Sequence[tuple[float, float, Curve, int]]) -> _Positions:
    terms = [(row, column, curve.positions[at], curve.gain_weight_bps) for row, column, curve, at in found]
    schedules = [term.charge for _, _, term, _ in terms]
    steps = [its.steps[0] if isinstance(its, TierSchedule) else () for its in schedules]
    deepest = max((len(its) for its in steps), default=1)
    border, fraction = np.full((len(terms), deepest), np.inf), np.zeros((len(terms), deepest))
    for row, its in enumerate(steps):
        for depth, step in enumerate(its):
            border[row, depth] = step.border / float(UNITS) / WAD
            fraction[row, depth] = step.bps / BPS
        fraction[row, len(its) :] = fraction[row, len(its) - 1] if its else 0.0
    return _Positions(
        np.array([row for row, _, _, _ in terms], dtype=np.intp),
        np.array([column for _, column, _, _ in terms], dtype=np.intp),
        np.array([term.size / float(UNITS) for _, _, term, _ in terms]),
        np.array([term.entry_price_wad / WAD for _, _, term, _ in terms]),
        np.array([gain_bps / BPS for _, _, _, gain_bps in terms]),
        border,
        fraction,
    )
