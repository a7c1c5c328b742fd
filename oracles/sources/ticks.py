"""The arithmetic of Uniswap v3 pools, in whole numbers: ticks, their prices, and means over time.

A tick is a power of 1.0001: the price of token 0 in raw units of token 1 (whitepaper of Uniswap v3
core, 6.1). The contract multiplies twenty factors of 128 bits, one for each bit of the tick; with the same
factors and the same cuts the same integer comes out, to the last unit.
"""

from __future__ import annotations

from math import isqrt

from config.units import WAD, mul_div_down

MAX_TICK = 887_272
Q32 = 1 << 32
Q96 = 1 << 96
Q128 = 1 << 128
Q160 = 1 << 160
_GUARD_BITS = 384

ONE_PERCENT_WAD = 4_987_562_112_089_027
"""sqrt(1.01) - 1: what part of its virtual reserve moves a pool's price by one percent."""


def _factors() -> tuple[int, ...]:
    """Return 2**128 * 1.0001**(-2**i / 2) for each bit i of a tick, to the nearest unit."""
    scale = 1 << _GUARD_BITS
    power = scale * 10_000 // 10_001
    found = [isqrt(power * scale)]
    for _ in range(MAX_TICK.bit_length() - 1):
        found.append(power)
        power = power * power >> _GUARD_BITS
    shift = _GUARD_BITS - 128
    return tuple((factor + (1 << (shift - 1))) >> shift for factor in found)


FACTORS_X128 = _factors()


def sqrt_ratio_x96(tick: int) -> int:
    """Return the square root of the price at `tick`, times 2**96, as the pool's contract has it.

    Raises ``ValueError`` for a tick that no pool can have.
    """
    if abs(tick) > MAX_TICK:
        message = f"no pool has tick {tick}"
        raise ValueError(message)
    ratio = Q128
    for bit, factor in enumerate(FACTORS_X128):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return -(-ratio // Q32)


def mean_tick(cumulative_delta: int, window_s: int) -> int:
    """Return the mean over time of a tick whose sum over seconds grew by so much, toward minus infinity."""
    return cumulative_delta // window_s


def mean_liquidity(seconds_per_liquidity_delta_x128: int, window_s: int) -> int:
    """Return the harmonic mean over time of a pool's liquidity: short thin moments weigh heavily.

    Raises ``ValueError`` where the sum did not grow, which no pool answers.
    """
    if seconds_per_liquidity_delta_x128 <= 0:
        message = "seconds per liquidity did not grow"
        raise ValueError(message)
    return window_s * (Q160 - 1) // (seconds_per_liquidity_delta_x128 * Q32)


def price_wad(sqrt_x96: int, *, base_is_token0: bool, base_decimals: int, quote_decimals: int) -> int:
    """Return what one whole unit of the base is worth in whole units of the quote, wad, rounded down."""
    squared_x192 = sqrt_x96 * sqrt_x96
    base, quote = 10**base_decimals, 10**quote_decimals
    if base_is_token0:
        return mul_div_down(squared_x192, base * WAD, quote << 192)
    return mul_div_down(1 << 192, base * WAD, quote * squared_x192)


def depth_wad(liquidity: int, sqrt_x96: int, *, base_is_token0: bool, quote_decimals: int) -> int:
    """Return for how much of the quote the base can be bought before its price is one percent higher.

    Wad of whole units, rounded down, as if the liquidity went on unchanged: the quote's virtual reserve
    is L * sqrt(P) for token 1 and L / sqrt(P) for token 0 (whitepaper, 6.2).
    """
    reserve_raw = (
        mul_div_down(liquidity, sqrt_x96, Q96) if base_is_token0 else mul_div_down(liquidity, Q96, sqrt_x96)
    )
    return mul_div_down(reserve_raw, ONE_PERCENT_WAD, 10**quote_decimals)
