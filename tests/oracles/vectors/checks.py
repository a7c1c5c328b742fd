"""What the engine gives for the numbers of a published vector. Values are decimal text, in and out.

One value where low, mid and high are the same; two for the middles of an even count, three for
an interval; None for no price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any, TypeAlias

from pydantic import ValidationError

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.units import WAD, format_decimal
from oracles.aggregate import EdgePrice, aggregate
from oracles.freshness import AgePolicy
from oracles.guards.rate import Snapshot
from oracles.interval import Interval, times
from oracles.median import distance_bps, exceeds_bps, middle
from oracles.price import FailureKind, Price, Quote, QuoteFailure
from oracles.pricing import PriceBook
from tests.oracles.evidence import EXACT, NOW_MS, failure, http_settings, quote
from tests.oracles.vectors import on_chain
from tests.oracles.vectors.guard_checks import GUARD_CHECKS
from tests.oracles.vectors.source_checks import SOURCE_CHECKS

Given: TypeAlias = Mapping[str, Any]
EDGE = Edge("ETH", "USD")
WIDE = EXACT.model_copy(update={"max_spread_bps": 10**12, "outlier_floor_bps": 10**12, "frozen_bps": 10**12})
"""However far apart: the median alone is looked at."""
LIMITS = ("min_sources", "max_spread_bps", "max_confidence_bps")


def wad(text: str) -> int:
    """A decimal as wad, cut where it is longer."""
    with localcontext() as context:
        context.prec = 120
        return int(Decimal(text) * WAD)


def shown(low: int | None, mid: int | None, high: int | None) -> object:
    if low is None or mid is None or high is None:
        return None
    if low == high:
        return format_decimal(low, 18)
    ends = [low, high] if mid == (low + high) // 2 else [low, mid, high]
    return [format_decimal(end, 18) for end in ends]


def settings(given: Given, base: AssetSettings = EXACT) -> AssetSettings:
    return base.model_copy(update={limit: given[limit] for limit in LIMITS if limit in given})


def found(given: Given, quotes: Sequence[Quote], base: AssetSettings = WIDE) -> EdgePrice:
    missing: list[Quote | QuoteFailure] = [
        failure(f"missing{number}", FailureKind.UNREACHABLE) for number in range(given.get("missing", 0))
    ]
    aged = [
        replace(each, source_time_ms=NOW_MS - 1_000 * age_s, changed_at_ms=NOW_MS - 1_000 * age_s)
        for each, age_s in zip(quotes, given.get("ages_s", [0] * len(quotes)), strict=True)
    ]
    answers = [*missing, *aged]
    policy = AgePolicy({answer.source: 1_000 * given.get("max_age_s", 60) for answer in answers})
    return aggregate(EDGE, settings(given, base), answers, policy, NOW_MS)


def median(given: Given) -> object:
    values, weights = given["values"], given.get("weights", [1] * len(given["values"]))
    quotes = [
        quote(f"s{number}", wad(value), weight=weight)
        for number, (value, weight) in enumerate(zip(values, weights, strict=True))
    ]
    given = {
        **given,
        "min_sources": given.get("min_sources", max(1, len(values) - len(given.get("refused", ())))),
    }
    if "times" in given:
        given = {**given, "ages_s": [10_000 - time for time in given["times"]], "max_age_s": 10_000}
    price = found(given, quotes, EXACT if "refused" in given else WIDE)
    if "refused" in given:
        assert given["refused"] == [number for number, use in enumerate(price.uses) if not use.used]
    return None if price.interval is None else shown(*price.interval[:3])


def of_all(given: Given) -> object:
    """The weighted middle itself, which has no bounds."""
    values = [int(value) for value in given["values"]]
    low, high = middle(zip(values, given.get("weights", [1] * len(values)), strict=True))
    return str(low) if low == high else [str(low), str(high)]


def confidence(given: Given) -> object:
    quotes = [
        quote(f"s{number}", wad(value), confidence=wad(width))
        for number, (value, width) in enumerate(given["quotes"])
    ]
    price = found(given, quotes)
    if "used" in given:
        assert given["used"] == sum(use.used for use in price.uses)
    if price.interval is None:
        return None
    return [format_decimal(end, 18) for end in price.interval[:3]]


def two_intervals(given: Given, second_pair: str) -> object:
    assets = {"A": EXACT.model_copy(update={"priced_in": "B"}), "B": EXACT}
    pairs = ("A/B", second_pair)
    book = PriceBook(assets, [http_settings(pair[:1] + str(at), pair) for at, pair in enumerate(pairs)])
    book.update(
        [
            quote(pair[:1] + str(at), wad(value), confidence=wad(width), pair=pair)
            for at, (pair, (value, width)) in enumerate(zip(pairs, given["quotes"], strict=True))
        ],
        NOW_MS,
    )
    price = book.current.prices["A"]
    ends = (price.low_wad, price.mid_wad, price.high_wad)
    return None if price.mid_wad is None else [format_decimal(end or 0, 18) for end in ends]


def quotient(given: Given) -> object:
    ends = two_intervals({"quotes": [[given["one"], "0"], [given["other"], "0"]]}, "USD/B")
    if not isinstance(ends, list):
        return None
    with localcontext() as context:
        context.prec = 120
        cut = Decimal(1).scaleb(-given["places"])
        return format(Decimal(Decimal(ends[2]) // cut) * cut, "f")


def prices(given: Given) -> Mapping[str, Price]:
    assets = {
        asset: settings(given).model_copy(update={"priced_in": units[0], "also_priced_in": tuple(units[1:])})
        for asset, units in given["units"].items()
    }
    feeds = [(f"s{at}", pair, value) for at, (pair, value) in enumerate(given["feeds"])]
    sources = [http_settings(name, pair) for name, pair, _ in feeds]
    for pair in [*given.get("dropped", ()), *given.get("refused", ())]:
        assert not loads(assets, pair)
    book = PriceBook(assets, sources)
    book.update([quote(name, wad(value), pair=pair) for name, pair, value in feeds], NOW_MS)
    return book.current.prices


def loads(assets: Mapping[str, AssetSettings], pair: str) -> bool:
    try:
        PriceBook(assets, [http_settings("x", pair)])
    except ValueError:
        return False
    return True


def path(given: Given) -> object:
    price = prices(given)[given["target"]]
    ends = [price.low_wad, price.mid_wad, price.high_wad]
    if "places" in given and price.mid_wad is not None:
        unit = 10 ** (18 - given["places"])
        ends = [(price.mid_wad + unit // 2) // unit * unit] * 3
    return shown(*ends)


def paths(given: Given) -> object:
    return {
        asset: shown(price.low_wad, price.mid_wad, price.high_wad)
        for asset, price in prices(given).items()
        if asset in given["shown"]
    }


def product(given: Given) -> object:
    whole = Interval(WAD, WAD, WAD, NOW_MS)
    for value, time in zip(given["values"], given["times"], strict=True):
        part = times(whole, Interval(wad(value), wad(value), wad(value), time))
        assert part is not None
        whole = part
    return {"price": format_decimal(whole.mid, 18), "timestamp": whole.oldest_ms}


def oldest(given: Given) -> object:
    """The time of a price that is made of quotes of several times."""
    newest = max(given["times"])
    quotes = [quote(f"s{at}", WAD) for at, _ in enumerate(given["times"])]
    ages_s = [newest - time for time in given["times"]]
    interval = found({"ages_s": ages_s, "max_age_s": newest}, quotes).interval
    assert interval is not None
    return newest - (NOW_MS - interval.oldest_ms) // 1_000


def band(given: Given) -> object:
    lower, higher = sorted((wad(given["one"]), wad(given["other"])))
    return not exceeds_bps(higher, lower, given["bps"])


def distance(given: Given) -> object:
    lower, higher = sorted((wad(given["one"]), wad(given["other"])))
    return distance_bps(higher, lower)


def age(given: Given) -> object:
    price = found({**given, "ages_s": [given["age_s"]]}, [quote("s", WAD)])
    return price.interval is not None


def outliers(given: Given) -> object:
    quotes = [quote(f"s{at}", wad(value)) for at, value in enumerate(given["values"])]
    price = found(given, quotes, EXACT)
    return [
        value
        for value, use in zip(given["values"], price.uses, strict=True)
        if use.reason.startswith("outlier")
    ]


def units(given: Given) -> object:
    assets = {asset: EXACT.model_copy(update={"priced_in": own[0]}) for asset, own in given["units"].items()}
    return "loads" if loads(assets, given["pair"]) else None


def setting(given: Given) -> object:
    try:
        AssetSettings.model_validate(given)
    except ValidationError:
        return None
    return "loads"


def rate_cap(given: Given) -> object:
    snapshot = Snapshot(wad(given["snapshot"]), NOW_MS)
    return format_decimal(snapshot.cap_wad(given["growth_bps"], NOW_MS + 1_000 * given["elapsed_s"]), 18)


CHECKS: Mapping[str, Callable[[Given], object]] = {
    **GUARD_CHECKS,
    **SOURCE_CHECKS,
    "age": age,
    "band": band,
    "confidence": confidence,
    "distance": distance,
    "exponent": on_chain.exponent,
    "mean_tick": on_chain.mean_tick,
    "median": median,
    "middle": of_all,
    "oldest": oldest,
    "outliers": outliers,
    "path": path,
    "paths": paths,
    "pool_price": on_chain.pool_price,
    "product": product,
    "product_of": lambda given: two_intervals(given, "B/USD"),
    "quotient": quotient,
    "quotient_of": lambda given: two_intervals(given, "USD/B"),
    "rate_cap": rate_cap,
    "setting": setting,
    "tick_root": on_chain.tick_root,
    "units": units,
    "uptime": on_chain.uptime,
    "within_bounds": on_chain.within_bounds,
}
