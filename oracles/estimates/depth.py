"""How much of an asset can be sold: what the operator knows of quiet times, less when its price grows wide.

Venues' tickers carry no order books. But where books are thin, venues differ and are unsure, and the price's
interval is wide: the width is Kyle's price impact seen from outside ("Continuous auctions and insider trading",
Econometrica 53, 1985). So the configured depth shrinks in proportion to it, and it never grows.
"""

from __future__ import annotations

from config.units import BPS, WAD, mul_div_down, mul_div_up
from oracles.estimates.logarithm import half_power_wad
from oracles.price import Price

DEPTH_PARTS = 200
"""The last unit of a market's depth is sold at one percent off, all of it on average at half of that."""


def slippage_wad(sold_wad: int, depth_wad: int) -> int:
    """Return what selling so much costs, USD wad, rounded up: it grows in proportion. `depth_wad` is positive."""
    return mul_div_up(sold_wad, sold_wad, DEPTH_PARTS * depth_wad)


class DepthMeter:
    """The weighted mean width of one asset's interval, forgotten by half in a half-life."""

    def __init__(self, half_life_ms: int) -> None:
        self._half_life_ms = half_life_ms
        self._width_bps_wad: int | None = None
        self._at_ms = 0

    def take(self, price: Price, now_ms: int) -> None:
        """Look at a price. One that is held or unavailable says nothing about depth."""
        low, mid, high = price.low_wad, price.mid_wad, price.high_wad
        if low is None or mid is None or high is None or price.holds:
            return
        width = mul_div_down((high - low) * BPS, WAD, mid)
        known = self._width_bps_wad
        if known is None:
            self._width_bps_wad = width
        else:
            left_wad = half_power_wad(max(now_ms - self._at_ms, 0), self._half_life_ms)
            self._width_bps_wad = (known * left_wad + width * (WAD - left_wad)) // WAD
        self._at_ms = now_ms

    def depth_wad(self, quiet_depth_wad: int, lowest_wad: int, quiet_width_bps: int) -> int:
        """Return what can be sold within one percent, USD wad: at most the quiet depth, at least the lowest."""
        width, quiet = self._width_bps_wad, quiet_width_bps * WAD
        if width is None or width <= quiet:
            return max(quiet_depth_wad, lowest_wad)
        return max(mul_div_down(quiet_depth_wad, quiet, width), lowest_wad)
