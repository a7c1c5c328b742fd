"""X: what is left of a liquidation in dollars, rounded against it at every step."""

from __future__ import annotations

from dataclasses import dataclass

from chains.venues.executor.codec import NO_POOL
from config.units import BPS, WAD, mul_div_down, mul_div_up
from keeper.venues.inputs import Inputs
from keeper.venues.ways import Way


@dataclass(frozen=True, slots=True)
class Profit:
    """What is left, USD wad, before gas and after. `kept_value_wad` is what the collateral sells for."""

    gross_wad: int
    net_wad: int
    kept_value_wad: int


def gas_wad(inputs: Inputs) -> int:
    """Return what a transaction costs. Without a price of the chain's coin it counts as nothing."""
    costs = inputs.costs
    wei = costs.gas * costs.gas_price_wei + costs.l1_fee_wei
    price = inputs.prices.get(costs.native_asset)
    return 0 if price is None or price.high_wad is None else mul_div_up(wei, price.high_wad, WAD)


def profit(inputs: Inputs, way: Way, kept: int) -> Profit | None:
    """Return what this way leaves if `kept` collateral remains, None without a reference of both tokens."""
    low = worth_down(inputs, way.liquidation.collateral_asset, kept)
    spent = worth_up(inputs, way.liquidation.debt_asset, way.liquidation.repay) if way.pool == NO_POOL else 0
    if low is None or spent is None:
        return None
    sold = mul_div_down(low, BPS - inputs.terms.resale_bps, BPS)
    gross = sold - spent
    return Profit(gross, gross - gas_wad(inputs), sold)


def best_case_wad(inputs: Inputs, way: Way) -> int | None:
    """Return the most that any swap could leave before gas: what is seized, less what it is taken for."""
    seized = worth_down(inputs, way.liquidation.collateral_asset, way.liquidation.seize)
    repaid = worth_down(inputs, way.liquidation.debt_asset, way.liquidation.repay)
    return None if seized is None or repaid is None else seized - repaid


def least_kept(inputs: Inputs, profit_found: Profit, kept: int) -> int:
    """Return the collateral that must be left on chain: what was quoted, less the part of the profit that may go."""
    if profit_found.kept_value_wad <= 0:
        return kept
    may_go = mul_div_down(profit_found.gross_wad, BPS - inputs.terms.profit_kept_bps, BPS)
    return max(0, kept - mul_div_down(kept, may_go, profit_found.kept_value_wad))


def most_cost_wei(inputs: Inputs, profit_found: Profit) -> int | None:
    """Return what sending it may cost before nothing is left, None without a price of the chain's coin."""
    price = inputs.prices.get(inputs.costs.native_asset)
    if price is None or not price.high_wad:
        return None
    return mul_div_down(max(0, profit_found.gross_wad), WAD, price.high_wad)


def worth_down(inputs: Inputs, address: str, amount: int) -> int | None:
    """Return what an amount is worth at the least."""
    token = inputs.tokens.get(address)
    price = inputs.prices.get(token.asset) if token is not None else None
    if token is None or price is None or price.low_wad is None:
        return None
    return mul_div_down(amount, price.low_wad, 10**token.decimals)


def worth_up(inputs: Inputs, address: str, amount: int) -> int | None:
    """Return what an amount is worth at the most."""
    token = inputs.tokens.get(address)
    price = inputs.prices.get(token.asset) if token is not None else None
    if token is None or price is None or price.high_wad is None:
        return None
    return mul_div_up(amount, price.high_wad, 10**token.decimals)
