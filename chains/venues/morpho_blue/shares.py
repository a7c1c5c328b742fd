"""Morpho's fixed point: shares of a total with virtual amounts, interest, and the liquidation's incentive.

Source: SharesMathLib, MathLib and ConstantsLib of morpho-blue 1.0.0.
"""

from __future__ import annotations

from config.units import WAD, mul_div_down, mul_div_up

VIRTUAL_SHARES = 10**6
VIRTUAL_ASSETS = 1
"""Held by nobody, so that a share's price can not be inflated while a market is empty."""
PRICE_SCALE = 10**36
LIQUIDATION_CURSOR = 3 * WAD // 10
MOST_INCENTIVE = 115 * WAD // 100


def shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    """Return the shares that the assets are worth."""
    return mul_div_down(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    """Return the shares that the assets are worth."""
    return mul_div_up(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    """Return the assets that the shares are worth."""
    return mul_div_down(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


def assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    """Return the assets that the shares are worth."""
    return mul_div_up(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)


def compounded_interest(rate_wad: int, elapsed_s: int) -> int:
    """Return what one owed wad has grown by at this rate per second: three terms of e^(rate x time) - 1."""
    first = rate_wad * elapsed_s
    second = mul_div_down(first, first, 2 * WAD)
    third = mul_div_down(second, first, 3 * WAD)
    return first + second + third


def incentive_factor(lltv_wad: int) -> int:
    """Return how much collateral a liquidator takes for each repaid unit of value, wad."""
    part = mul_div_down(LIQUIDATION_CURSOR, WAD - lltv_wad, WAD)
    return min(MOST_INCENTIVE, mul_div_down(WAD, WAD, WAD - part))
