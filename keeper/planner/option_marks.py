"""Marks of options: what one contract is worth between the ends of the evidence, by the policy's model.

A price rises with volatility, a call's with the underlying and a put's against it, so the ends of the interval
are prices at the ends of the two boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from config.units import WAD
from keeper.domain.account import Account, CutPoint, OptionPosition
from keeper.domain.health import Interval
from keeper.margin.black76 import Bounds, bounds, deviation, discount
from keeper.margin.evidence import price_box, time_of
from keeper.margin.parameters import RiskPolicy
from keeper.margin.sheet import payoff_wad
from oracles.price import Price


def mark(
    option: OptionPosition, prices: Mapping[str, Price], policy: RiskPolicy, at_s: int
) -> Interval | None:
    """Return what one contract is worth, USD wad, or None without a market or a price.

    From expiry on it is what exercise would give now, and once its underlying's price then is fixed, what that gives.
    """
    market = policy.option_markets.get(option.market)
    if market is None or market.asset != option.asset:
        return None
    boxes = [
        price_box(prices[asset]) if asset in prices else None for asset in (market.asset, market.volatility)
    ]
    underlying, volatility = boxes
    if underlying is None or volatility is None:
        return None
    if option.settlement_wad is not None:
        came_to_wad = payoff_wad(option, option.settlement_wad)
        return Interval(came_to_wad, came_to_wad, came_to_wad)
    tenor_s = max(option.expiry_s - at_s, 0)
    discounted = discount(market.rate_bps, tenor_s)

    def priced(forward_wad: int, volatility_wad: int) -> Bounds:
        return bounds(
            is_call=option.is_call,
            forward=forward_wad,
            strike=option.strike_wad,
            its_deviation=deviation(volatility_wad, WAD, tenor_s),
            discounted=discounted,
        )

    least, most = underlying.low_wad, underlying.high_wad
    if not option.is_call:
        least, most = most, least
    middle = priced(underlying.mid_wad, volatility.mid_wad)
    return Interval(
        priced(least, volatility.low_wad).low,
        (middle.low + middle.high) // 2,
        priced(most, volatility.high_wad).high,
    )


def marks_of(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy, cut: Sequence[CutPoint]
) -> dict[str, int]:
    """Return the middle marks of the account's options by series, as of the newest time in the cut."""
    at_s = time_of(cut)
    if at_s is None:
        return {}
    options: Iterable[OptionPosition] = (option for leg in account.legs for option in leg.options)
    found = {option.series: mark(option, prices, policy, at_s) for option in options}
    return {series: its.mid for series, its in found.items() if its is not None}
