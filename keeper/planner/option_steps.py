"""Options in a plan: what liquidating one does to a leg, by the hub's and its desk's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chains.hub.options import item_of
from config.units import WAD, mul_div_down
from keeper.domain.account import Leg, OptionPosition
from keeper.planner.facts import OptionMarketFacts, VenueFacts
from keeper.planner.ground import Prices
from keeper.planner.hub_arithmetic import realise
from keeper.planner.option_arithmetic import penalty_price, traded_price, worth

MAX_SERIES = 8
"""What one leg can hold (MAX_SERIES of the desk)."""


@dataclass(frozen=True, slots=True)
class ClosedOption:
    """A leg and its pool's cash after a part of an option was closed. `penalty` is what was taken, raw stable."""

    leg: Leg
    pool_cash: int
    size: int
    value_wad: int
    penalty: int


def option_of(leg: Leg, item: int) -> OptionPosition | None:
    """Return the leg's option that attestations call `item`."""
    return next((option for option in leg.options if item_of(option.series) == item), None)


def listing_of(venue: VenueFacts, option: OptionPosition) -> OptionMarketFacts | None:
    """Return how the chain's desk lists the option's market."""
    return next((market for market in venue.option_markets if market.market == option.market), None)


def option_closed(
    leg: Leg, venue: VenueFacts, item: int, size: int, pool_cash: int, prices: Prices
) -> ClosedOption | str:
    """Return the leg after closing up to `size` contracts at the option's mark, or why the hub would refuse it."""
    option = option_of(leg, item)
    listing = listing_of(venue, option) if option is not None else None
    if option is None or listing is None:
        return "no such option"
    price_wad = prices.option(option.series)
    if price_wad is None or not prices.known(leg.chain, option.asset):
        return f"the option on {option.asset} has no price"
    size = min(size, abs(option.size_wad))
    if size == 0:
        return "size"
    closed = size if option.size_wad > 0 else -size
    penalty_wad = penalty_price(listing, price_wad, prices.at(leg.chain, option.asset))
    settled = realise(
        leg,
        venue.stable,
        prices.at(leg.chain, venue.stable.asset),
        pool_cash,
        result=worth(closed, price_wad),
        penalty_wad=mul_div_down(size, penalty_wad, WAD),
    )
    if settled is None:
        return "the pool can not pay the gain"
    return ClosedOption(
        with_option(settled.leg, option, option.size_wad - closed),
        settled.pool_cash,
        size,
        mul_div_down(size, price_wad, WAD),
        settled.penalty,
    )


def option_traded(
    leg: Leg, venue: VenueFacts, option: OptionPosition, delta_wad: int, price_wad: int, prices: Prices
) -> Leg | str:
    """Return the leg after its owner traded `delta_wad` contracts at an attested price, or why it would be refused.

    `option` names the series; what the leg holds of it is looked up.
    """
    listing = listing_of(venue, option)
    if listing is None or not prices.known(leg.chain, option.asset):
        return f"option market {option.market} on {leg.chain} is not known or has no price"
    held = next((its.size_wad for its in leg.options if its.series == option.series), 0)
    if held == 0 and len(leg.options) >= MAX_SERIES:
        return f"the leg on {leg.chain} holds {MAX_SERIES} series already"
    premium_wad = traded_price(listing, price_wad, prices.at(leg.chain, option.asset), delta_wad)
    settled = realise(
        leg,
        venue.stable,
        prices.at(leg.chain, venue.stable.asset),
        venue.pool_cash,
        result=worth(-delta_wad, premium_wad),
    )
    if settled is None:
        return f"the pool on {leg.chain} can not pay the premium"
    return with_option(settled.leg, option, held + delta_wad)


def with_option(leg: Leg, option: OptionPosition, size_wad: int) -> Leg:
    """Return the leg holding `size_wad` of this option."""
    others = [held for held in leg.options if held.series != option.series]
    if size_wad:
        others.append(replace(option, size_wad=size_wad))
    return replace(leg, options=tuple(sorted(others, key=lambda held: held.series)))
