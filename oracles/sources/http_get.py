"""One HTTP request, made as if the other side meant harm.

Limits: a total time per request (which ends a trickle as well as a silence), a body cap
counted before anything is parsed, no compression (so that nothing can inflate), no
redirects, no cookies, no proxy from the environment. Whatever goes wrong is a `BadAnswer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from asyncio_throttle.throttler import Throttler

from config.secrets import SecretUrl
from oracles.price import FailureKind
from oracles.sources.origin import BadAnswer

MAX_BODY_BYTES = 256 * 1024
MAX_RETRY_AFTER_S = 300.0
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "cross-chain-keeper",
}


class Redirected(aiohttp.ClientError):
    """The other side named another address. It is not followed: it was not configured."""


def open_session() -> aiohttp.ClientSession:
    """Return the session that sources share. Whoever opens it closes it."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        trust_env=False,
        trace_configs=[no_redirects()],
    )


def no_redirects() -> aiohttp.TraceConfig:
    """Return what keeps a session from following anyone: handshakes of WebSockets have no option for that."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    return trace


async def _refuse(*_: object) -> None:
    raise Redirected


class HttpGet:
    """One address that is asked again and again, never more often than `max_requests_per_s`.

    `headers` may hold a secret: they are sent, and shown nowhere.
    """

    def __init__(
        self,
        address: str,
        session: aiohttp.ClientSession,
        now_ms: Callable[[], int],
        *,
        timeout_s: float,
        max_requests_per_s: int,
        max_bytes: int = MAX_BODY_BYTES,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.retry_after_s = 0.0
        """How long the other side asked to be left alone, in its last answer."""
        self._address = address
        self._session = session
        self._now_ms = now_ms
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._throttle = Throttler(max_requests_per_s, retry_interval=0.05)
        self._max_bytes = max_bytes
        self._headers = dict(headers or {})

    async def body(self) -> bytes:
        """Ask once and return the body of a good answer. Raises `BadAnswer` for every other."""
        self.retry_after_s = 0.0
        try:
            async with self._throttle:
                return await self._get()
        except TimeoutError:
            detail = f"no whole answer within {self._timeout.total} s"
            raise BadAnswer(FailureKind.UNREACHABLE, detail) from None
        except (aiohttp.ClientError, OSError) as error:
            # the class only: the text of such errors may carry the URL
            raise BadAnswer(FailureKind.UNREACHABLE, type(error).__name__) from None

    async def _get(self) -> bytes:
        request = self._session.get(
            self._address, allow_redirects=False, timeout=self._timeout, headers=self._headers
        )
        async with request as response:
            self._check(response)
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._max_bytes:
                    response.close()
                    raise BadAnswer(FailureKind.MALFORMED, f"longer than {self._max_bytes} bytes")
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


def address(url: SecretUrl, path: str) -> str:
    """Return the address of `path` below `url`, whose own path and query (where a key may be) are kept."""
    base = urlsplit(url.reveal())
    where, _, question = path.partition("?")
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
