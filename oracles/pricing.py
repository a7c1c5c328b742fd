"""The book of prices: the newest answer of every source, and every asset's price from them.

Pure: answers and the time come in, price sets go out. After any `update` the prices are
exactly what aggregating everything at that moment would give, but only what could have
changed is computed: the assets whose sources answered, those whose quotes crossed an age
limit or a widening step in between, what is priced in either, and what a guard compares
with one of them. A guard stands between an aggregate and its publication (`oracles.guarding`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from config.asset_settings import AssetSettings
from config.source_settings import SourceSettings
from oracles.aggregate import UNIT, aggregate
from oracles.freshness import AgePolicy, next_change_ms
from oracles.guarding import NoGuard, PriceGuard
from oracles.price import FailureKind, Price, PriceSet, Quote, QuoteFailure
from oracles.record import price_set

PASSING = frozenset({FailureKind.UNREACHABLE, FailureKind.RATE_LIMITED})
"""Failures that say nothing about the value: the last quote holds until its own age limit."""


@dataclass(slots=True)
class _Slot:
    """What one source said last, and the last quote it gave."""

    latest: Quote | QuoteFailure
    quote: Quote | None = None

    def take(self, answer: Quote | QuoteFailure) -> None:
        if isinstance(answer, Quote):
            if self.quote is not None and self.quote.value_wad == answer.value_wad:
                answer = replace(answer, changed_at_ms=self.quote.changed_at_ms)
            self.quote = answer
        self.latest = answer

    def answer(self, ages: AgePolicy, now_ms: int) -> Quote | QuoteFailure:
        """Return what the source says now; a passing failure does not end a quote before its time."""
        passing = isinstance(self.latest, QuoteFailure) and self.latest.kind in PASSING
        if passing and self.quote is not None and not ages.stale(self.quote, now_ms):
            return self.quote
        return self.latest


class PriceBook:
    """Prices of `assets` from `sources`. One instance per process, used from one task.

    Raises ``ValueError`` if assets are priced in each other in a circle or in something
    unknown, if a source's pair is not ``asset/priced_in`` of an asset, or if two sources
    have the same name.
    """

    def __init__(
        self,
        assets: Mapping[str, AssetSettings],
        sources: Sequence[SourceSettings],
        guard: PriceGuard | None = None,
    ) -> None:
        self._assets = dict(assets)
        self._guard = guard or NoGuard()
        self._needs = {asset: needs(asset, settings, self._guard) for asset, settings in assets.items()}
        self.order = topological_order(self._needs)
        self._asset_of = {source.name: _asset_of(source, assets) for source in sources}
        if len(self._asset_of) != len(sources):
            message = "two sources have the same name"
            raise ValueError(message)
        self.ages = AgePolicy({source.name: round(source.max_age_s * 1000) for source in sources})
        self._slots: dict[str, dict[str, _Slot]] = {asset: {} for asset in self.order}
        for source in sources:
            silent = QuoteFailure(source.name, source.group, source.pair, FailureKind.NEVER_ANSWERED, "", 0)
            self._slots[self._asset_of[source.name]][source.name] = _Slot(silent)
        self._prices: dict[str, Price] = {}
        self._due_ms: dict[str, int | None] = {}
        self._as_of_ms = 0
        self._current: PriceSet | None = None
        for asset in self.order:
            self._price(asset, 0)

    def update(self, answers: Sequence[Quote | QuoteFailure], now_ms: int) -> PriceSet | None:
        """Take `answers` and return the prices as of `now_ms`, or None if none changed.

        Changed means another status, low, mid or high of any asset. What did not change
        that much (newer times, another reason) is in `current`. Raises ``KeyError`` for
        an answer of a source that is not configured.
        """
        stale = {self._asset_of[answer.source] for answer in answers}
        for answer in answers:
            self._slots[self._asset_of[answer.source]][answer.source].take(answer)
        clock_went_back = now_ms < self._as_of_ms
        self._as_of_ms, self._current = now_ms, None
        changed = False
        for asset in self.order:
            due_ms = self._due_ms[asset]
            due = clock_went_back or (due_ms is not None and due_ms <= now_ms)
            if due or asset in stale or not stale.isdisjoint(self._needs[asset]):
                stale.add(asset)
                changed |= self._price(asset, now_ms)
        return self.current if changed else None

    def tick(self, now_ms: int) -> PriceSet | None:
        """Let time pass: `update` without answers."""
        return self.update((), now_ms)

    @property
    def current(self) -> PriceSet:
        """Every price as of the last `update` or `tick`, whether or not it was a change."""
        if self._current is None:
            self._current = price_set(self._as_of_ms, self._prices)
        return self._current

    def _price(self, asset: str, now_ms: int) -> bool:
        settings = self._assets[asset]
        via = None if settings.priced_in == UNIT else self._prices[settings.priced_in]
        answers = [slot.answer(self.ages, now_ms) for slot in self._slots[asset].values()]
        raw = aggregate(asset, settings, answers, self.ages, now_ms, via)
        price = self._guard.apply(raw, self._prices, now_ms)
        before, self._prices[asset] = self._prices.get(asset), price
        moments = (
            next_change_ms(raw.uses, settings.widen_bps_per_minute, self.ages, now_ms),
            self._guard.next_change_ms(asset, now_ms),
        )
        self._due_ms[asset] = min((moment for moment in moments if moment is not None), default=None)
        return before is None or _figures(before) != _figures(price)


def needs(asset: str, settings: AssetSettings, guard: PriceGuard) -> tuple[str, ...]:
    """Return the assets whose prices must be known before that of `asset`."""
    units = () if settings.priced_in == UNIT else (settings.priced_in,)
    return tuple(dict.fromkeys((*units, *sorted(guard.references(asset)))))


def topological_order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the assets so that each comes after those it needs.

    Raises ``ValueError`` naming the assets for a circle or an unknown one.
    """
    order: dict[str, None] = {}
    for asset in needs:
        _place(asset, needs, (), order)
    return tuple(order)


def _place(
    asset: str, needs: Mapping[str, Sequence[str]], path: tuple[str, ...], order: dict[str, None]
) -> None:
    if asset in order:
        return
    if asset not in needs:
        message = f"{path[-1]} is priced in {asset}, which is not an asset of this configuration"
        raise ValueError(message)
    if asset in path:
        message = f"prices go in a circle: {' in '.join([*path, asset])}"
        raise ValueError(message)
    for other in needs[asset]:
        _place(other, needs, (*path, asset), order)
    order[asset] = None


def _asset_of(source: SourceSettings, assets: Mapping[str, AssetSettings]) -> str:
    base, _, unit = source.pair.partition("/")
    if base not in assets or assets[base].priced_in != unit:
        known = f"{base} is priced in {assets[base].priced_in}" if base in assets else f"{base} is no asset"
        message = f"source {source.name} gives {source.pair}, but {known}"
        raise ValueError(message)
    return base


def _figures(price: Price) -> tuple[object, ...]:
    return price.status, price.low_wad, price.mid_wad, price.high_wad
