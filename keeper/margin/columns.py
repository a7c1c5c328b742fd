"""The book as columns of floats: one row per account, rebuilt only where an account changed.

Amounts lie in dense tables (row, chain, asset); positions, being few, in slots of their own
that name their row. Floats are for finding what to look at; they decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from config.portfolio_settings import ModelName
from config.units import BPS, WAD
from keeper.domain.account import Account, Leg
from keeper.domain.health import AccountState
from keeper.margin.curves import missing_parameters
from keeper.margin.evidence import assets_of_leg
from keeper.margin.parameters import RiskPolicy

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Ints: TypeAlias = npt.NDArray[np.intp]

STATES = tuple(AccountState)
CODE = {state: code for code, state in enumerate(STATES)}
NO_STATE = -1


@dataclass(slots=True)
class Tables:
    """Rows of accounts. `held` and `owed` are whole units by (row, chain, asset); the totals are over all chains."""

    held: Floats
    owed: Floats
    held_total: Floats
    owed_total: Floats
    present: Bools
    """(row, chain): whether the account has anything there."""
    uses: Bools
    """(row, asset): whether the asset's price matters to the account."""
    requires: Bools
    """Whether anything is owed or open: without that there is nothing to fall short of."""
    opaque: Bools
    """Whether something in it is not known to the configuration."""
    claimed: Bools
    """Whether claims are pending, options are held, scenarios decide or a change is not final: the scan leaves
    these to the exact evaluation."""
    taken: Bools
    """Whether an account is in the row."""
    state: npt.NDArray[np.int8]

    @staticmethod
    def empty(rows: int, chains: int, assets: int) -> Tables:
        """Return tables of zeros."""
        return Tables(
            np.zeros((rows, chains, assets)),
            np.zeros((rows, chains, assets)),
            np.zeros((rows, assets)),
            np.zeros((rows, assets)),
            np.zeros((rows, chains), dtype=np.bool_),
            np.zeros((rows, assets), dtype=np.bool_),
            np.zeros(rows, dtype=np.bool_),
            np.zeros(rows, dtype=np.bool_),
            np.zeros(rows, dtype=np.bool_),
            np.zeros(rows, dtype=np.bool_),
            np.full(rows, NO_STATE, dtype=np.int8),
        )

    def of_rows(self, rows: Ints) -> Tables:
        """Return copies of some rows, in that order."""
        return Tables(*(getattr(self, name)[rows] for name in self.__slots__))

    def clear(self, row: int) -> None:
        """Make a row as if no account were in it; its state stays."""
        self.held[row] = self.owed[row] = 0
        self.held_total[row] = self.owed_total[row] = 0
        self.present[row] = self.uses[row] = False
        self.requires[row] = self.opaque[row] = self.claimed[row] = False


@dataclass(slots=True)
class Slots:
    """Positions, each in a slot of its own. A free slot has size zero and counts for nothing."""

    row: Ints
    chain: Ints
    market: Ints
    size: Floats
    entry: Floats

    @staticmethod
    def empty(slots: int) -> Slots:
        """Return free slots."""
        return Slots(
            np.zeros(slots, dtype=np.intp),
            np.zeros(slots, dtype=np.intp),
            np.zeros(slots, dtype=np.intp),
            np.zeros(slots),
            np.zeros(slots),
        )


class Columns:
    """Accounts in columns, under one policy. Rows and slots are reused, and doubled when they run out."""

    def __init__(self, policy: RiskPolicy, rows: int = 256) -> None:
        self.policy = policy
        self.chains = {name: number for number, name in enumerate(policy.chains)}
        self.assets = {name: number for number, name in enumerate(policy.assets)}
        self.markets = {name: number for number, name in enumerate(policy.markets)}
        self.tables = Tables.empty(rows, len(self.chains), len(self.assets))
        self.slots = Slots.empty(rows)
        self.ids: list[str | None] = [None] * rows
        self.changed: set[int] = set()
        """Rows written, emptied or given another state since whoever watches them looked last."""
        self._row: dict[str, int] = {}
        self._slots_of: dict[int, list[int]] = {}
        self._free_rows = list(range(rows - 1, -1, -1))
        self._free_slots = list(range(rows - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._row)

    def update(self, accounts: Iterable[Account]) -> None:
        """Write each account's row anew; the state noted for it stays."""
        for account in accounts:
            row = self._row.get(account.account_id)
            if row is None:
                row = self._row[account.account_id] = self._take_row()
                self.ids[row] = account.account_id
                self.tables.taken[row] = True
            self.changed.add(row)
            self._erase(row)
            self._write(row, account)

    def remove(self, account_id: str) -> None:
        """Drop an account that a reorganisation took away. Unknown ids are ignored."""
        row = self._row.pop(account_id, None)
        if row is not None:
            self.changed.add(row)
            self._erase(row)
            self.tables.state[row] = NO_STATE
            self.tables.taken[row] = False
            self.ids[row] = None
            self._free_rows.append(row)

    def note_state(self, account_id: str, state: AccountState) -> None:
        """Remember the state the exact evaluation put the account in."""
        row = self._row[account_id]
        if self.tables.state[row] != CODE[state]:
            self.tables.state[row] = CODE[state]
            self.changed.add(row)

    def row_of(self, account_id: str) -> int | None:
        """Return the row that an account is in."""
        return self._row.get(account_id)

    def slots_of(self, rows: Ints) -> Slots:
        """Return the positions of some rows, their `row` the place in `rows`."""
        its = [(place, slot) for place, row in enumerate(rows) for slot in self._slots_of.get(int(row), ())]
        place, slot = np.array(its, dtype=np.intp).reshape(-1, 2).T
        slots = self.slots
        return Slots(place, slots.chain[slot], slots.market[slot], slots.size[slot], slots.entry[slot])

    def _erase(self, row: int) -> None:
        self.tables.clear(row)
        for slot in self._slots_of.pop(row, ()):
            self.slots.size[slot] = 0
            self._free_slots.append(slot)

    def _write(self, row: int, account: Account) -> None:
        tables = self.tables
        if any(leg.unreadable for leg in account.legs) or any(missing_parameters(account, self.policy)):
            tables.opaque[row] = True
            return
        is_standard = self.policy.model_of(account.subaccount) is ModelName.STANDARD
        tables.claimed[row] = bool(account.unfinal) or not is_standard
        for leg in account.legs:
            if not leg.is_empty:
                self._write_leg(row, self.chains[leg.chain], leg)
        tables.held_total[row] = tables.held[row].sum(axis=0)
        tables.owed_total[row] = tables.owed[row].sum(axis=0)

    def _write_leg(self, row: int, chain: int, leg: Leg) -> None:
        tables = self.tables
        tables.present[row, chain] = True
        tables.claimed[row] |= bool(leg.claims or leg.options)
        tables.requires[row] |= bool(leg.debt or leg.positions or leg.options)
        for asset in assets_of_leg(leg, self.policy):
            tables.uses[row, self.assets[asset]] = True
        for token in leg.collateral:
            tables.held[row, chain, self.assets[token.asset]] += token.amount / 10**token.decimals
        if leg.debt is not None:
            tables.owed[row, chain, self.assets[leg.debt.asset]] += leg.debt.amount / 10**leg.debt.decimals
        for position in leg.positions:
            slot = self._take_slot()
            self._slots_of.setdefault(row, []).append(slot)
            slots = self.slots
            slots.row[slot], slots.chain[slot] = row, chain
            slots.market[slot] = self.markets[position.market]
            slots.size[slot] = position.size_wad / WAD
            slots.entry[slot] = position.entry_price_wad / WAD

    def _take_row(self) -> int:
        if not self._free_rows:
            rows = len(self.ids)
            grown = Tables.empty(2 * rows, len(self.chains), len(self.assets))
            for name in Tables.__slots__:
                getattr(grown, name)[:rows] = getattr(self.tables, name)
            self.tables = grown
            self.ids += [None] * rows
            self._free_rows = list(range(2 * rows - 1, rows - 1, -1))
        return self._free_rows.pop()

    def _take_slot(self) -> int:
        if not self._free_slots:
            slots = len(self.slots.size)
            grown = Slots.empty(2 * slots)
            for name in Slots.__slots__:
                getattr(grown, name)[:slots] = getattr(self.slots, name)
            self.slots = grown
            self._free_slots = list(range(2 * slots - 1, slots - 1, -1))
        return self._free_slots.pop()


@dataclass(frozen=True, slots=True)
class Weights:
    """The policy's weights and tiers as floats: by asset, and by (market, tier)."""

    held: Floats
    owed: Floats
    asset_of_market: Ints
    borders: Floats
    bases: Floats
    fractions: Floats

    @staticmethod
    def of(policy: RiskPolicy, asset_number: dict[str, int]) -> Weights:
        """Return the weights of `policy`. Tiers that a market does not have begin at infinity."""
        risks = policy.assets.values()
        markets = list(policy.markets.values())
        deepest = max((len(market.tiers) for market in markets), default=1)
        borders = np.full((len(markets), deepest), np.inf)
        bases, fractions = np.zeros_like(borders), np.zeros_like(borders)
        for number, market in enumerate(markets):
            border = base = 0.0
            for depth, tier in enumerate(market.tiers):
                fraction = tier.maintenance_bps / BPS
                borders[number, depth], bases[number, depth], fractions[number, depth] = (
                    border,
                    base,
                    fraction,
                )
                base += (tier.up_to_wad / WAD - border) * fraction
                border = tier.up_to_wad / WAD
        return Weights(
            np.array([risk.collateral_weight_bps / BPS for risk in risks]),
            np.array([risk.liability_weight_bps / BPS for risk in risks]),
            np.array([asset_number.get(market.asset, 0) for market in markets], dtype=np.intp),
            borders,
            bases,
            fractions,
        )
