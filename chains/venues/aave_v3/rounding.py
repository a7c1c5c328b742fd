"""Aave's fixed point: products and quotients of wad, ray and percent, each rounded half up.

Source: WadRayMath and PercentageMath of Aave v3.0.2. Later versions name directions; these do not.
"""

from __future__ import annotations

WAD = 10**18
RAY = 10**27
PERCENT = 10_000


def ray_mul_half_up(a: int, b: int) -> int:
    """Return a * b / ray."""
    return (a * b + RAY // 2) // RAY


def ray_div_half_up(a: int, b: int) -> int:
    """Return a * ray / b."""
    return (a * RAY + b // 2) // b


def wad_div_half_up(a: int, b: int) -> int:
    """Return a * wad / b."""
    return (a * WAD + b // 2) // b


def percent_mul_half_up(value: int, percentage_bps: int) -> int:
    """Return the percentage of the value."""
    return (value * percentage_bps + PERCENT // 2) // PERCENT


def percent_div_half_up(value: int, percentage_bps: int) -> int:
    """Return that of which the value is the percentage."""
    return (value * PERCENT + percentage_bps // 2) // percentage_bps
