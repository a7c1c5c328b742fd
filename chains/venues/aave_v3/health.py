"""An account's health as `getUserAccountData` of Aave v3.0.2 answers it, for any second.

Source: GenericLogic.calculateUserAccountData. A reserve whose price is missing makes the protocol
answer nothing for whoever uses that reserve, and for nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chains.venues.aave_v3.configuration import is_borrowing, is_using_as_collateral
from chains.venues.aave_v3.rounding import percent_mul_half_up, wad_div_half_up
from chains.venues.aave_v3.state import Account, Balance, EMode, PoolState, Reserve
from chains.venues.venue import NO_DEBT_HEALTH


@dataclass(frozen=True, slots=True)
class AccountData:
    """Totals in the oracle's unit of account, averages in bps, the health factor wad."""

    collateral: int
    debt: int
    available_borrows: int
    liquidation_threshold_bps: int
    ltv_bps: int
    health_factor: int


@dataclass(frozen=True, slots=True)
class PriceMissing:
    """The protocol reverts for this account: this reserve, or the account's mode, has no price."""

    asset: str


NO_BALANCE = Balance()


def account_data(state: PoolState, account: Account, now_s: int) -> AccountData | PriceMissing:
    """Return what the protocol would answer about the account in a block of this time."""
    if account.configuration == 0:
        return AccountData(0, 0, 0, 0, 0, NO_DEBT_HEALTH)
    emode = state.emodes.get(account.emode_category)
    if emode is not None and emode.has_source and emode.price is None:
        return PriceMissing(f"eMode {emode.category}")
    collateral = debt = weighted_ltv = weighted_threshold = 0
    for reserve in used_reserves(state, account):
        price = price_for(reserve, emode)
        if price is None:
            return PriceMissing(reserve.asset)
        balance = account.balances.get(reserve.reserve_id, NO_BALANCE)
        settings = reserve.configuration
        if counts_as_collateral(reserve, account):
            value = balance.supplied(reserve, now_s) * price // reserve.unit
            collateral += value
            mode = emode if _is_in(reserve, emode) else None
            if settings.ltv_bps:
                weighted_ltv += value * (mode.ltv_bps if mode else settings.ltv_bps)
            weighted_threshold += value * (
                mode.liquidation_threshold_bps if mode else settings.liquidation_threshold_bps
            )
        if is_borrowing(account.configuration, reserve.reserve_id):
            debt += balance.owed(reserve, now_s) * price // reserve.unit
    ltv = weighted_ltv // collateral if collateral else 0
    threshold = weighted_threshold // collateral if collateral else 0
    health = wad_div_half_up(percent_mul_half_up(collateral, threshold), debt) if debt else NO_DEBT_HEALTH
    borrowable = percent_mul_half_up(collateral, ltv)
    return AccountData(collateral, debt, max(borrowable - debt, 0), threshold, ltv, health)


def used_reserves(state: PoolState, account: Account) -> Iterator[Reserve]:
    """Return the reserves that the account's word names, in order of their ids."""
    for reserve_id, reserve in sorted(state.reserves.items()):
        if account.configuration >> (2 * reserve_id) & 3:
            yield reserve


def counts_as_collateral(reserve: Reserve, account: Account) -> bool:
    """Return whether the account's supply in this reserve backs its debts."""
    return reserve.configuration.liquidation_threshold_bps != 0 and is_using_as_collateral(
        account.configuration, reserve.reserve_id
    )


def price_for(reserve: Reserve, emode: EMode | None) -> int | None:
    """Return the price that health is computed with: the mode's own, for the mode's assets, if it has one."""
    return emode.price if emode is not None and emode.price and _is_in(reserve, emode) else reserve.price


def _is_in(reserve: Reserve, emode: EMode | None) -> bool:
    return emode is not None and reserve.configuration.emode_category == emode.category
