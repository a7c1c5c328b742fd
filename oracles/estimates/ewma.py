"""The exponentially weighted variance of returns, by time and not by count, that one bad print does not move.

A return's square per unit of time is averaged with weights that halve in a half-life: J.P. Morgan's
RiskMetrics (1996) with its decay taken over the time between irregular samples. The returns are those of running
medians of three prices (Tukey, "Exploratory Data Analysis", 1977, chapter 7): what the next return or the one before
undoes does not count, so a single wrong price leaves nothing, while a move that stays counts one sample later.
"""

from __future__ import annotations

from config.units import WAD
from oracles.estimates.logarithm import half_power_wad, root_wad
from oracles.estimates.samples import Return

YEAR_MS = 365 * 86_400_000
SMOOTHED_FACTOR_WAD = 2_002_525_746_684_806_000
"""Makes the mean square of such returns that of normal ones. With |x|, |y|, |z| of three neighbours it is one over
``E[(|y| - [xy<0] min(|x|, |y|) - [yz<0] min(|z|, |y|))**2] = 1 - 2/pi + E[min(|x|, |y|) min(|z|, |y|)] / 2``, with
0.27197826 for the last expectation. A jump that stays counts that much more.
"""


class Ewma:
    """Two numbers, the weighted squares and the weights, so that a young estimate is not biased to zero, and two returns."""

    def __init__(self, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._squares = 0
        self._weights = 0
        self._before: Return | None = None
        self._last: Return | None = None

    def add(self, one: Return) -> None:
        """Take a return, and count the one before it. Its weight is the time it took."""
        before, last = self._before, self._last
        self._before, self._last = last, one
        if before is None or last is None:
            return
        left_wad = half_power_wad(last.elapsed_ms, self._half_life_ms)
        kept_wad = last.log_wad - _undone_wad(last, before) - _undone_wad(last, one)
        self._squares = self._squares * left_wad // WAD + kept_wad * kept_wad
        self._weights = self._weights * left_wad // WAD + last.elapsed_ms * WAD

    def annualised_wad(self) -> int | None:
        """Return the volatility per year, or None before the third return."""
        if not self._weights:
            return None
        return root_wad(self._squares * SMOOTHED_FACTOR_WAD // WAD * YEAR_MS // self._weights)


def _undone_wad(one: Return, neighbour: Return) -> int:
    """Return how much of `one` the neighbour goes the other way, with the sign of `one`."""
    a_wad, b_wad = one.log_wad, neighbour.log_wad
    if a_wad > 0 > b_wad:
        return min(a_wad, -b_wad)
    return max(a_wad, -b_wad) if a_wad < 0 < b_wad else 0
