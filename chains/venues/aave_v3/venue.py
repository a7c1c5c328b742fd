"""Aave v3.0 behind the venue interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chains.blocks import Head
from chains.venues.aave_v3.codec import liquidation_call, outcomes, refusal, touched
from chains.venues.aave_v3.health import (
    NO_BALANCE,
    PriceMissing,
    account_data,
    counts_as_collateral,
    used_reserves,
)
from chains.venues.aave_v3.liquidation import best_liquidation
from chains.venues.aave_v3.reader import read_pool
from chains.venues.aave_v3.state import PoolState
from chains.venues.reading import CallChain
from chains.venues.rehearsal import table_code
from chains.venues.venue import (
    Blocked,
    Borrower,
    Liquidation,
    Obstacle,
    Outcome,
    Position,
    VenueCall,
    VenueHealth,
)
from config.units import BPS


class AaveV3:
    """One pool on one chain. Values are in its oracle's unit of account (8 decimals of a dollar, mostly)."""

    def __init__(self, chain: CallChain, pool: str) -> None:
        self._chain = chain
        self._pool = pool

    def emitters(self, state: PoolState | None) -> tuple[str, ...]:
        """Return the pool and its receipt tokens, which move between accounts without the pool's word."""
        tokens = (reserve.a_token for reserve in state.reserves.values()) if state else ()
        return self._pool, *tokens

    def touched(self, logs: Sequence[Mapping[str, Any]]) -> frozenset[Borrower]:
        """Return the accounts that these logs changed. Raises ``ValueError`` for a log of another shape."""
        return touched(logs)

    async def read(
        self, borrowers: Sequence[Borrower], head: Head, known: PoolState | None = None
    ) -> PoolState:
        """Return the pool and these accounts as of this block, other accounts as in `known` (see `read_pool`)."""
        return await read_pool(
            self._chain, self._pool, [borrower.account for borrower in borrowers], head, known
        )

    def positions(self, state: PoolState, borrower: Borrower, now_s: int) -> tuple[Position, ...]:
        """Return what the account supplied and owes, by reserve."""
        account = state.accounts.get(borrower.account)
        if account is None:
            return ()
        found = []
        for reserve in used_reserves(state, account):
            balance = account.balances.get(reserve.reserve_id, NO_BALANCE)
            supplied, owed = balance.supplied(reserve, now_s), balance.owed(reserve, now_s)
            found.append(Position(reserve.asset, supplied, owed, counts_as_collateral(reserve, account)))
        return tuple(found)

    def health(self, state: PoolState, borrower: Borrower, now_s: int) -> VenueHealth:
        """Return what ``getUserAccountData`` would answer in a block of this time."""
        account = state.accounts.get(borrower.account)
        if account is None:
            return VenueHealth(None, 0, 0, Obstacle.UNKNOWN_ACCOUNT)
        data = account_data(state, account, now_s)
        if isinstance(data, PriceMissing):
            return VenueHealth(None, 0, 0, Obstacle.PRICE_UNKNOWN)
        return VenueHealth(data.health_factor, data.collateral, data.debt)

    def best(
        self, state: PoolState, borrower: Borrower, now_s: int, *, limits: Mapping[str, int] | None = None
    ) -> Liquidation | Blocked:
        """Return the pair of debt and collateral that gains most, with its exact amounts."""
        return best_liquidation(state, borrower, now_s, limits)

    def call(self, liquidation: Liquidation) -> VenueCall:
        """Return the call; the collateral comes as the asset, not as a receipt."""
        return VenueCall(self._pool, liquidation_call(liquidation))

    def outcomes(self, logs: Sequence[Mapping[str, Any]]) -> tuple[Outcome, ...]:
        """Return the liquidations among these logs."""
        return outcomes(logs)

    def with_collateral_at(self, state: PoolState, borrower: Borrower, share_bps: int) -> PoolState:
        """Return the state with the prices of what the account has as collateral at this share. A mode's
        own price, which is its debts' too, stays.
        """
        account = state.accounts[borrower.account]
        reserves = {
            reserve_id: replace(reserve, price=reserve.price * share_bps // BPS)
            if reserve.price is not None and counts_as_collateral(reserve, account)
            else reserve
            for reserve_id, reserve in state.reserves.items()
        }
        return replace(state, reserves=reserves)

    def pretended_prices(self, state: PoolState) -> dict[str, bytes]:
        """Return code that stands in for the pool's oracle."""
        rows = [(each.asset, each.price) for each in state.reserves.values()]
        rows += [(mode.source, mode.price) for mode in state.emodes.values() if mode.has_source]
        return {state.oracle: table_code((asset, price) for asset, price in rows if price is not None)}

    def refusal(self, revert_data: bytes) -> Obstacle | None:
        """Return why the contract refused a call, None if it says nothing of the borrower."""
        return refusal(revert_data)
