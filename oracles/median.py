"""Robust statistics on positive integers: weighted middles, bands of ratios, outliers.

A distance of `x` basis points means: the larger value is at most `1 + x / 10_000` times
the smaller. That is the band ``|ln(a/b)| <= ln(1 + x/10_000)``: the same from both sides,
adding up along a path, and decided here by whole numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from config.units import BPS, mul_div_down, mul_div_up

OUTLIER_FACTOR = 5
"""How many median absolute deviations are still near: 5 is a robust z-score of 3.4 (5 / 1.4826)."""


def middle(weighted: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Return the weighted median of (value, weight) as its lower and upper middle.

    The lower is the first value at which half of the weight is reached, the upper the first
    at which it is passed; with an odd count of equal weights they are the same. Nothing is
    averaged: both are values that were quoted. Raises ``ValueError`` without any weight.
    """
    ordered = sorted(weighted)
    total = sum(weight for _, weight in ordered)
    reached = 0
    lower: int | None = None
    for value, weight in ordered:
        reached += weight
        if lower is None and 2 * reached >= total:
            lower = value
        if lower is not None and 2 * reached > total:
            return lower, value
    message = "the median of nothing is not a number"
    raise ValueError(message)


def exceeds_bps(high: int, low: int, bps: int) -> bool:
    """Return whether `high` is more than `bps` above `low`, both positive."""
    return high * BPS > low * (BPS + bps)


def distance_bps(high: int, low: int) -> int:
    """Return how far `high` is above `low` in whole basis points, rounded down, for people to read."""
    return mul_div_down(high - low, BPS, low)


def widened(low: int, high: int, bps: int) -> tuple[int, int]:
    """Return the interval with both ends `bps` further out, rounded outward."""
    return mul_div_down(low, BPS, BPS + bps), mul_div_up(high, BPS + bps, BPS)


def outliers(votes: Mapping[str, tuple[int, int]], floor_bps: int) -> dict[str, int]:
    """Return the votes far from the middle of all, with their distance in basis points.

    A vote is an interval; its distance is that of its further end from the two middle
    values, as a ratio. Far is more than `OUTLIER_FACTOR` median absolute deviations of the
    logarithms, and more than `floor_bps`: a multiple of a logarithm is a power of the
    ratio, so no logarithm is taken. Votes count equally here, whatever their weight.
    """
    lower = middle([(low, 1) for low, _ in votes.values()])[0]
    upper = middle([(high, 1) for _, high in votes.values()])[1]
    if all(
        low * (BPS + floor_bps) >= lower * BPS and high * BPS <= upper * (BPS + floor_bps)
        for low, high in votes.values()
    ):
        return {}
    ratios = {
        name: max(Fraction(lower, low), Fraction(high, upper), Fraction(1))
        for name, (low, high) in votes.items()
    }
    deviation = sorted(ratios.values())[len(ratios) // 2]
    limit = max(deviation**OUTLIER_FACTOR, Fraction(BPS + floor_bps, BPS))
    return {name: int((ratio - 1) * BPS) for name, ratio in ratios.items() if ratio > limit}
