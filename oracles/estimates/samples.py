"""From price sets to returns: one sample per interval, and none from what says nothing new.

A price that is unavailable, held, or made of quotes that were all seen before is no sample. Prices
are looked at once per interval and not with every tick: the noise between two venues would else be taken for
movement. After a gap the return is spread over the time it had.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracles.estimates.logarithm import log_ratio_wad
from oracles.price import Price, Quote


@dataclass(frozen=True, slots=True)
class Return:
    """A logarithmic return (wad) and the time it took."""

    log_wad: int
    elapsed_ms: int


class Sampler:
    """The last sample of one asset."""

    def __init__(self, sample_ms: int) -> None:
        self._sample_ms = sample_ms
        self._mid_wad: int | None = None
        self._at_ms = 0
        self._newest_ms = 0

    def take(self, price: Price, now_ms: int) -> Return | None:
        """Return the return since the last sample, if the price is a new one."""
        if price.mid_wad is None or price.holds:
            return None
        newest_ms = max(
            (use.quote.time_ms for use in price.uses if use.used and isinstance(use.quote, Quote)), default=0
        )
        before_wad, elapsed_ms = self._mid_wad, now_ms - self._at_ms
        if elapsed_ms < 0:
            # The clock was set back: how long the return took is not known.
            before_wad = None
        if before_wad is not None and (elapsed_ms < self._sample_ms or newest_ms <= self._newest_ms):
            return None
        self._mid_wad, self._at_ms, self._newest_ms = price.mid_wad, now_ms, newest_ms
        return None if before_wad is None else Return(log_ratio_wad(price.mid_wad, before_wad), elapsed_ms)
