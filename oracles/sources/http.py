"""A price from any JSON endpoint, read as if the other side meant harm.

Limits: a total time per request (which ends a trickle as well as a silence), a body cap
counted before anything is parsed, no compression (so that nothing can inflate), no
redirects, no cookies, no proxy from the environment. A bad answer of any kind comes back
as a `QuoteFailure`; `fetch` raises only when its task is cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
from asyncio_throttle.throttler import Throttler

from config.source_settings import HttpSourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.json_answer import parse_json, price_wad, shown, time_ms, walk
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.presets import Route, route

MAX_BODY_BYTES = 256 * 1024
MAX_RETRY_AFTER_S = 300.0
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cross-chain-keeper",
}


def open_session() -> aiohttp.ClientSession:
    """Return the session that HTTP sources share. Whoever opens it closes it."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        trust_env=False,
    )


class HttpSource:
    """One endpoint asked for one pair. Raises ``ValueError`` for settings that name no route."""

    def __init__(
        self, settings: HttpSourceSettings, session: aiohttp.ClientSession, now_ms: Callable[[], int]
    ) -> None:
        self.origin = Origin.of(settings)
        self.poll_interval_s = settings.poll_interval_s
        self.retry_after_s = 0.0
        """How long the source asked to be left alone, in its last answer."""
        self._route = route(settings)
        self._address = _address(settings, self._route.path)
        self._session = session
        self._now_ms = now_ms
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
        self._throttle = Throttler(settings.max_requests_per_s, retry_interval=0.05)

    async def fetch(self) -> Quote | QuoteFailure:
        """Ask once and return the quote, or why there is none."""
        self.retry_after_s = 0.0
        try:
            async with self._throttle:
                body = await self._get()
            value_wad, source_time_ms = _read(body, self._route)
        except BadAnswer as bad:
            return self.origin.failure(bad.kind, bad.detail, self._now_ms())
        except TimeoutError:
            detail = f"no whole answer within {self._timeout.total} s"
            return self.origin.failure(FailureKind.UNREACHABLE, detail, self._now_ms())
        except (aiohttp.ClientError, OSError) as error:
            # the class only: the text of such errors may carry the URL
            return self.origin.failure(FailureKind.UNREACHABLE, type(error).__name__, self._now_ms())
        return self.origin.quote(value_wad, source_time_ms, self._now_ms())

    async def _get(self) -> bytes:
        request = self._session.get(self._address, allow_redirects=False, timeout=self._timeout)
        async with request as response:
            self._check(response)
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    response.close()
                    raise BadAnswer(FailureKind.MALFORMED, f"longer than {MAX_BODY_BYTES} bytes")
            return bytes(body)

    def _check(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        self.retry_after_s = _retry_after_s(response.headers.get("Retry-After"), self._now_ms())
        if status in {418, 429}:
            # 418 is binance's word for a ban after too many 429
            raise BadAnswer(FailureKind.RATE_LIMITED, f"status {status}")
        if status >= 500:
            raise BadAnswer(FailureKind.UNREACHABLE, f"status {status}")
        if status >= 300:
            raise BadAnswer(FailureKind.REFUSED, f"status {status}")
        if status != 200:
            raise BadAnswer(FailureKind.MALFORMED, f"status {status}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadAnswer(FailureKind.MALFORMED, "compressed although asked not to")


def _read(body: bytes, asked: Route) -> tuple[int, int | None]:
    answer = parse_json(body)
    if asked.code_path is not None:
        _check_code(walk(answer, asked.code_path), asked)
    value_wad = price_wad(walk(answer, asked.price_path))
    if asked.time_path is None:
        return value_wad, None
    return value_wad, time_ms(walk(answer, asked.time_path), asked.time_unit)


def _check_code(code: object, asked: Route) -> None:
    expected = list(asked.code_ok) if isinstance(asked.code_ok, tuple) else asked.code_ok
    if code == expected:
        return
    said = code if isinstance(code, list) else [code]
    busy = any(isinstance(word, str) and word in asked.codes_busy for word in said)
    kind = FailureKind.RATE_LIMITED if busy else FailureKind.REFUSED
    raise BadAnswer(kind, f"the venue says {shown(code)}")


def _address(settings: HttpSourceSettings, path: str) -> str:
    """Return the address to ask: the base's own path and query (where a key may be) are kept."""
    base = urlsplit(settings.url.reveal())
    where, _, question = path.replace("{symbol}", quote(settings.symbol, safe="")).partition("?")
    query = "&".join(part for part in (base.query, question) if part)
    return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + where, query, ""))


def _retry_after_s(header: str | None, now_ms: int) -> float:
    """Return how long to wait by a ``Retry-After`` of seconds or a date, within bounds; 0 without one."""
    if header is None:
        return 0.0
    if header.isascii() and header.isdigit():
        return min(float(header[:9]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait_s = (moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
