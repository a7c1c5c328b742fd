"""Several swaps at one pool in one block: each moves its price for those after it, and each was quoted alone."""

from __future__ import annotations

from config.units import mul_div_down, mul_div_up

Q192 = 1 << 192
PIPS = 1_000_000


def at_spot(wanted: int, sqrt_price_x96: int, fee_pips: int, *, wants_first: bool) -> int:
    """Return what `wanted` of a pool's one token costs of the other at its price of this moment, fee included.

    Source: Uniswap v3's sqrtPriceX96, the square root of the second token's raw units for one of the first.
    """
    squared = sqrt_price_x96 * sqrt_price_x96
    cost = mul_div_down(wanted, squared, Q192) if wants_first else mul_div_down(wanted, Q192, max(squared, 1))
    return mul_div_down(cost, PIPS, PIPS - fee_pips)


def later(kept: int, cost: int, spot: int, wanted: int, before: int) -> int:
    """Return the collateral that is left if `before` was swapped the same way first.

    What a swap costs over the price of the moment grows with its square, at the depth that it was quoted at: so after
    `before`, `wanted` costs 2 * before / wanted times as much more again.
    """
    if before == 0 or wanted == 0:
        return kept
    return max(0, kept - mul_div_up(2 * max(0, cost - spot), before, wanted))
