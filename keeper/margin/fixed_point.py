"""Exponential, logarithm, root and the normal distribution in integers, with proven bounds.

Numbers are integers scaled by `ONE` = 2**112; one unit of the last place is u = 2**-112. Every function
says by how much its result may be off, so that what is built from them can round to a known side. The
same integers come out on any machine.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

BITS = 112
ONE = 1 << BITS

FAR = 12 * ONE
"""Beyond twelve deviations less than 2**-108 of the normal distribution is left."""

_LN2 = 3599025928123676973540407451845618
"""ln 2, rounded down."""
_RATIO_LIMIT = 64


def ln_ratio(numerator: int, denominator: int) -> int:
    """Return ln(numerator / denominator) within 128 u. Both are positive and within 2**64 of each other.

    With numerator / denominator = 2**k m and m in [1/sqrt 2, sqrt 2], it is k ln 2 + 2 artanh(z) with
    z = (m - 1) / (m + 1), so |z| < 0.172 and 23 terms of the series are enough. Each of them and z itself is
    rounded down once (under 60 u, doubled), and ln 2 k times. Raises ``ValueError`` outside the limit.
    """
    power = numerator.bit_length() - denominator.bit_length()
    if abs(power) > _RATIO_LIMIT:
        raise ValueError("a ratio beyond 2**64")
    top, bottom = _scaled(numerator, denominator, power)
    if top * top > 2 * bottom * bottom:
        power += 1
        top, bottom = _scaled(numerator, denominator, power)
    elif 2 * top * top < bottom * bottom:
        power -= 1
        top, bottom = _scaled(numerator, denominator, power)
    z = ((top - bottom) << BITS) // (top + bottom)
    square = z * z >> BITS
    total, factor, odd = 0, z, 1
    while factor not in {0, -1}:
        total += factor // odd
        factor = factor * square >> BITS
        odd += 2
    return power * _LN2 + 2 * total


def exp(x: int) -> int:
    """Return e**(x / ONE), for x <= 0, within 64 u.

    With x = k ln 2 + r and 0 <= r < ln 2 the series of e**r needs 32 terms, each rounded down once; k is not
    positive, so the error of the sum only shrinks, and that of k ln 2 is at most |k| u where 2**k is left of it.
    """
    power = x // _LN2
    rest = x - power * _LN2
    total = term = ONE
    number = 1
    while term:
        term = (term * rest >> BITS) // number
        total += term
        number += 1
    return total >> -power if power < 0 else total


def root(numerator: int, denominator: int) -> int:
    """Return sqrt(numerator / denominator), rounded down: within 2 u. Both are positive."""
    return isqrt((numerator << 2 * BITS) // denominator)


@lru_cache(maxsize=1 << 16)
def normal_cdf(x: int) -> int:
    """Return the share of the standard normal distribution below x / ONE, within 2**-100.

    N(x) = 1/2 + n(x) (x + x**3/3 + x**5/(3*5) + ...): all terms have the sign of x. The sum grows like 1/n(x), so as
    many bits are carried beyond `BITS` as n(x) is small; then the error is that of n(x) times the sum, and is below
    2**-100 (Abramowitz and Stegun 26.2.11).
    """
    if x < 0:
        return ONE - normal_cdf(-x)
    if x >= FAR:
        return ONE
    half_square = x * x >> BITS + 1
    guard = (half_square * 3 >> BITS + 1) + 16
    bits = BITS + guard
    wide = x << guard
    square = wide * wide >> bits
    total = term = wide
    odd = 3
    while term:
        term = (term * square >> bits) // odd
        total += term
        odd += 2
    return (ONE >> 1) + (_density(wide, bits) * total >> bits + guard)


def _density(x: int, bits: int) -> int:
    """Return n(x) = exp(-x**2 / 2) / sqrt(2 pi), all scaled by 2**bits."""
    half_square = x * x >> bits + 1
    one = 1 << bits
    halvings = 8
    rest = half_square >> halvings
    total = term = one
    number = 1
    while term:
        term = (term * rest >> bits) // number
        total += term
        number += 1
    raised = (one << bits) // total
    for _ in range(halvings):
        raised = raised * raised >> bits
    return raised * (_INVERSE_ROOT_2_PI << bits - BITS) >> bits


_INVERSE_ROOT_2_PI = 2071426749265079226113754381954734


def _scaled(numerator: int, denominator: int, power: int) -> tuple[int, int]:
    """Return numerator / 2**power and denominator, or both times 2**-power."""
    return (numerator, denominator << power) if power >= 0 else (numerator << -power, denominator)
