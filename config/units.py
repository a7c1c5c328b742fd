"""Fixed-point integers: the one way numbers are written, scaled and rounded.

Prices, values and position sizes are `wad`: integers scaled by 10**18. Shares of a
whole are basis points (`bps`): 10_000 is all of it. Token amounts are the token's own
raw units and always travel with the token's decimals. Nothing that decides is a float.

Every division names its rounding direction, so that a reader can check at the call
site that it rounds against liquidation.
"""

from __future__ import annotations

import re

WAD = 10**18
BPS = 10_000

_DECIMAL = re.compile(r"(?a:[0-9]{1,40})(?:\.(?a:[0-9]{1,36}))?")


def mul_div_down(x: int, y: int, denominator: int) -> int:
    """Return x * y / denominator rounded toward minus infinity. `denominator` is positive."""
    return x * y // denominator


def mul_div_up(x: int, y: int, denominator: int) -> int:
    """Return x * y / denominator rounded toward plus infinity. `denominator` is positive."""
    return -(-(x * y) // denominator)


def parse_decimal(text: str, decimals: int) -> int:
    """Read a plain non-negative decimal such as ``"1.05"`` as an integer scaled by 10**decimals.

    Only ASCII digits and one point are read: no sign, exponent, separator or space, so
    that what a person reads and what is computed are the same. Raises ``ValueError`` for
    any other text and for more fractional digits than `decimals` can hold exactly.
    """
    if not _DECIMAL.fullmatch(text):
        message = f'{text!r} is not a plain decimal number such as "1.05"'
        raise ValueError(message)
    whole, _, fraction = text.partition(".")
    kept = fraction.rstrip("0")
    if len(kept) > decimals:
        message = f"{text!r} has more than {decimals} fractional digits"
        raise ValueError(message)
    scaled: int = int(whole) * 10**decimals + int(kept.ljust(decimals, "0") or "0")
    return scaled


def format_decimal(scaled: int, decimals: int, places: int | None = None) -> str:
    """Write a scaled integer as a decimal, cut (not rounded) to `places`, for people to read."""
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**decimals)
    fraction = str(rest).rjust(decimals, "0") if decimals else ""
    fraction = fraction.rstrip("0") if places is None else fraction[:places]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parse_wad(text: str) -> int:
    """Read a plain decimal as an integer scaled by 10**18."""
    return parse_decimal(text, 18)


def format_wad(scaled: int, places: int = 4) -> str:
    """Write a wad for people to read, cut to `places`."""
    return format_decimal(scaled, 18, places)
