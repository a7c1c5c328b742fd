"""A feed with Chainlink's interface, read by the real source from what its contracts would answer."""

from __future__ import annotations

from config.source_settings import ChainlinkSourceSettings
from oracles.price import Quote, QuoteFailure
from oracles.sources.chainlink import AGGREGATOR, DECIMALS, LATEST_ROUND_DATA, ChainlinkSource

MIN_ANSWER, MAX_ANSWER = bytes.fromhex("22adbc78"), bytes.fromhex("70da2f67")
OFFCHAIN_AGGREGATOR = 0xFE


class Feed:
    """A proxy and its aggregator. `scale` is what the contract says, `decimals` what is configured."""

    def __init__(
        self, pair: str, *, decimals: int = 8, scale: int | None = None, least: int = 1, largest: int = 10**30
    ) -> None:
        settings = {
            "kind": "chainlink",
            "name": "feed",
            "pair": pair,
            "group": "feed",
            "chain": "alpha",
            "address": "0x" + "ab" * 20,
            "decimals": decimals,
        }
        self._source = ChainlinkSource(ChainlinkSourceSettings.model_validate(settings))
        self._scale = decimals if scale is None else scale
        self._bounds = {MIN_ANSWER: least, MAX_ANSWER: largest}

    def says(self, answer: int, now_ms: int) -> Quote | QuoteFailure:
        """Read the feed at a block of now, in which it answers `answer`."""
        second = now_ms // 1_000
        words = {
            LATEST_ROUND_DATA: (1 << 64 | 7, answer, second, second, 1 << 64 | 7),
            DECIMALS: (self._scale,),
            AGGREGATOR: (OFFCHAIN_AGGREGATOR,),
            **{selector: (bound,) for selector, bound in self._bounds.items()},
        }
        said: Quote | QuoteFailure | None = None
        for _ in range(2):  # the aggregator's own bounds are asked for once it is known
            calls = self._source.calls()
            answers = [b"".join(word.to_bytes(32) for word in words.get(data[:4], ())) for _, data in calls]
            said = self._source.read(answers, second, now_ms)
        assert said is not None
        return said
