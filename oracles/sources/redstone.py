"""RedStone's signed packages over HTTP: the gateway is only a post box, what counts are the signatures.

A gateway answers with all feeds of a service at once (``/v2/data-packages/latest/SERVICE``), up to some
megabytes, so all feeds of one address and service are one question, read in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

import aiohttp

from config.source_settings import RedstoneSourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.http_get import HttpGet, address
from oracles.sources.json_answer import parse_json
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.redstone_packages import Window, agree

MAX_PACKAGES_BYTES = 4 * 1024 * 1024


class RedstoneBatch:
    """Feeds of one gateway and service. `settings` must agree on `url` and `service`; the shortest times hold for all."""

    def __init__(
        self,
        settings: Sequence[RedstoneSourceSettings],
        session: aiohttp.ClientSession,
        now_ms: Callable[[], int],
    ) -> None:
        self.origins = tuple(Origin.of(each) for each in settings)
        self.poll_interval_s = min(each.poll_interval_s for each in settings)
        self._settings = tuple(settings)
        self._now_ms = now_ms
        self._get = HttpGet(
            address(settings[0].url, f"/v2/data-packages/latest/{quote(settings[0].service, safe='')}"),
            session,
            now_ms,
            timeout_s=min(each.timeout_s for each in settings),
            max_requests_per_s=min(each.max_requests_per_s for each in settings),
            max_bytes=MAX_PACKAGES_BYTES,
        )

    @property
    def retry_after_s(self) -> float:
        """How long the gateway asked to be left alone, in its last answer."""
        return self._get.retry_after_s

    async def fetch(self) -> list[Quote | QuoteFailure]:
        """Ask once for all feeds."""
        try:
            body = await self._get.body()
            feeds = _feeds(await asyncio.to_thread(parse_json, body))
        except BadAnswer as bad:
            return [origin.failure(bad.kind, bad.detail, self._now_ms()) for origin in self.origins]
        return [
            self._answer(origin, each, feeds)
            for origin, each in zip(self.origins, self._settings, strict=True)
        ]

    async def aclose(self) -> None:
        """The session is its opener's to close."""

    def _answer(
        self, origin: Origin, settings: RedstoneSourceSettings, feeds: Mapping[str, object]
    ) -> Quote | QuoteFailure:
        now_ms = self._now_ms()
        if settings.feed not in feeds:
            return origin.failure(FailureKind.REFUSED, "the answer has no such feed", now_ms)
        window = Window(round(settings.max_delay_s * 1_000), round(settings.max_ahead_s * 1_000))
        try:
            agreed = agree(
                feeds[settings.feed], settings.feed, settings.signers, settings.threshold, window, now_ms
            )
        except BadAnswer as bad:
            return origin.failure(bad.kind, bad.detail, now_ms)
        return origin.quote(agreed.value_wad, agreed.oldest_ms, now_ms, agreed.confidence_wad)


def _feeds(answer: object) -> Mapping[str, object]:
    if isinstance(answer, Mapping):
        return answer
    raise BadAnswer(FailureKind.MALFORMED, "no object of feeds")
