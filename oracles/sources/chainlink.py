"""A feed with Chainlink's AggregatorV3 interface.

`decimals` is read along with every round: a feed behind a proxy can be replaced by one
with another scale, and nothing else would show it.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import ChainlinkSourceSettings
from config.units import WAD, mul_div_down
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, signed, words
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer, Origin

LATEST_ROUND_DATA = bytes.fromhex("feaf968c")
DECIMALS = bytes.fromhex("313ce567")


class ChainlinkSource:
    """A `ChainReader` of one feed."""

    def __init__(self, settings: ChainlinkSourceSettings) -> None:
        self.origin = Origin.of(settings)
        self.chain = settings.chain
        self._address = settings.address
        self._decimals = settings.decimals

    def calls(self) -> list[Call]:
        """Return the calls for the latest round and for the feed's scale."""
        return [(self._address, LATEST_ROUND_DATA), (self._address, DECIMALS)]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the round's answer as of its `updatedAt`, or why it is no price."""
        latest, scale = answers
        try:
            value_wad, updated_at = self._round(words(latest, 5), words(scale, 1)[0], block_timestamp)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, now_ms)
        return self.origin.quote(value_wad, updated_at * 1000, now_ms)

    def _round(self, latest: Sequence[int], decimals: int, block_timestamp: int) -> tuple[int, int]:
        round_id, answer, _, updated_at, answered_in_round = latest
        if decimals != self._decimals:
            raise BadAnswer(FailureKind.MALFORMED, f"{shown(decimals)} decimals instead of {self._decimals}")
        if updated_at == 0 or round_id == 0:
            raise BadAnswer(FailureKind.INCOMPLETE_ROUND, "the round has no answer yet")
        if answered_in_round < round_id:
            detail = f"round {shown(round_id)} carries the answer of {shown(answered_in_round)}"
            raise BadAnswer(FailureKind.INCOMPLETE_ROUND, detail)
        if updated_at > block_timestamp:
            raise BadAnswer(FailureKind.FROM_THE_FUTURE, f"updatedAt {shown(updated_at)} is after its block")
        value_wad = mul_div_down(signed(answer), WAD, 10**decimals)
        if not 0 < value_wad <= MAX_VALUE_WAD:
            raise BadAnswer(FailureKind.NOT_A_PRICE, f"answer {shown(signed(answer))}")
        return value_wad, updated_at
