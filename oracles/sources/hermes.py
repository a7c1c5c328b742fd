"""Pyth's prices as Hermes serves them over HTTP (``/v2/updates/price/latest``), parsed by Hermes.

All feeds of one address are one question. Feeds that Hermes does not know are left out of its answer
instead of refusing the rest (``ignore_invalid_price_ids``). What is read is unsigned: it is as good as
the host that is asked, and TLS; what a chain would verify is read by a source on that chain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import aiohttp

from config.source_settings import HermesSourceSettings
from config.units import WAD, mul_div_up
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.credentials import bearer
from oracles.sources.exponents import to_decimals_down, to_decimals_up
from oracles.sources.http_get import HttpGet, address
from oracles.sources.json_answer import parse_json, shown, time_ms, walk
from oracles.sources.origin import BadAnswer, Origin

_INTEGER = re.compile(r"-?[0-9]{1,24}")


class HermesBatch:
    """Feeds of one Hermes. `settings` must agree on `url` and `token_file`; the shortest times hold for all.

    Raises ``ValueError`` if the token can not be read.
    """

    def __init__(
        self,
        settings: Sequence[HermesSourceSettings],
        session: aiohttp.ClientSession,
        now_ms: Callable[[], int],
    ) -> None:
        self.origins = tuple(Origin.of(each) for each in settings)
        self.poll_interval_s = min(each.poll_interval_s for each in settings)
        self._ids = [each.feed_id.removeprefix("0x") for each in settings]
        self._multiples_wad = [each.confidence_multiple for each in settings]
        self._now_ms = now_ms
        asked = "&".join(f"ids[]={feed_id}" for feed_id in dict.fromkeys(self._ids))
        options = "encoding=hex&parsed=true&ignore_invalid_price_ids=true"
        self._get = HttpGet(
            address(settings[0].url, f"/v2/updates/price/latest?{asked}&{options}"),
            session,
            now_ms,
            timeout_s=min(each.timeout_s for each in settings),
            max_requests_per_s=min(each.max_requests_per_s for each in settings),
            headers=bearer(settings[0].token_file),
        )

    @property
    def retry_after_s(self) -> float:
        """How long Hermes asked to be left alone, in its last answer."""
        return self._get.retry_after_s

    async def fetch(self) -> list[Quote | QuoteFailure]:
        """Ask once for all feeds."""
        try:
            feeds = _feeds(parse_json(await self._get.body()))
        except BadAnswer as bad:
            return [origin.failure(bad.kind, bad.detail, self._now_ms()) for origin in self.origins]
        return [
            self._answer(origin, feeds.get(feed_id), multiple_wad)
            for origin, feed_id, multiple_wad in zip(
                self.origins, self._ids, self._multiples_wad, strict=True
            )
        ]

    async def aclose(self) -> None:
        """The session is its opener's to close."""

    def _answer(self, origin: Origin, feed: object, multiple_wad: int) -> Quote | QuoteFailure:
        now_ms = self._now_ms()
        if feed is None:
            return origin.failure(FailureKind.REFUSED, "the answer has no such feed", now_ms)
        try:
            value_wad, confidence_wad = _interval(feed, multiple_wad)
            made_ms = time_ms(walk(feed, "price.publish_time"), "s")
        except BadAnswer as bad:
            return origin.failure(bad.kind, bad.detail, now_ms)
        return origin.quote(value_wad, made_ms, now_ms, confidence_wad)


def _feeds(answer: object) -> dict[str, object]:
    """Return the parsed feeds by id. An id that stands twice could be read in two ways: neither counts."""
    listed = walk(answer, "parsed")
    if not isinstance(listed, list):
        raise BadAnswer(FailureKind.MALFORMED, "parsed is no list")
    feeds: dict[str, object] = {}
    for feed in listed:
        feed_id = feed.get("id") if isinstance(feed, Mapping) else None
        if not isinstance(feed_id, str) or feed_id in feeds:
            raise BadAnswer(FailureKind.MALFORMED, "a feed without an id of its own")
        feeds[feed_id.removeprefix("0x").lower()] = feed
    return feeds


def _interval(feed: object, multiple_wad: int) -> tuple[int, int]:
    """Return price and confidence: Pyth's width, so many times over."""
    price, width, exponent = (_integer(walk(feed, f"price.{key}")) for key in ("price", "conf", "expo"))
    value_wad = to_decimals_down(price, exponent, 18)
    if not 0 < value_wad <= MAX_VALUE_WAD:
        raise BadAnswer(FailureKind.NOT_A_PRICE, f"{price} with exponent {exponent}")
    return value_wad, mul_div_up(to_decimals_up(width, exponent, 18), multiple_wad, WAD)


def _integer(value: object) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise BadAnswer(FailureKind.NOT_A_PRICE, f"not an integer: {shown(value)}")
