"""A pool as of one block: reserves with their indexes, prices, modes, and accounts in scaled units.

Balances are kept scaled, as the protocol keeps them: a balance at any later second is the scaled
one times the reserve's index of that second. Source: ReserveLogic of Aave v3.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.venues.aave_v3.configuration import ReserveConfiguration
from chains.venues.aave_v3.interest import compounded_growth, linear_growth
from chains.venues.aave_v3.rounding import ray_mul_half_up


@dataclass(frozen=True, slots=True)
class Reserve:
    """One asset of a pool. Indexes and yearly rates are ray, as of `updated_s`.

    `price` is in the oracle's unit of account for one whole unit, None while the oracle has none.
    `available` is the raw underlying that can leave the pool.
    """

    reserve_id: int
    asset: str
    configuration: ReserveConfiguration
    liquidity_index: int
    liquidity_rate: int
    variable_borrow_index: int
    variable_borrow_rate: int
    updated_s: int
    a_token: str
    stable_debt_token: str
    variable_debt_token: str
    price: int | None
    available: int

    @property
    def unit(self) -> int:
        """One whole unit, in raw units."""
        unit: int = 10**self.configuration.decimals
        return unit

    def normalized_income(self, now_s: int) -> int:
        """Return the supply index at this second."""
        if now_s == self.updated_s:
            return self.liquidity_index
        growth = linear_growth(self.liquidity_rate, now_s - self.updated_s)
        return ray_mul_half_up(growth, self.liquidity_index)

    def normalized_debt(self, now_s: int) -> int:
        """Return the variable debt index at this second."""
        if now_s == self.updated_s:
            return self.variable_borrow_index
        growth = compounded_growth(self.variable_borrow_rate, now_s - self.updated_s)
        return ray_mul_half_up(growth, self.variable_borrow_index)


@dataclass(frozen=True, slots=True)
class EMode:
    """An efficiency mode. Percentages are bps. `source` is the asset whose price is the mode's own, or "".

    With a source and no price, the protocol answers nothing about any account in this mode.
    """

    category: int
    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    source: str
    price: int | None

    @property
    def has_source(self) -> bool:
        """Whether the mode has a price of its own."""
        return self.source != ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has in one reserve: scaled supply and variable debt, and a loan at a fixed rate.

    The fixed loan's principal is raw as of `stable_updated_s`, its yearly rate ray.
    """

    scaled_supply: int = 0
    scaled_debt: int = 0
    stable_principal: int = 0
    stable_rate: int = 0
    stable_updated_s: int = 0

    def supplied(self, reserve: Reserve, now_s: int) -> int:
        """Return the raw supply at this second."""
        return ray_mul_half_up(self.scaled_supply, reserve.normalized_income(now_s))

    def variable_debt(self, reserve: Reserve, now_s: int) -> int:
        """Return the raw debt at a variable rate at this second."""
        return ray_mul_half_up(self.scaled_debt, reserve.normalized_debt(now_s))

    def stable_debt(self, now_s: int) -> int:
        """Return the raw debt at a fixed rate at this second. A rate of 0 means that there is none."""
        if self.stable_rate == 0:
            return 0
        growth = compounded_growth(self.stable_rate, now_s - self.stable_updated_s)
        return ray_mul_half_up(self.stable_principal, growth)

    def owed(self, reserve: Reserve, now_s: int) -> int:
        """Return the raw debt at this second, both kinds."""
        return self.variable_debt(reserve, now_s) + self.stable_debt(now_s)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of a pool. `configuration` is the protocol's word; balances are by reserve id."""

    configuration: int
    emode_category: int
    balances: Mapping[int, Balance]


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as of one block. Reserves are in order of their ids, gaps included as they are.

    `sentinel_allows` is None where the pool has no sentinel.
    """

    block_hash: str
    timestamp_s: int
    oracle: str
    reserves: Mapping[int, Reserve]
    emodes: Mapping[int, EMode]
    accounts: Mapping[str, Account]
    sentinel_allows: bool | None = None
