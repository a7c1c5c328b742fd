"""How sure a market is of its price: as far as the farther side of its book."""

from __future__ import annotations

from oracles.price import FailureKind
from oracles.sources.origin import BadAnswer


def spread_wad(value_wad: int, bid_wad: int, ask_wad: int) -> int:
    """Return how far a price is from the farther of bid and ask: half the spread for one in the middle.

    Raises `BadAnswer` where the bid is above the ask.
    """
    if bid_wad > ask_wad:
        raise BadAnswer(FailureKind.NOT_A_PRICE, "the bid is above the ask")
    return max(value_wad - bid_wad, ask_wad - value_wad)
