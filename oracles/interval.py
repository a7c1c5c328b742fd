"""Intervals of prices with the time they are of: what is inverted and multiplied along a path.

Everything is rounded outward, so that a true value inside the parts stays inside the
whole. Widths add along a path, as distances of logarithms, and so does what each part is
unsure of; the time of a whole is that of its oldest part.
"""

from __future__ import annotations

from typing import NamedTuple

from config.units import BPS, WAD, mul_div_down, mul_div_up

MAX_VALUE_WAD = 10**36


class Interval(NamedTuple):
    """``0 < low <= mid <= high``, in wad of some unit, as of `oldest_ms`."""

    low: int
    mid: int
    high: int
    oldest_ms: int


def times(one: Interval, other: Interval) -> Interval | None:
    """Return the product, or None if it is too small to be held in 18 decimals, or larger than any price."""
    low, mid = mul_div_down(one.low, other.low, WAD), mul_div_down(one.mid, other.mid, WAD)
    if low <= 0 or mid > MAX_VALUE_WAD:
        return None
    return Interval(low, mid, mul_div_up(one.high, other.high, WAD), min(one.oldest_ms, other.oldest_ms))


def inverse_down(value: int) -> int:
    """Return 1 / `value` in wad, rounded toward zero. `value` is positive."""
    return mul_div_down(WAD, WAD, value)


def inverse_up(value: int) -> int:
    """Return 1 / `value` in wad, rounded away from zero. `value` is positive."""
    return mul_div_up(WAD, WAD, value)


def apart(one: Interval, other: Interval) -> tuple[int, int]:
    """Return the ends that face each other, the higher first; equal if the intervals overlap."""
    higher, lower = max(one.low, other.low), min(one.high, other.high)
    return (higher, lower) if higher > lower else (lower, lower)


def exceeds_bands(high: int, low: int, band_bps: int, bands: int) -> bool:
    """Return whether `high` is further above `low` than `bands` bands of `band_bps` one upon the other."""
    limit: int = (BPS + band_bps) ** bands
    whole: int = BPS**bands
    return high * whole > low * limit
