"""On-chain price sources of one chain, and its sequencer's uptime: all their calls in one batch per head."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from config.settings import ChainSettings
from config.source_settings import OnChainSourceSettings, SourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, silent
from oracles.sources.readers import open_reader
from oracles.sources.sequencer import SequencerFeed, SequencerStatus

HUB_FEED = "chainlink"
"""The kind of source that a hub reads too: what it says is the hub's own price."""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """What all sources of a chain said at one block.

    `hub_prices` are the USD feeds' answers by asset: what the chain's hub will use, whatever the median is, and also
    while the sequencer's grace keeps them out of `quotes`. `sequencer` is None where no uptime feed is configured.
    """

    quotes: tuple[Quote | QuoteFailure, ...]
    hub_prices: dict[str, int]
    sequencer: SequencerStatus | None


class Feeds:
    """The on-chain sources that are read on one chain."""

    def __init__(
        self, chain: str, sources: Sequence[SourceSettings], settings: ChainSettings | None = None
    ) -> None:
        own = [
            source
            for source in sources
            if isinstance(source, OnChainSourceSettings) and source.chain == chain
        ]
        self._readers = tuple(open_reader(source) for source in own)
        self._feeds = {source.name: source.address for source in own if source.kind == HUB_FEED}
        self._sequencer: SequencerFeed | None = None
        if settings is not None and settings.sequencer_feed is not None:
            self._sequencer = SequencerFeed(settings.sequencer_feed, settings.sequencer_grace_s)

    def calls(self) -> list[Call]:
        """Return every source's calls, in order, the uptime feed's first.

        If they are others after a `read`, a source has found what more to ask: ask it at the same block.
        """
        uptime = [] if self._sequencer is None else self._sequencer.calls()
        return [*uptime, *(call for reader in self._readers for call in reader.calls())]

    def read(
        self,
        answers: Sequence[bytes | None],
        block_timestamp: int,
        now_ms: int,
        hub_feeds: Collection[str] = (),
    ) -> FeedReading:
        """Hand each source its own answers back. `hub_feeds` are the addresses that the hub itself reads."""
        sequencer: SequencerStatus | None = None
        start = 0
        if self._sequencer is not None:
            start = len(self._sequencer.calls())
            sequencer = self._sequencer.read(answers[:start], block_timestamp)
        quotes: list[Quote | QuoteFailure] = []
        for reader in self._readers:
            end = start + len(reader.calls())
            quotes.append(reader.read(answers[start:end], block_timestamp, now_ms))
            start = end
        return FeedReading(
            self._gated(quotes, sequencer, now_ms), self._hub_prices(quotes, hub_feeds), sequencer
        )

    def silent(self, now_ms: int) -> list[QuoteFailure]:
        """Return the failures of all sources when the chain has stopped."""
        return [silent(reader, now_ms) for reader in self._readers]

    def _gated(
        self, quotes: Sequence[Quote | QuoteFailure], sequencer: SequencerStatus | None, now_ms: int
    ) -> tuple[Quote | QuoteFailure, ...]:
        if sequencer is None or sequencer.up:
            return tuple(quotes)
        return tuple(
            reader.origin.failure(FailureKind.SEQUENCER, sequencer.reason, now_ms)
            if isinstance(quote, Quote)
            else quote
            for reader, quote in zip(self._readers, quotes, strict=True)
        )

    def _hub_prices(
        self, quotes: Sequence[Quote | QuoteFailure], hub_feeds: Collection[str]
    ) -> dict[str, int]:
        """Return the hub's own prices. Of two feeds of one asset that of the hub wins, wherever it stands."""
        feeds = [
            quote
            for quote in quotes
            if isinstance(quote, Quote) and quote.source in self._feeds and quote.pair.endswith("/USD")
        ]
        feeds.sort(key=lambda quote: self._feeds[quote.source] in hub_feeds)
        return {quote.pair.removesuffix("/USD"): quote.value_wad for quote in feeds}
