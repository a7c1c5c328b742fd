"""The book of prices: the newest answer of every source, and every asset's price from them.

Pure: answers and the time come in, price sets go out. After any `update` the prices are
exactly what aggregating everything at that moment would give, but only what could have
changed is computed: the edges whose sources answered, those whose quotes crossed an age
limit or a widening step in between; from them the assets they belong to, what is priced in
these, and what a guard compares with one of them. A guard stands between a price and its
publication (`oracles.guarding`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.asset_settings import AssetSettings
from config.pairs import UNIT, Edge, edge_of, edges_of, units_of
from config.source_settings import SourceSettings
from oracles.aggregate import EdgePrice, aggregate
from oracles.freshness import AgePolicy, next_change_ms
from oracles.graph import price_of
from oracles.guarding import NoGuard, PriceGuard
from oracles.ordering import dependents, topological_order
from oracles.price import FailureKind, Price, PriceSet, Quote, QuoteFailure
from oracles.record import price_set

PASSING = frozenset({FailureKind.UNREACHABLE, FailureKind.RATE_LIMITED})
"""Failures that say nothing about the value: the last quote holds until its own age limit."""

NEVER_MS = 2**63
"""Later than any time: nothing changes by itself."""


@dataclass(slots=True)
class _Slot:
    """What one source said last, and the last quote it gave."""

    latest: Quote | QuoteFailure
    quote: Quote | None = None

    def take(self, answer: Quote | QuoteFailure) -> None:
        if isinstance(answer, Quote):
            if self.quote is not None and self.quote.value_wad == answer.value_wad:
                # The earlier of the two: a clock that was set back must not leave a change in the future.
                changed_at_ms = min(self.quote.changed_at_ms, answer.changed_at_ms)
                answer = replace(answer, changed_at_ms=changed_at_ms)
            self.quote = answer
        self.latest = answer

    def answer(self, ages: AgePolicy, now_ms: int) -> Quote | QuoteFailure:
        """Return what the source says now; a passing failure does not end a quote before its time."""
        passing = isinstance(self.latest, QuoteFailure) and self.latest.kind in PASSING
        if passing and self.quote is not None and not ages.stale(self.quote, now_ms):
            return self.quote
        return self.latest


@dataclass(slots=True)
class _Feeds:
    """The sources of one edge, and what they last came to. `due_ms`: when time alone changes that."""

    edge: Edge
    settings: AssetSettings
    slots: dict[str, _Slot] = field(default_factory=dict)
    price: EdgePrice | None = None
    due_ms: int | None = None

    def compute(self, ages: AgePolicy, now_ms: int) -> EdgePrice:
        settings = self.settings
        answers = [slot.answer(ages, now_ms) for slot in self.slots.values()]
        self.price = aggregate(self.edge, settings, answers, ages, now_ms)
        self.due_ms = next_change_ms(
            self.price.uses,
            settings.widen_bps_per_minute,
            round(settings.frozen_after_s * 1_000),
            ages,
            now_ms,
        )
        return self.price


class PriceBook:
    """Prices of `assets` from `sources`. One instance per process, used from one task.

    Raises ``ValueError`` if assets are priced in each other in a circle or in something
    unknown, if a source's pair is not an asset and one of its units, or if two sources
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
        self._needs = {asset: _needs(asset, settings, self._guard) for asset, settings in assets.items()}
        self.order = topological_order(self._needs)
        self._place = {asset: place for place, asset in enumerate(self.order)}
        self._dependents = dependents(self._needs, self.order)
        self.ages = AgePolicy({source.name: round(source.max_age_s * 1000) for source in sources})
        self._feeds = {
            asset: [_Feeds(edge, self._assets[asset]) for edge in edges_of(asset, self._assets[asset])]
            for asset in self.order
        }
        self._feeds_of = self._listen(sources)
        self._due_ms: dict[str, int] = {}
        self._first_due_ms = 0
        self._prices: dict[str, Price] = {}
        self._digests: dict[str, str] = {}
        self._as_of_ms = 0
        self._current: PriceSet | None = None
        self._recompute(self.order, (), 0)

    def update(self, answers: Sequence[Quote | QuoteFailure], now_ms: int) -> PriceSet | None:
        """Take `answers` and return the prices as of `now_ms`, or None if none changed.

        Changed means another status, low, mid or high of any asset. What did not change
        that much (newer times, another reason) is in `current`. Raises ``KeyError`` for
        an answer of a source that is not configured.
        """
        heard = [self._feeds_of[answer.source] for answer in answers]
        for feeds, answer in zip(heard, answers, strict=True):
            feeds.slots[answer.source].take(answer)
        assets = {feeds.edge.asset for feeds in heard}
        if now_ms < self._as_of_ms:
            assets.update(self.order)
        elif self._first_due_ms <= now_ms:
            assets.update(asset for asset, due_ms in self._due_ms.items() if due_ms <= now_ms)
        return self.current if self._recompute(assets, heard, now_ms) else None

    def tick(self, now_ms: int) -> PriceSet | None:
        """Let time pass: `update` without answers."""
        return self.update((), now_ms)

    def carry_over(self, other: PriceBook, names: Collection[str], now_ms: int) -> None:
        """Take over what the sources `names` of `other` said, and price everything as of `now_ms`.

        They must be the same in both books, settings included. Raises ``KeyError`` for a source that one does not have.
        """
        for name in names:
            self._feeds_of[name].slots[name] = other._feeds_of[name].slots[name]
        self._recompute(self.order, [self._feeds_of[name] for name in names], now_ms)

    @property
    def current(self) -> PriceSet:
        """Every price as of the last `update` or `tick`, whether or not it was a change."""
        if self._current is None:
            self._current = price_set(self._as_of_ms, self._prices, self._digests)
        return self._current

    def _listen(self, sources: Iterable[SourceSettings]) -> dict[str, _Feeds]:
        feeds_of: dict[str, _Feeds] = {}
        for source in sources:
            edge = edge_of(source.pair, self._assets)
            if edge is None:
                message = f"source {source.name} gives {source.pair}, but {_known(source.pair, self._assets)}"
                raise ValueError(message)
            if source.name in feeds_of:
                message = "two sources have the same name"
                raise ValueError(message)
            silent = QuoteFailure(source.name, source.group, source.pair, FailureKind.NEVER_ANSWERED, "", 0)
            feeds = next(feeds for feeds in self._feeds[edge.asset] if feeds.edge == edge)
            feeds.slots[source.name] = _Slot(silent)
            feeds_of[source.name] = feeds
        return feeds_of

    def _recompute(self, assets: Collection[str], heard: Iterable[_Feeds], now_ms: int) -> bool:
        """Compute `assets`, those that depend on them, and of their edges those that were `heard` or are due.

        Return whether a figure changed.
        """
        went_back = now_ms < self._as_of_ms
        self._as_of_ms, self._current = now_ms, None
        for feeds in heard:
            feeds.due_ms = now_ms
        affected = set(assets).union(*(self._dependents[asset] for asset in assets))
        changed = False
        for asset in sorted(affected, key=self._place.__getitem__):
            for feeds in self._feeds[asset]:
                if went_back or (feeds.due_ms is not None and feeds.due_ms <= now_ms):
                    feeds.compute(self.ages, now_ms)
            changed |= self._price(asset, now_ms)
        if affected:
            self._first_due_ms = min(self._due_ms.values(), default=NEVER_MS)
        return changed

    def _price(self, asset: str, now_ms: int) -> bool:
        edges = [feeds.price or feeds.compute(self.ages, now_ms) for feeds in self._feeds[asset]]
        raw = price_of(asset, self._assets[asset], edges, self._prices)
        price = self._guard.apply(raw, self._prices, now_ms)
        before, self._prices[asset] = self._prices.get(asset), price
        self._digests.pop(asset, None)
        moments = [self._guard.next_change_ms(asset, now_ms), *(feeds.due_ms for feeds in self._feeds[asset])]
        self._due_ms[asset] = min((moment for moment in moments if moment is not None), default=NEVER_MS)
        return before is None or _figures(before) != _figures(price)


def _needs(asset: str, settings: AssetSettings, guard: PriceGuard) -> tuple[str, ...]:
    """Return the assets whose prices must be known before that of `asset`."""
    units = (unit for unit in units_of(settings) if unit != UNIT)
    return tuple(dict.fromkeys((*units, *sorted(guard.references(asset)))))


def _known(pair: str, assets: Mapping[str, AssetSettings]) -> str:
    base = pair.partition("/")[0]
    return (
        f"{base} is priced in {' and '.join(units_of(assets[base]))}"
        if base in assets
        else f"{base} is no asset"
    )


def _figures(price: Price) -> tuple[object, ...]:
    return price.status, price.low_wad, price.mid_wad, price.high_wad
