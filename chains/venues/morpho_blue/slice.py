"""One borrower and its market, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from chains.venues.morpho_blue.state import Holding, Market, MarketsState
from chains.venues.venue import Borrower


@dataclass(frozen=True, slots=True)
class MarketSlice:
    """A `MarketsState` of one borrower, flat, so that it can be written down."""

    block_hash: str
    timestamp_s: int
    borrower: Borrower
    market: Market
    holding: Holding


def cut(state: MarketsState, borrower: Borrower) -> MarketSlice:
    """Return the borrower's part of the state. Raises ``KeyError`` for one that was not read."""
    return MarketSlice(
        block_hash=state.block_hash,
        timestamp_s=state.timestamp_s,
        borrower=borrower,
        market=state.markets[borrower.market],
        holding=state.holdings[borrower],
    )


def join(part: MarketSlice) -> MarketsState:
    """Return the state that holds this borrower alone."""
    return MarketsState(
        block_hash=part.block_hash,
        timestamp_s=part.timestamp_s,
        markets={part.borrower.market: part.market},
        holdings={part.borrower: part.holding},
    )
