"""The realised volatility of the last samples, robust against jumps and bad prints.

The median of the squared returns, each over its time, stands for all of them: up to half of the samples may be
anything. For normal returns that median is 0.4549 (the middle of chi-squared with one degree of freedom) of their
variance, the square of the familiar 1 / 1.4826 of median absolute deviations (Rousseeuw and Croux, "Alternatives to
the median absolute deviation", Journal of the American Statistical Association 88, 1993).
A wick is two large returns side by side, which nearest-neighbour measures take for movement.
"""

from __future__ import annotations

from collections import deque
from math import isqrt

from config.units import WAD
from oracles.estimates.ewma import YEAR_MS
from oracles.estimates.samples import Return

WINDOW = 64
"""Returns kept, per asset."""
MEDIAN_FACTOR_WAD = 2_198_109_338_317_732_000
"""1 / 0.4549: makes the median of squared normal returns as large as their variance."""


class Realised:
    """The last `WINDOW` returns."""

    def __init__(self) -> None:
        self._returns: deque[Return] = deque(maxlen=WINDOW)

    def add(self, one: Return) -> None:
        """Take a return."""
        self._returns.append(one)

    def annualised_wad(self) -> int | None:
        """Return the volatility per year, or None before the first return."""
        rates = sorted(one.log_wad * one.log_wad * YEAR_MS // one.elapsed_ms for one in self._returns)
        if not rates:
            return None
        return isqrt(rates[len(rates) // 2] * MEDIAN_FACTOR_WAD // WAD)
