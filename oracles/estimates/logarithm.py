"""Logarithms, powers of two and roots of fixed-point numbers, in whole numbers only.

The same on every machine: what is estimated may feed parameters that decide. Wads in, wads out, cut; errors
are a few units of the eighteenth place.
"""

from __future__ import annotations

from math import isqrt

from config.units import WAD

_GUARD = 10**6
"""More places while a series is summed."""
_ONE = WAD * _GUARD
LN2 = 693_147_180_559_945_309_417_232
"""ln 2 with 24 places."""


def log_ratio_wad(a: int, b: int) -> int:
    """Return ln(a/b) as a wad; both positive.

    ``ln r = k ln 2 + 2 artanh((m - 1) / (m + 1))`` with r = m * 2**k and m near 1, so that the series
    of artanh converges by more than one place per term.
    """
    shift = a.bit_length() - b.bit_length()
    numerator, denominator = (a, b << shift) if shift >= 0 else (a << -shift, b)
    ratio = _ONE * (numerator - denominator) // (numerator + denominator)
    square = ratio * ratio // _ONE
    term, total, odd = ratio, 0, 1
    while term:
        total += term // odd
        term = term * square // _ONE
        if abs(term) <= 1:
            break
        odd += 2
    return (2 * total + shift * LN2) // _GUARD


def half_power_wad(elapsed_ms: int, half_life_ms: int) -> int:
    """Return ``2 ** -(elapsed / half_life)`` as a wad: what is left of a weight after that time."""
    halvings, rest_ms = divmod(elapsed_ms, half_life_ms)
    if halvings > 60:
        return 0
    exponent = -LN2 * rest_ms // half_life_ms
    term, total, step = _ONE, _ONE, 1
    while term:
        term = term * exponent // (_ONE * step)
        if abs(term) <= 1:
            break
        total += term
        step += 1
    return total // _GUARD >> halvings


def root_wad(square_wad: int) -> int:
    """Return the square root of a wad, as a wad, cut."""
    return isqrt(square_wad * WAD)
