"""What judging needs of each kind of venue: its own arithmetic, its prices, and one borrower's part of its state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from chains.venues.aave_v3 import slice as aave_slice
from chains.venues.aave_v3.liquidation import best_liquidation
from chains.venues.aave_v3.state import PoolState
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.morpho_blue import slice as morpho_slice
from chains.venues.morpho_blue.liquidation import after, carried_out
from chains.venues.morpho_blue.shares import PRICE_SCALE
from chains.venues.morpho_blue.state import MarketsState
from chains.venues.morpho_blue.venue import MorphoBlue
from chains.venues.reading import Answer, Question
from chains.venues.venue import Borrower, Liquidation, Venue
from config.canonical import canonical_json
from keeper.planner.codec import decode, encode


@dataclass(frozen=True, slots=True)
class ProtocolPrice:
    """P of one token: what the venue itself takes one whole unit for.

    `key` tells it from the venue's other prices. `numerator / denominator` is dollars for one whole unit where
    `quoted_in` is empty, else raw units of that token for one raw unit of `token`. No numerator: the venue has none.
    """

    key: str
    token: str
    quoted_in: str
    numerator: int | None
    denominator: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of venue. `gas_used` is what a liquidation by a flash swap takes there, measured, rounded up.

    `repriced` is the state in which the price with this key has another numerator. `carried_out` is what the call of a plan does in a block of a time, and `after` the state that it leaves to those
    after it in the same block.
    """

    arithmetic: Venue[Any]
    slice_type: type[Any]
    cut: Callable[[Any, Borrower], Any]
    join: Callable[[Any], Any]
    prices: Callable[[Any, int], tuple[ProtocolPrice, ...]]
    gas_used: int
    repriced: Callable[[Any, str, int], Any]
    carried_out: Callable[[Any, Liquidation, int], Liquidation | None]
    after: Callable[[Any, Liquidation, int], Any]

    def written(self, state: object, borrower: Borrower) -> str:
        """Return the borrower's part of the state as canonical text."""
        return canonical_json(encode(self.cut(state, borrower)))

    def read(self, text: str) -> Any:  # noqa: ANN401 - each kind has a state of its own
        """Return the state that `written` wrote. Raises ``ValueError``."""
        return self.join(decode(self.slice_type, json.loads(text)))


class _NoChain:
    """Arithmetic asks no node."""

    async def call_many(self, calls: Sequence[Question], block_hash: str) -> list[Answer]:
        """Refuse."""
        raise NotImplementedError(f"{len(calls)} calls at {block_hash}")


def _at_the_pool(state: PoolState, planned: Liquidation, now_s: int) -> Liquidation | None:
    """Return what repaying up to the plan's amount does; the pool takes no more than it allows."""
    limits = {planned.debt_asset: planned.repay_argument}
    found = best_liquidation(state, planned.borrower, now_s, limits)
    return found if isinstance(found, Liquidation) else None


def _undisturbed(state: PoolState, done: Liquidation, now_s: int) -> PoolState:  # noqa: ARG001 - nothing changes
    """Return the same: on Aave what others owe and have in this second does not depend on it."""
    return state


def _aave_prices(state: PoolState, price_decimals: int) -> tuple[ProtocolPrice, ...]:
    """Return each reserve's price, and of modes with a price of their own that one beside it."""
    unit = 10**price_decimals
    found = [
        ProtocolPrice(reserve.asset, reserve.asset, "", reserve.price, unit)
        for reserve in state.reserves.values()
    ]
    for mode in state.emodes.values():
        members = (
            each for each in state.reserves.values() if each.configuration.emode_category == mode.category
        )
        if mode.has_source:
            found += [
                ProtocolPrice(f"{reserve.asset}/{mode.category}", reserve.asset, "", mode.price, unit)
                for reserve in members
            ]
    return tuple(found)


def _morpho_prices(state: MarketsState, price_decimals: int) -> tuple[ProtocolPrice, ...]:  # noqa: ARG001 - no dollars
    return tuple(
        ProtocolPrice(
            name, market.parameters.collateral_asset, market.parameters.loan_asset, market.price, PRICE_SCALE
        )
        for name, market in state.markets.items()
    )


def _aave_repriced(state: PoolState, key: str, numerator: int) -> PoolState:
    reserves = {
        number: replace(reserve, price=numerator) if reserve.asset == key else reserve
        for number, reserve in state.reserves.items()
    }
    return replace(state, reserves=reserves)


def _morpho_repriced(state: MarketsState, key: str, numerator: int) -> MarketsState:
    market = replace(state.markets[key], price=numerator)
    return replace(state, markets={**state.markets, key: market})


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "aave_v3": Kind(
            AaveV3(_NoChain(), ""),
            aave_slice.PoolSlice,
            aave_slice.cut,
            aave_slice.join,
            _aave_prices,
            gas_used=500_000,
            repriced=_aave_repriced,
            carried_out=_at_the_pool,
            after=_undisturbed,
        ),
        "morpho_blue": Kind(
            MorphoBlue(_NoChain(), "", ()),
            morpho_slice.MarketSlice,
            morpho_slice.cut,
            morpho_slice.join,
            _morpho_prices,
            gas_used=230_000,
            repriced=_morpho_repriced,
            carried_out=carried_out,
            after=after,
        ),
    }
)
"""By the name that the configuration gives it. A new venue is one more line."""
