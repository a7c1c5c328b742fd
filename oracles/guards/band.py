"""A band of ratios that widens with the square root of time, in whole numbers only.

What moves at random is expected as far away as the square root of the time it had. So a limit on
moves that widens that way is equally strict at every horizon, and reaches any level in
time: no price that stands is held for ever for having been far from an old one.
"""

from __future__ import annotations

from config.units import BPS

LARGEST_RATIO = 2
"""Beyond it two prices of one asset are not apart but of another size: a scale or a factor is wrong, or a world ended."""


def apart(a: int, b: int) -> tuple[int, int]:
    """Return the two as (high, low)."""
    return (a, b) if a >= b else (b, a)


def beyond(a: int, b: int, max_move_bps: int, interval_ms: int, elapsed_ms: int) -> bool:
    """Return whether two positive values are further apart than `elapsed_ms` allow.

    Allowed is a ratio of ``1 + max_move * sqrt(elapsed / interval)``, and never less than that of one interval.
    """
    high, low = apart(a, b)
    moved = (high - low) * BPS
    allowed = low * max_move_bps
    return moved * moved * interval_ms > allowed * allowed * max(elapsed_ms, interval_ms)


def reached_ms(a: int, b: int, max_move_bps: int, interval_ms: int) -> int:
    """Return after how much time the two are not beyond the band any more. `max_move_bps` is positive."""
    high, low = apart(a, b)
    moved = (high - low) * BPS
    allowed = low * max_move_bps
    return max(-(-moved * moved * interval_ms // (allowed * allowed)), interval_ms)


def another_size(a: int, b: int) -> bool:
    """Return whether one of two positive values is more than `LARGEST_RATIO` times the other."""
    high, low = apart(a, b)
    return high > LARGEST_RATIO * low


def milliseconds(seconds: float) -> int:
    """Return a setting in seconds as the milliseconds that are compared."""
    return round(seconds * 1_000)
