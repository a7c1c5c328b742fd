"""A price from any JSON endpoint. A bad answer of any kind comes back as a `QuoteFailure`.

`fetch` raises only when its task is cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import aiohttp

from config.source_settings import HttpSourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.credentials import bearer
from oracles.sources.http_get import HttpGet, address
from oracles.sources.json_answer import amount_wad, parse_json, price_wad, shown, time_ms, walk
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.presets import Route, route
from oracles.sources.spread import spread_wad


class HttpSource:
    """One endpoint asked for one pair. Raises ``ValueError`` for settings that name no route."""

    def __init__(
        self, settings: HttpSourceSettings, session: aiohttp.ClientSession, now_ms: Callable[[], int]
    ) -> None:
        self.origin = Origin.of(settings)
        self.poll_interval_s = settings.poll_interval_s
        self._route = route(settings)
        self._now_ms = now_ms
        self._get = HttpGet(
            address(settings.url, self._route.path.replace("{symbol}", quote(settings.symbol, safe=""))),
            session,
            now_ms,
            timeout_s=settings.timeout_s,
            max_requests_per_s=settings.max_requests_per_s,
            headers=bearer(settings.token_file),
        )

    @property
    def retry_after_s(self) -> float:
        """How long the source asked to be left alone, in its last answer."""
        return self._get.retry_after_s

    async def fetch(self) -> Quote | QuoteFailure:
        """Ask once and return the quote, or why there is none."""
        try:
            value_wad, source_time_ms, confidence_wad = _read(await self._get.body(), self._route)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, self._now_ms())
        return self.origin.quote(value_wad, source_time_ms, self._now_ms(), confidence_wad)


def _read(body: bytes, asked: Route) -> tuple[int, int | None, int]:
    answer = parse_json(body)
    if asked.code_path is not None:
        _check_code(walk(answer, asked.code_path), asked)
    value_wad = price_wad(walk(answer, asked.price_path))
    confidence_wad = _confidence_wad(answer, asked, value_wad)
    if asked.time_path is None:
        return value_wad, None, confidence_wad
    return value_wad, time_ms(walk(answer, asked.time_path), asked.time_unit), confidence_wad


def _confidence_wad(answer: object, asked: Route, value_wad: int) -> int:
    if asked.confidence_path is not None:
        return amount_wad(walk(answer, asked.confidence_path))
    if asked.bid_path is None or asked.ask_path is None:
        return 0
    return spread_wad(
        value_wad, price_wad(walk(answer, asked.bid_path)), price_wad(walk(answer, asked.ask_path))
    )


def _check_code(code: object, asked: Route) -> None:
    expected = list(asked.code_ok) if isinstance(asked.code_ok, tuple) else asked.code_ok
    if code == expected:
        return
    said = code if isinstance(code, list) else [code]
    busy = any(isinstance(word, str) and word in asked.codes_busy for word in said)
    kind = FailureKind.RATE_LIMITED if busy else FailureKind.REFUSED
    raise BadAnswer(kind, f"the venue says {shown(code)}")
