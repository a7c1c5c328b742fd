"""Integers with a power of ten, as Pyth publishes prices: what they are in fixed decimals.

The limits are those of Pyth's own conversion (`PythUtils`): an exponent of at least -255, and together with
the decimals at most 58 to either side, which is what 256 bits hold.
"""

from __future__ import annotations

from config.units import mul_div_down, mul_div_up
from oracles.price import FailureKind
from oracles.sources.origin import BadAnswer

LEAST_EXPONENT = -255
MOST_SHIFT = 58


def to_decimals_down(value: int, exponent: int, decimals: int) -> int:
    """Return ``value * 10**exponent`` in units of ``10**-decimals``, cut. Raises `BadAnswer`."""
    shift = _shift(value, exponent, decimals)
    return value * 10**shift if shift >= 0 else mul_div_down(value, 1, 10**-shift)


def to_decimals_up(value: int, exponent: int, decimals: int) -> int:
    """Return the same rounded up: for a width, which is never less than was said. Raises `BadAnswer`."""
    shift = _shift(value, exponent, decimals)
    return value * 10**shift if shift >= 0 else mul_div_up(value, 1, 10**-shift)


def _shift(value: int, exponent: int, decimals: int) -> int:
    if value < 0:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"{value} is below zero")
    if exponent < LEAST_EXPONENT:
        raise BadAnswer(FailureKind.MALFORMED, f"exponent {exponent}")
    shift = decimals + exponent
    if abs(shift) > MOST_SHIFT:
        raise BadAnswer(FailureKind.MALFORMED, f"exponent {exponent} is out of bounds")
    return shift
