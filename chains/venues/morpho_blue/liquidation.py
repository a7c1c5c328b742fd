"""Health on Morpho Blue, and the liquidation that takes most: there is no close factor.

Source: Morpho.liquidate and _isHealthy of morpho-blue 1.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chains.venues.morpho_blue.shares import (
    PRICE_SCALE,
    assets_down,
    assets_up,
    incentive_factor,
    shares_down,
    shares_up,
)
from chains.venues.morpho_blue.state import Holding, Market, MarketsState
from chains.venues.venue import NO_DEBT_HEALTH, Blocked, Borrower, Liquidation, Obstacle, VenueHealth
from config.units import WAD, mul_div_down, mul_div_up


def is_healthy(market: Market, holding: Holding) -> bool | None:
    """Return the protocol's own verdict, None without a price. The market must be accrued."""
    if holding.borrow_shares == 0:
        return True
    most = market.most_borrow(holding.collateral)
    return None if most is None else most >= market.owed(holding.borrow_shares)


def health(market: Market, holding: Holding) -> VenueHealth:
    """Return what may be owed over what is owed, rounded down: below one exactly if not `is_healthy`.

    Values are raw units of the loan. The market must be accrued.
    """
    debt = market.owed(holding.borrow_shares) if holding.borrow_shares else 0
    value = 0 if market.price is None else mul_div_down(holding.collateral, market.price, PRICE_SCALE)
    if debt == 0:
        return VenueHealth(NO_DEBT_HEALTH, value, 0)
    most = market.most_borrow(holding.collateral)
    if most is None:
        return VenueHealth(None, 0, debt, Obstacle.PRICE_UNKNOWN)
    return VenueHealth(mul_div_down(most, WAD, debt), value, debt)


def by_shares(market: Market, shares: int) -> tuple[int, int]:
    """Return what repaying these shares costs and seizes. The market must be accrued and priced."""
    worth = assets_down(shares, market.borrow_assets, market.borrow_shares)
    paid_for = mul_div_down(worth, incentive_factor(market.parameters.lltv_wad), WAD)
    seized = mul_div_down(paid_for, PRICE_SCALE, market.price or 0)
    return assets_up(shares, market.borrow_assets, market.borrow_shares), seized


def by_assets(market: Market, seized: int) -> tuple[int, int]:
    """Return what seizing this collateral costs, and in shares. The market must be accrued and priced."""
    worth = mul_div_up(seized, market.price or 0, PRICE_SCALE)
    owed = mul_div_up(worth, WAD, incentive_factor(market.parameters.lltv_wad))
    shares = shares_up(owed, market.borrow_assets, market.borrow_shares)
    return assets_up(shares, market.borrow_assets, market.borrow_shares), shares


def bad_debt(market: Market, holding: Holding, repaid: int, repaid_shares: int, seized: int) -> int:
    """Return what lenders lose: once all collateral is gone the rest of the debt is written off."""
    left = holding.borrow_shares - repaid_shares
    if seized < holding.collateral or left == 0:
        return 0
    total = max(market.borrow_assets - repaid, 0)
    return min(total, assets_up(left, total, market.borrow_shares - repaid_shares))


def best_liquidation(
    state: MarketsState, borrower: Borrower, now_s: int, limits: Mapping[str, int] | None = None
) -> Liquidation | Blocked:
    """Return the liquidation of all that can be: by shares where collateral covers them, else by assets.

    At a price of 0 the protocol would give the collateral away; that is taken for a broken oracle.
    """
    market, holding = state.markets.get(borrower.market), state.holdings.get(borrower)
    if market is None or holding is None:
        return Blocked(Obstacle.UNKNOWN_ACCOUNT)
    market = market.accrued(now_s)
    verdict = is_healthy(market, holding)
    if verdict is None or market.price == 0:
        return Blocked(Obstacle.PRICE_UNKNOWN, market.parameters.collateral_asset)
    if verdict:
        return Blocked(Obstacle.HEALTHY if holding.borrow_shares else Obstacle.NO_DEBT)
    if holding.collateral == 0:
        return Blocked(Obstacle.NO_COLLATERAL, market.parameters.collateral_asset)
    limit = None if limits is None else limits.get(market.parameters.loan_asset, 0)
    return _within(market, holding, borrower, limit)


_STEPS = 4
"""Units of the loan by which all collateral's worth may be rounded up; three divisions round it."""


def _within(market: Market, holding: Holding, borrower: Borrower, limit: int | None) -> Liquidation | Blocked:
    repaid, seized = by_shares(market, holding.borrow_shares)
    if seized <= holding.collateral and (limit is None or repaid <= limit):
        return _found(market, holding, borrower, repaid, seized, holding.borrow_shares)
    repaid, shares = by_assets(market, holding.collateral)
    if shares <= holding.borrow_shares and (limit is None or repaid <= limit):
        return _found(market, holding, borrower, repaid, holding.collateral, shares, by_share=False)
    most = repaid if limit is None else min(repaid, limit)
    for less in range(_STEPS):
        affordable = shares_down(max(most - less, 0), market.borrow_assets, market.borrow_shares)
        shares = min(affordable, holding.borrow_shares)
        repaid, seized = by_shares(market, shares)
        if 0 < seized <= holding.collateral:
            return _found(market, holding, borrower, repaid, seized, shares)
    return Blocked(Obstacle.NOTHING_TO_GAIN, market.parameters.loan_asset)


def _found(
    market: Market,
    holding: Holding,
    borrower: Borrower,
    repaid: int,
    seized: int,
    shares: int,
    *,
    by_share: bool = True,
) -> Liquidation:
    worth = mul_div_down(seized, market.price or 0, PRICE_SCALE)
    return Liquidation(
        borrower=borrower,
        debt_asset=market.parameters.loan_asset,
        collateral_asset=market.parameters.collateral_asset,
        repay=repaid,
        seize=seized,
        gain_value=worth - repaid,
        repay_argument=shares if by_share else 0,
        seize_argument=0 if by_share else seized,
        bad_debt=bad_debt(market, holding, repaid, shares, seized),
    )


def carried_out(state: MarketsState, planned: Liquidation, now_s: int) -> Liquidation:
    """Return what the call of a plan does in a block of this time."""
    market, holding = state.markets[planned.borrower.market].accrued(now_s), state.holdings[planned.borrower]
    if planned.seize_argument:
        repaid, shares = by_assets(market, planned.seize_argument)
        seized = planned.seize_argument
        return _found(market, holding, planned.borrower, repaid, seized, shares, by_share=False)
    repaid, seized = by_shares(market, planned.repay_argument)
    return _found(market, holding, planned.borrower, repaid, seized, planned.repay_argument)


def after(state: MarketsState, done: Liquidation, now_s: int) -> MarketsState:
    """Return the state that a liquidation in a block of this time leaves: its rounding moves the price of a share."""
    market, holding = state.markets[done.borrower.market].accrued(now_s), state.holdings[done.borrower]
    shares = done.repay_argument or by_assets(market, done.seize)[1]
    written_off = holding.borrow_shares - shares if done.bad_debt else 0
    left = replace(
        market,
        borrow_assets=max(0, market.borrow_assets - done.repay - done.bad_debt),
        borrow_shares=market.borrow_shares - shares - written_off,
        supply_assets=market.supply_assets - done.bad_debt,
    )
    held = Holding(holding.borrow_shares - shares - written_off, holding.collateral - done.seize)
    return replace(
        state,
        markets={**state.markets, done.borrower.market: left},
        holdings={**state.holdings, done.borrower: held},
    )
