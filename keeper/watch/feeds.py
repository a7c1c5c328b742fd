"""On-chain price sources of one chain: all their calls in one batch per head."""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import (
    ChainlinkSourceSettings,
    Erc4626SourceSettings,
    OnChainSourceSettings,
    SourceSettings,
)
from oracles.price import Quote, QuoteFailure
from oracles.sources.chain import Call, ChainReader, silent
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.erc4626 import Erc4626Source


class Feeds:
    """The on-chain sources that are read on one chain."""

    def __init__(self, chain: str, sources: Sequence[SourceSettings]) -> None:
        self._readers: tuple[ChainReader, ...] = tuple(
            _reader(source)
            for source in sources
            if isinstance(source, OnChainSourceSettings) and source.chain == chain
        )

    def calls(self) -> list[Call]:
        """Return every source's calls, in order."""
        return [call for reader in self._readers for call in reader.calls()]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> list[Quote | QuoteFailure]:
        """Hand each source its own answers back."""
        quotes: list[Quote | QuoteFailure] = []
        start = 0
        for reader in self._readers:
            end = start + len(reader.calls())
            quotes.append(reader.read(answers[start:end], block_timestamp, now_ms))
            start = end
        return quotes

    @staticmethod
    def hub_prices(quotes: Sequence[Quote | QuoteFailure]) -> dict[str, int]:
        """Return the USD feeds' answers by asset: what the chain's hub will use, whatever the median is."""
        return {
            quote.pair.removesuffix("/USD"): quote.value_wad
            for quote in quotes
            if isinstance(quote, Quote) and quote.pair.endswith("/USD")
        }

    def silent(self, now_ms: int) -> list[QuoteFailure]:
        """Return the failures of all sources when the chain has stopped."""
        return [silent(reader, now_ms) for reader in self._readers]


def _reader(source: OnChainSourceSettings) -> ChainReader:
    match source:
        case ChainlinkSourceSettings():
            return ChainlinkSource(source)
        case Erc4626SourceSettings():
            return Erc4626Source(source)
