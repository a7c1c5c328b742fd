"""The exponentially weighted variance of returns, by time and not by count.

A return's square per unit of time is averaged with weights that halve in a half-life. J.P. Morgan's
RiskMetrics (1996) with its decay taken over the time between irregular samples.
"""

from __future__ import annotations

from config.units import WAD
from oracles.estimates.logarithm import half_power_wad, root_wad
from oracles.estimates.samples import Return

YEAR_MS = 365 * 86_400_000


class Ewma:
    """Two numbers: the weighted squares and the weights, so that a young estimate is not biased to zero."""

    def __init__(self, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._squares = 0
        self._weights = 0

    def add(self, one: Return) -> None:
        """Take a return. Its weight is the time it took."""
        left_wad = half_power_wad(one.elapsed_ms, self._half_life_ms)
        self._squares = self._squares * left_wad // WAD + one.log_wad * one.log_wad
        self._weights = self._weights * left_wad // WAD + one.elapsed_ms * WAD

    def annualised_wad(self) -> int | None:
        """Return the volatility per year, or None before the first return."""
        if not self._weights:
            return None
        return root_wad(self._squares * YEAR_MS // self._weights)
