"""Accounts whose value is no sum of lines, tabulated: the exact figures at a grid of prices, straight in between.

Options and scenario margin bend with price and volatility together. So per underlying the exact evaluation is asked on a
grid of its price and of its volatility's, all other prices held, and the changes are added over underlyings. What two
underlyings do together beyond that (the worst scenario of one changing with the other) is left out. Options are
valued as of the time of the cut; over the horizon they do not grow older.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.portfolio_settings import ModelName
from config.units import WAD
from keeper.domain.account import Account
from keeper.margin.curves import SCALE
from keeper.margin.evidence import Readings, assets_of, boxes, time_of
from keeper.margin.health import valuation
from keeper.margin.model import Kind
from keeper.margin.parameters import RiskPolicy
from keeper.margin.valuation import Box
from keeper.risk.arrays import Floats, Ints
from keeper.risk.watched import Watched

_FALLS, _RISES = np.linspace(-4.1, 0.0, 19), np.linspace(0.0, 3.7, 17)[1:]
MOVES: Floats = np.exp(0.05 * np.sinh(np.concatenate([_FALLS, _RISES])))
"""Prices over today's, close together where most happens: from a fall by 78 % to a rise by 175 %."""
VOLATILITY_MOVES: Floats = np.array([0.6, 1.0, 1.6, 2.7])
"""Volatilities over today's."""
_AS_READ = Readings({}, {})


@dataclass(frozen=True, slots=True)
class Tables:
    """Changes of surplus and equity, USD, by (table, price, volatility), and what both are now, by row.

    `first` is the asset whose price moves, `second` its volatility or, where there is none, the same asset again.
    """

    row: Ints
    first: Ints
    second: Ints
    now: Floats
    surplus: Floats
    equity: Floats
    rows: Ints
    surplus_now: Floats
    equity_now: Floats

    def only(self, renumbered: Ints, column: Ints) -> Tables:
        """Return the tables of some rows, as `Exposures.only` numbers rows and columns."""
        its, rows = renumbered[self.row] >= 0, renumbered[self.rows] >= 0
        return Tables(
            renumbered[self.row[its]],
            column[self.first[its]],
            column[self.second[its]],
            self.now[its],
            self.surplus[its],
            self.equity[its],
            renumbered[self.rows[rows]],
            self.surplus_now[rows],
            self.equity_now[rows],
        )

    def changes(self, values: Floats, first: Floats, second: Floats) -> Floats:
        """Return each table's change by (table, scenario), at prices of the two assets by (table, scenario)."""
        at, share, up, part = self._cell(first, second)
        table = np.arange(len(self.row))[:, None]
        low = values[table, at, up] * (1 - part) + values[table, at, up + 1] * part
        high = values[table, at + 1, up] * (1 - part) + values[table, at + 1, up + 1] * part
        found: Floats = low * (1 - share) + high * share
        return found

    def slopes(self, first: Floats, second: Floats) -> tuple[Floats, Floats]:
        """Return what the surplus gains per unit of each asset's logarithmic price, by (table, scenario)."""
        at, share, up, part = self._cell(first, second)
        table, values = np.arange(len(self.row))[:, None], self.surplus
        corner = [[values[table, at + i, up + j] for j in (0, 1)] for i in (0, 1)]
        along = (corner[1][0] - corner[0][0]) * (1 - part) + (corner[1][1] - corner[0][1]) * part
        across = (corner[0][1] - corner[0][0]) * (1 - share) + (corner[1][1] - corner[1][0]) * share
        along *= first / self.now[:, :1] / np.diff(MOVES)[at]
        across *= second / self.now[:, 1:] / np.diff(VOLATILITY_MOVES)[up]
        return along, across

    def _cell(self, first: Floats, second: Floats) -> tuple[Ints, Floats, Ints, Floats]:
        """Return the cell of every scenario and where in it: beyond the grid's ends it is at the end."""
        at, share = _place(first / self.now[:, :1], MOVES)
        up, part = _place(second / self.now[:, 1:], VOLATILITY_MOVES)
        alone = (self.first == self.second)[:, None]
        return at, share, np.where(alone, 0, up), np.where(alone, 0.0, part)


def is_whole(account: Account, policy: RiskPolicy) -> bool:
    """Whether an account's value is no sum of lines, one per asset."""
    if policy.model_of(account.subaccount) is not ModelName.STANDARD:
        return True
    return any(leg.options for leg in account.legs)


def no_tables() -> Tables:
    """Return tables of no account."""
    none, grid = np.zeros(0, dtype=np.intp), np.zeros((0, len(MOVES), len(VOLATILITY_MOVES)))
    return Tables(none, none, none, np.zeros((0, 2)), grid, grid, none, np.zeros(0), np.zeros(0))


def tabulate(watched: Watched, assets: Sequence[str]) -> Tables:
    """Return the tables of every account that needs them; each costs about a hundred exact evaluations."""
    column = {asset: at for at, asset in enumerate(assets)}
    keys: list[tuple[int, int, int]] = []
    now: list[tuple[float, float]] = []
    found: list[tuple[Floats, Floats]] = []
    rows: list[int] = []
    today: list[tuple[float, float]] = []
    for row, account in enumerate(watched.accounts):
        if not is_whole(account, watched.policy):
            continue
        its = _Grid(account, watched)
        rows.append(row)
        today.append(its.here)
        for first, second in its.axes:
            keys.append((row, column[first], column[second]))
            now.append((its.mids[first], its.mids[second]))
            found.append(its.table(first, second))
    shape = (-1, len(MOVES), len(VOLATILITY_MOVES))
    table, here = np.array(keys, dtype=np.intp).reshape(-1, 3), np.array(today).reshape(-1, 2)
    return Tables(
        table[:, 0],
        table[:, 1],
        table[:, 2],
        np.array(now).reshape(-1, 2),
        np.array([surplus for surplus, _ in found]).reshape(shape),
        np.array([equity for _, equity in found]).reshape(shape),
        np.array(rows, dtype=np.intp),
        here[:, 0],
        here[:, 1],
    )


class _Grid:
    """One account's exact figures at prices near today's."""

    def __init__(self, account: Account, watched: Watched) -> None:
        self._account = account
        self._policy = watched.policy
        self._boxes, _ = boxes(assets_of(account, watched.policy), watched.prices)
        self._at_s = time_of(watched.cut)
        self.mids = {asset: box.mid_wad / WAD for asset, box in self._boxes.items()}
        self.axes = list(self._axes())
        self.here = self._figures({})

    def _axes(self) -> Mapping[tuple[str, str], None]:
        """Return every asset with its volatility, or with itself where no option is on it."""
        pairs: dict[tuple[str, str], None] = {}
        for leg in self._account.legs:
            for option in leg.options:
                volatility = self._policy.option_markets[option.market].volatility
                if option.asset not in {first for first, _ in pairs}:
                    pairs[option.asset, volatility] = None
        taken = {asset for pair in pairs for asset in pair}
        return pairs | {(asset, asset): None for asset in self._boxes if asset not in taken}

    def table(self, first: str, second: str) -> tuple[Floats, Floats]:
        """Return the changes of surplus and equity over the grid."""
        surplus, equity = np.zeros((2, len(MOVES), len(VOLATILITY_MOVES)))
        for at, move in enumerate(MOVES):
            for up, shift in enumerate(VOLATILITY_MOVES):
                if first == second and up:
                    surplus[at, up], equity[at, up] = surplus[at, 0], equity[at, 0]
                    continue
                moves = (
                    {first: float(move)} if first == second else {first: float(move), second: float(shift)}
                )
                its = self._figures(moves)
                surplus[at, up], equity[at, up] = its[0] - self.here[0], its[1] - self.here[1]
        return surplus, equity

    def _figures(self, moves: Mapping[str, float]) -> tuple[float, float]:
        at = {asset: _moved(box, moves.get(asset, 1.0)) for asset, box in self._boxes.items()}
        value = valuation(self._account, at, _AS_READ, self._policy, at_s=self._at_s)
        assets, required = value.mid(Kind.MAINTENANCE)
        return (assets - required) / SCALE / WAD, value.equity().mid / WAD


def _moved(box: Box, move: float) -> Box:
    mid_wad = max(round(box.mid_wad * move), 1)
    return Box(mid_wad, mid_wad, mid_wad)


def _place(moves: Floats, grid: Floats) -> tuple[Ints, Floats]:
    held = np.clip(moves, grid[0], grid[-1])
    at = np.clip(np.searchsorted(grid, held, side="right") - 1, 0, len(grid) - 2)
    return at, (held - grid[at]) / (grid[at + 1] - grid[at])
