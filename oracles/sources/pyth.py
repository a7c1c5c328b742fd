"""A feed of Pyth's contract: the price that was last brought to the chain, its width and when it was published.

Pyth is pulled: the contract holds what somebody brought, however old. So the unsafe getter is asked, which
answers whatever there is, and the age is judged here. A wide price is no price: on 2021-09-20 BTC was at
5,402 with a width that said as much.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import PythSourceSettings
from config.units import BPS, WAD, mul_div_up
from oracles.aggregate import MAX_VALUE_WAD
from oracles.freshness import MAX_FUTURE_MS
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, signed, unsigned, words
from oracles.sources.exponents import to_decimals_down, to_decimals_up
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer, Origin

GET_PRICE_UNSAFE = bytes.fromhex("96834ad3")


class PythSource:
    """A `ChainReader` of one feed. It can not tell a feed that does not exist from another refusal."""

    def __init__(self, settings: PythSourceSettings) -> None:
        self.origin = Origin.of(settings)
        self.chain = settings.chain
        self._address = settings.address
        self._feed = bytes.fromhex(settings.feed_id[2:])
        self._multiple_wad = settings.confidence_multiple
        self._max_confidence_bps = settings.max_confidence_bps

    def calls(self) -> list[Call]:
        """Return the call for the feed's newest price, whatever its age."""
        return [(self._address, GET_PRICE_UNSAFE + self._feed)]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the price as of its publication, with its width; or why it is none."""
        (answer,) = answers
        try:
            price, width, exponent, published_at = words(answer, 4)
            value_wad, confidence_wad = self._interval(
                signed(price, 64), unsigned(width, 64), signed(exponent, 32)
            )
            _check_time(published_at, block_timestamp)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, now_ms)
        return self.origin.quote(value_wad, published_at * 1000, now_ms, confidence_wad)

    def _interval(self, price: int, width: int, exponent: int) -> tuple[int, int]:
        value_wad = to_decimals_down(price, exponent, 18)
        if not 0 < value_wad <= MAX_VALUE_WAD:
            raise BadAnswer(FailureKind.NOT_A_PRICE, f"{price} with exponent {exponent}")
        confidence_wad = mul_div_up(to_decimals_up(width, exponent, 18), self._multiple_wad, WAD)
        if confidence_wad * BPS > value_wad * self._max_confidence_bps:
            detail = (
                f"within {mul_div_up(confidence_wad, BPS, value_wad)} bps, limit {self._max_confidence_bps}"
            )
            raise BadAnswer(FailureKind.UNSURE, detail)
        return value_wad, confidence_wad


def _check_time(published_at: int, block_timestamp: int) -> None:
    if published_at == 0:
        raise BadAnswer(FailureKind.INCOMPLETE_ROUND, "nothing was published yet")
    if (published_at - block_timestamp) * 1000 > MAX_FUTURE_MS:
        detail = f"published at {shown(published_at)}, its block is of {block_timestamp}"
        raise BadAnswer(FailureKind.FROM_THE_FUTURE, detail)
