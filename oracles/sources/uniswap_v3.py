"""The mean price of a Uniswap v3 pool over a window. The spot price, which one trade can set, is never read.

A pool sums its tick over time in a ring of observations (whitepaper of v3 core, 5). `observe` reverts when the
ring does not reach back to the start of the window: then there is no price, neither a shorter mean nor the
spot price in its place (Inverse Finance, April 2022). A mean is only worth what it costs to move, so the
harmonic mean of the pool's liquidity over the same window has a floor.

The mean is as of its block but looks back: on a moving market it lags by half its window. It is one witness
among others, and a slow one.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.source_settings import UniswapV3SourceSettings
from config.units import format_wad
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import Call, address_in, signed, unsigned, words
from oracles.sources.chainlink import DECIMALS
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.ticks import (
    MAX_TICK,
    Q160,
    depth_wad,
    mean_liquidity,
    mean_tick,
    price_wad,
    sqrt_ratio_x96,
)

OBSERVE = bytes.fromhex("883bdbfd")
SLOT0 = bytes.fromhex("3850c7bd")
TOKEN0 = bytes.fromhex("0dfe1681")
TOKEN1 = bytes.fromhex("d21220a7")


class UniswapV3Source:
    """A `ChainReader` of one pool. Tokens and decimals are read once and must be the configured ones."""

    def __init__(self, settings: UniswapV3SourceSettings) -> None:
        self.origin = Origin.of(settings)
        self.chain = settings.chain
        self._pool = settings.address
        self._tokens = (settings.base_token, settings.quote_token)
        self._decimals = (settings.base_decimals, settings.quote_decimals)
        self._window_s = settings.window_s
        self._min_cardinality = settings.min_cardinality
        self._min_depth_wad = settings.min_depth
        self._base_is_token0 = int(settings.base_token, 16) < int(settings.quote_token, 16)
        self._is_known = False

    def calls(self) -> list[Call]:
        """Return the calls for both ends of the window and the length of the ring; at first also for the tokens."""
        ends = b"".join(word.to_bytes(32) for word in (32, 2, self._window_s, 0))
        standing = [(self._pool, OBSERVE + ends), (self._pool, SLOT0)]
        if self._is_known:
            return standing
        scales = [(token, DECIMALS) for token in self._tokens]
        return [*standing, (self._pool, TOKEN0), (self._pool, TOKEN1), *scales]

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the mean price as of the block, or why there is none."""
        observed, slot, *identity = answers
        try:
            if not self._is_known:
                self._identify(identity)
            self._check_ring(words(slot, 7))
            value_wad = self._mean(observed)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, now_ms)
        return self.origin.quote(value_wad, block_timestamp * 1000, now_ms)

    def _identify(self, answers: Sequence[bytes | None]) -> None:
        first, second, *scales = [words(answer, 1)[0] for answer in answers]
        found = (address_in(first), address_in(second))
        if found != tuple(sorted(self._tokens, key=lambda token: int(token, 16))):
            raise BadAnswer(FailureKind.MALFORMED, f"a pool of {found[0]} and {found[1]}")
        if tuple(scales) != self._decimals:
            said = " and ".join(shown(scale) for scale in scales)
            wanted = " and ".join(str(each) for each in self._decimals)
            raise BadAnswer(FailureKind.MALFORMED, f"tokens of {said} decimals instead of {wanted}")
        self._is_known = True

    def _check_ring(self, slot: Sequence[int]) -> None:
        sqrt_price, _, _, cardinality, *_ = slot
        if sqrt_price == 0:
            raise BadAnswer(FailureKind.NOT_A_PRICE, "the pool has no price yet")
        if cardinality < self._min_cardinality:
            detail = f"the pool remembers {shown(cardinality)} observations, not {self._min_cardinality}"
            raise BadAnswer(FailureKind.UNSURE, detail)

    def _mean(self, observed: bytes | None) -> int:
        if observed is None:
            detail = f"the pool does not remember all of the last {self._window_s} s"
            raise BadAnswer(FailureKind.UNSURE, detail)
        ticks, seconds_per_liquidity = _deltas(observed)
        tick = mean_tick(ticks, self._window_s)
        if abs(tick) > MAX_TICK:
            raise BadAnswer(FailureKind.MALFORMED, f"a mean tick of {shown(tick)}")
        if seconds_per_liquidity == 0:
            raise BadAnswer(FailureKind.MALFORMED, "seconds per liquidity did not grow")
        sqrt_x96 = sqrt_ratio_x96(tick)
        self._check_depth(mean_liquidity(seconds_per_liquidity, self._window_s), sqrt_x96)
        base, quote = self._decimals
        value_wad = price_wad(
            sqrt_x96, base_is_token0=self._base_is_token0, base_decimals=base, quote_decimals=quote
        )
        if not 0 < value_wad <= MAX_VALUE_WAD:
            raise BadAnswer(FailureKind.NOT_A_PRICE, f"a mean tick of {tick}")
        return value_wad

    def _check_depth(self, liquidity: int, sqrt_x96: int) -> None:
        found_wad = depth_wad(
            liquidity, sqrt_x96, base_is_token0=self._base_is_token0, quote_decimals=self._decimals[1]
        )
        if found_wad < self._min_depth_wad:
            unit = self.origin.pair.rpartition("/")[2]
            detail = f"{shown(format_wad(found_wad))} {unit} move the pool by a percent, not {format_wad(self._min_depth_wad)}"
            raise BadAnswer(FailureKind.UNSURE, detail)


def _deltas(observed: bytes) -> tuple[int, int]:
    """Return how much the sums of ticks and of seconds per liquidity grew over the window."""
    offset, other_offset, length, tick_then, tick_now, other_length, liquidity_then, liquidity_now = words(
        observed, 8
    )
    if (offset, other_offset, length, other_length) != (64, 160, 2, 2):
        raise BadAnswer(FailureKind.MALFORMED, "not two observations")
    ticks = signed(tick_now, 56) - signed(tick_then, 56)
    return ticks, (unsigned(liquidity_now, 160) - unsigned(liquidity_then, 160)) % Q160
