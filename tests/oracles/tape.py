"""A price tape played through the running engine: sources say values at times, and prices come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from config.asset_settings import AssetSettings
from config.source_settings import HttpSourceSettings
from config.units import parse_wad
from oracles.guards.guards import Guards
from oracles.price import FailureKind, Price, PriceSet, Quote, QuoteFailure
from oracles.pricing import PriceBook
from tests.oracles.evidence import NOW_MS, http_settings

Said = str | FailureKind


def asset(guards: Mapping[str, Any] | None = None, /, **changes: Any) -> AssetSettings:
    """Settings of an asset; money as text, as in a file. The interval is exactly what the sources say."""
    exact = {"floor_bps": 0, "widen_bps_per_minute": 0}
    return AssetSettings.model_validate(exact | changes | {"guards": dict(guards or {})})


def lone(guards: Mapping[str, Any] | None = None, /, **changes: Any) -> AssetSettings:
    """Settings of an asset that one source is enough for."""
    return asset(guards, **{"min_sources": 1, "min_groups": 1} | changes)


class Tape:
    """An engine of `assets`, fed by sources named ``venue_asset`` (or as in `feeds`: name to pair and group)."""

    def __init__(
        self,
        assets: Mapping[str, AssetSettings],
        feeds: Mapping[str, tuple[str, str]],
        *,
        last_known: Mapping[str, str] | None = None,
        max_age_s: float = 600.0,
        start_ms: int = NOW_MS,
    ) -> None:
        self.feeds = dict(feeds)
        self.guards = Guards(assets, {name: parse_wad(text) for name, text in (last_known or {}).items()})
        self.book = PriceBook(assets, _sources(feeds, max_age_s), self.guards)
        self.start_ms = self.now_ms = start_ms

    def at(self, second: float, **said: Said) -> PriceSet:
        """Let the sources say something at a second of the tape, and time pass until then."""
        self.now_ms = self.start_ms + round(second * 1_000)
        self.book.update([self._answer(name, value) for name, value in said.items()], self.now_ms)
        return self.book.current

    def repeat(self, start: int, end: int, step: int = 1, **said: Said) -> None:
        """Let the sources say the same at every step from `start` up to `end`, both included."""
        for second in range(start, end + 1, step):
            self.at(second, **said)

    def price(self, name: str) -> Price:
        """The asset's price now."""
        return self.book.current.prices[name]

    def _answer(self, name: str, value: Said) -> Quote | QuoteFailure:
        pair, group = self.feeds[name]
        if isinstance(value, FailureKind):
            return QuoteFailure(name, group, pair, value, "", self.now_ms)
        figure, _, confidence = value.partition("+-")
        return Quote(
            source=name,
            group=group,
            pair=pair,
            weight=1,
            value_wad=parse_wad(figure),
            confidence_wad=parse_wad(confidence) if confidence else 0,
            source_time_ms=self.now_ms,
            received_at_ms=self.now_ms,
            changed_at_ms=self.now_ms,
        )


def venues(pair: str, *names: str) -> dict[str, tuple[str, str]]:
    """Feeds of one pair, each a group of its own."""
    return {name: (pair, name) for name in names}


def _sources(feeds: Mapping[str, tuple[str, str]], max_age_s: float) -> Sequence[HttpSourceSettings]:
    return [
        http_settings(name, pair, group=group, max_age_s=max_age_s) for name, (pair, group) in feeds.items()
    ]
