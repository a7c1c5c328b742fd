"""The price graph: an asset's edges, multiplied by what their units are worth in the same tick.

Each asset has an edge per unit (`config.pairs`); a unit that is an asset comes before it,
so that there is an order, no circle, and never a price of the last tick. A path is an edge
and whatever path its unit's own price took; what a guard took from the unit, no path over it has.

Of the paths that give a price, the one of fewest bands (pairs: each adds its own band of
deviation) is taken, then the one whose weakest pair has most independence groups, then the narrowest,
then the first in the configuration. Another path that gives a price must not contradict
it: beyond the intervals, they may lie as many `max_spread_bps` apart as the longer has
pairs. Two quorums that contradict each other are evidence for neither, and there is no price.

Status is *ok* when every configured source of the asset could be used (whether or not its
path was taken), the first of its paths gives a price, and the unit's price is ok;
*degraded* when there is a price otherwise; *unavailable* without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from config.asset_settings import AssetSettings
from config.pairs import UNIT
from oracles.aggregate import NO_PRICE, EdgePrice
from oracles.interval import Interval, apart, exceeds_bands, times
from oracles.median import distance_bps
from oracles.price import Path, Price, PriceStatus, QuoteUse

PATH_NOT_TAKEN = "path_not_taken"
REASON_LENGTH = 200


class Way(NamedTuple):
    """A path to one of an asset's units, and what comes of it."""

    edge: EdgePrice
    via: Price | None
    interval: Interval | None
    reason: str


def price_of(
    asset: str, settings: AssetSettings, edges: Sequence[EdgePrice], prices: Mapping[str, Price]
) -> Price:
    """Return the price of `asset` from its edges, the preferred one first, and `prices` of its units.

    Raises ``KeyError`` if the price of a unit is missing.
    """
    ways = [_way(edge, prices) for edge in edges]
    if len(ways) == 1:
        (taken,) = ways
        return _price(asset, taken, taken.edge.uses, ())
    open_ways = [way for way in ways if way.interval is not None]
    if not open_ways:
        reason = "; ".join(f"{way.edge.edge}: {way.reason}" for way in ways)
        return _several(asset, ways, ways[0]._replace(reason=reason))
    taken = min(open_ways, key=_rank)
    for way in open_ways:
        if contradiction := _contradiction(taken, way, settings):
            return _several(asset, ways, taken._replace(interval=None, reason=contradiction))
    return _several(asset, ways, taken)


def pairs_of(way: Way) -> tuple[str, ...]:
    """Return the pairs of a path, from the asset to USD."""
    return (str(way.edge.edge), *_pairs_to_usd(way.via))


def _way(edge: EdgePrice, prices: Mapping[str, Price]) -> Way:
    unit = edge.edge.unit
    if unit == UNIT:
        return Way(edge, None, edge.interval, edge.reason)
    via = prices[unit]
    if edge.interval is None:
        return Way(edge, via, None, edge.reason)
    price = _interval_of(via)
    if price is None:
        return Way(edge, via, None, f"via {unit}: {via.reason}"[:REASON_LENGTH])
    product = times(edge.interval, price)
    return Way(edge, via, product, "" if product else "value: the product is out of bounds")


def _interval_of(price: Price) -> Interval | None:
    low, mid, high, oldest_ms = price.low_wad, price.mid_wad, price.high_wad, price.oldest_ms
    if low is None or mid is None or high is None or oldest_ms is None:
        return None
    return Interval(low, mid, high, oldest_ms)


def _rank(way: Way) -> tuple[int, int, Fraction]:
    assert way.interval is not None  # noqa: S101 - only paths with a price are ranked
    width = Fraction(way.interval.high, way.interval.low)
    return len(pairs_of(way)), -_groups(way), width


def _groups(way: Way) -> int:
    return min(way.edge.groups, _groups_to_usd(way.via)) if way.via else way.edge.groups


def _groups_to_usd(price: Price | None) -> int:
    """Return the least number of groups of any pair on the path that a price took."""
    if price is None:
        return 0
    own = len({use.quote.group for use in price.uses if use.used})
    return min(own, _groups_to_usd(price.via)) if price.via else own


def _pairs_to_usd(price: Price | None) -> tuple[str, ...]:
    if price is None:
        return ()
    unit = UNIT if price.via is None else price.via.asset
    return (f"{price.asset}/{unit}", *_pairs_to_usd(price.via))


def _contradiction(taken: Way, other: Way, settings: AssetSettings) -> str | None:
    if taken.interval is None or other.interval is None:
        return None
    high, low = apart(taken.interval, other.interval)
    bands = max(len(pairs_of(taken)), len(pairs_of(other)))
    if not exceeds_bands(high, low, settings.max_spread_bps, bands):
        return None
    names = " and ".join(" x ".join(pairs_of(way)) for way in (taken, other))
    limit = f"{bands} times {settings.max_spread_bps} bps"
    return f"paths: {names} are {distance_bps(high, low)} bps apart, limit {limit}"[:REASON_LENGTH]


def _several(asset: str, ways: Sequence[Way], taken: Way) -> Price:
    """Return the price by one of several ways, with what the others saw."""
    uses: list[QuoteUse] = []
    for way in ways:
        same = way.edge is taken.edge
        uses += way.edge.uses if same else [_passed_over(use) for use in way.edge.uses]
    uses.sort(key=_source)
    paths = tuple(_path(way, is_taken=way.edge is taken.edge and taken.interval is not None) for way in ways)
    price = _price(asset, taken, tuple(uses), paths)
    first = ways[0]
    if taken.interval is None or first.interval is not None:
        return price
    reason = f"{first.edge.edge} has no price: {first.reason}"
    return replace(
        price,
        status=PriceStatus.DEGRADED,
        reason="; ".join(filter(None, (reason, price.reason)))[:REASON_LENGTH],
    )


def _source(use: QuoteUse) -> str:
    return use.quote.source


def _passed_over(use: QuoteUse) -> QuoteUse:
    usable = use.used or use.reason == NO_PRICE
    return QuoteUse(use.quote, used=False, reason=PATH_NOT_TAKEN) if usable else use


def _path(way: Way, *, is_taken: bool) -> Path:
    low, mid, high, _ = way.interval or (None, None, None, None)
    return Path(pairs_of(way), is_taken, _groups(way), low, mid, high, way.reason)


def _price(asset: str, way: Way, uses: tuple[QuoteUse, ...], paths: tuple[Path, ...]) -> Price:
    interval = way.interval
    if interval is None:
        if way.edge.interval is not None:
            uses = tuple(
                QuoteUse(use.quote, used=False, reason=NO_PRICE) if use.used else use for use in uses
            )
        reason = way.reason[:REASON_LENGTH]
        return Price(
            asset, PriceStatus.UNAVAILABLE, reason, None, None, None, None, uses, way.via, paths=paths
        )
    reason = _degradation(uses, way.via)
    return Price(
        asset=asset,
        status=PriceStatus.DEGRADED if reason else PriceStatus.OK,
        reason=reason,
        low_wad=interval.low,
        mid_wad=interval.mid,
        high_wad=interval.high,
        oldest_ms=interval.oldest_ms,
        uses=uses,
        via=way.via,
        paths=paths,
    )


def _degradation(uses: Sequence[QuoteUse], via: Price | None) -> str:
    unused = [
        f"{use.quote.source} {use.reason.partition(':')[0]}"
        for use in uses
        if not use.used and use.reason != PATH_NOT_TAKEN
    ]
    parts = [f"{len(unused)} of {len(uses)} sources unused: {', '.join(unused)}"] if unused else []
    if via is not None and via.status is PriceStatus.DEGRADED:
        parts.append(f"via {via.asset}: {via.reason}")
    return "; ".join(parts)[:REASON_LENGTH]
