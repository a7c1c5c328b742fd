"""Quotes and settings of the price tests, written short. Values are whole numbers of the unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.source_settings import HttpSourceSettings
from config.units import WAD
from oracles import graph
from oracles.aggregate import aggregate
from oracles.freshness import AgePolicy
from oracles.price import FailureKind, Price, Quote, QuoteFailure

NOW_MS = 1_700_000_000_000
MAX_AGE_MS = 30_000

EXACT = AssetSettings(
    floor_bps=0,
    widen_bps_per_minute=0,
    min_sources=1,
    min_groups=1,
    max_spread_bps=10_000,
    max_confidence_bps=10_000,
)
"""An interval is exactly its middle values."""


def quote(
    source: str,
    value: int,
    *,
    group: str | None = None,
    pair: str = "ETH/USD",
    weight: int = 1,
    confidence: int = 0,
    age_ms: int = 0,
    timed: bool = True,
) -> Quote:
    """A quote of `value` wad units made `age_ms` ago, in a group of its own unless one is named."""
    made_ms = NOW_MS - age_ms
    return Quote(
        source=source,
        group=group or source,
        pair=pair,
        weight=weight,
        value_wad=value,
        confidence_wad=confidence,
        source_time_ms=made_ms if timed else None,
        received_at_ms=NOW_MS,
        changed_at_ms=made_ms,
    )


def failure(
    source: str, kind: FailureKind = FailureKind.UNREACHABLE, *, group: str | None = None
) -> QuoteFailure:
    """A source that failed now."""
    return QuoteFailure(source, group or source, "ETH/USD", kind, "", NOW_MS)


def quotes(values: Iterable[int], weights: Iterable[int] | None = None) -> list[Quote]:
    """One quote per value from as many independent groups."""
    listed = list(values)
    return [
        quote(f"s{number}", value, weight=weight)
        for number, (value, weight) in enumerate(zip(listed, weights or [1] * len(listed), strict=True))
    ]


def ages(answers: Sequence[Quote | QuoteFailure], max_age_ms: int = MAX_AGE_MS) -> AgePolicy:
    """One age limit for all."""
    return AgePolicy({answer.source: max_age_ms for answer in answers})


def price_of(
    answers: Sequence[Quote | QuoteFailure],
    settings: AssetSettings = EXACT,
    *,
    now_ms: int = NOW_MS,
    via: Price | None = None,
) -> Price:
    """The price of ETH by one path, of `answers`."""
    return priced("ETH", settings, answers, ages(answers), now_ms, via)


def priced(
    asset: str,
    settings: AssetSettings,
    answers: Sequence[Quote | QuoteFailure],
    policy: AgePolicy,
    now_ms: int,
    via: Price | None = None,
) -> Price:
    """The price of an asset by one path: the aggregate of `answers`, times the price of its unit."""
    edge = aggregate(Edge(asset, settings.priced_in), settings, answers, policy, now_ms)
    return graph.price_of(asset, settings, [edge], {} if via is None else {via.asset: via})


def interval_of(price: Price) -> tuple[int | None, int | None, int | None]:
    """Low, mid, high."""
    return price.low_wad, price.mid_wad, price.high_wad


def used_by(price: Price) -> set[str]:
    """The sources that counted."""
    return {use.quote.source for use in price.uses if use.used}


def reason_of(price: Price, source: str) -> str:
    """Why a source did or did not count."""
    return next(use.reason for use in price.uses if use.quote.source == source)


def http_settings(name: str, pair: str = "ETH/USD", /, **changes: object) -> HttpSourceSettings:
    """Settings of an HTTP source; what is not said is harmless."""
    return HttpSourceSettings.model_validate(
        {
            "kind": "http",
            "name": name,
            "pair": pair,
            "group": name,
            "url": "http://127.0.0.1:1",
            "path": "/",
            "price_path": "price",
            **changes,
        }
    )


DOLLAR = WAD
