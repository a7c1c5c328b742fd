"""How far sales move a price: depth by asset, and the price that is left after a value was sold.

Depth is what can be sold within one percent, as operators configure it. A sale of x USD multiplies the price by
exp(-x / (100 depth)): the same however it is cut into pieces, and symmetric for purchases (constant
elasticity, the linear permanent impact that Huberman and Stanzl, "Price manipulation and quasi-arbitrage",
Econometrica 72, 2004, show to be the only one free of arbitrage, in logarithms).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

WITHIN = 0.01


def moves_bps(sold_wad: Mapping[str, int], depth_wad: Mapping[str, int | None]) -> dict[str, int]:
    """Return by how many basis points each price has moved once these values were sold (bought if negative).

    An asset without a known depth does not move.
    """
    found: dict[str, int] = {}
    for asset, value_wad in sold_wad.items():
        depth = depth_wad.get(asset)
        if depth:
            factor = exp(max(min(-value_wad / depth * WITHIN, 50.0), -50.0))
            found[asset] = round((factor - 1.0) * 10_000)
    return found
