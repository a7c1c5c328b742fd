"""Markets of any exchange that ccxt speaks to. ccxt is optional: without it such a source can not be opened.

What ccxt does not limit is limited here: the length of a body, redirects, compression, and the
time of a whole question. Numbers stay text on their way through it. It reads strangers' data with
code of its own that takes their form for granted, so what it raises over a bad answer is not only its own errors.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
from asyncio_throttle.throttler import Throttler

from config.source_settings import CcxtSourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.http_get import no_redirects
from oracles.sources.json_answer import NumberText, price_wad, shown, time_ms
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.spread import spread_wad

MAX_BODY_BYTES = 8 * 1024 * 1024
"""A list of all markets of an exchange is some megabytes; a ticker is less than one kilobyte."""

_KINDS = (
    ("RateLimitExceeded", FailureKind.RATE_LIMITED),
    ("DDoSProtection", FailureKind.RATE_LIMITED),
    ("BadSymbol", FailureKind.REFUSED),
    ("AuthenticationError", FailureKind.REFUSED),
    ("BadResponse", FailureKind.MALFORMED),
    ("NetworkError", FailureKind.UNREACHABLE),
    ("ExchangeError", FailureKind.REFUSED),
)
"""ccxt's errors, the particular before the general, and what they mean."""

_OVER_A_BAD_ANSWER = (
    aiohttp.ClientError,
    OSError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class CcxtMissing(ValueError):
    """ccxt is not installed, or does not know the exchange. The text says what to do."""


def exchange_class(name: str) -> Callable[[Mapping[str, object]], Any]:
    """Return ccxt's class of an exchange. Raises `CcxtMissing`."""
    try:
        ccxt = importlib.import_module("ccxt.async_support")
    except ImportError:
        message = 'kind = "ccxt" needs ccxt: pip install "cross-chain-keeper[ccxt]"'
        raise CcxtMissing(message) from None
    found = getattr(ccxt, name, None) if name in ccxt.exchanges else None
    if found is None:
        message = f"ccxt {ccxt.__version__} has no exchange {name[:40]!r}"
        raise CcxtMissing(message)
    made: Callable[[Mapping[str, object]], Any] = found
    return made


class CcxtBatch:
    """Markets of one exchange. `settings` must agree on `exchange` and `url`; the shortest times hold for all.

    Raises `CcxtMissing`.
    """

    retry_after_s = 0.0

    def __init__(self, settings: Sequence[CcxtSourceSettings], now_ms: Callable[[], int]) -> None:
        self.origins = tuple(Origin.of(each) for each in settings)
        self.poll_interval_s = min(each.poll_interval_s for each in settings)
        self._settings = tuple(settings)
        self._timeout_s = min(each.timeout_s for each in settings)
        self._throttle = Throttler(min(each.max_requests_per_s for each in settings), retry_interval=0.05)
        self._now_ms = now_ms
        self._make = exchange_class(settings[0].exchange)
        self._errors = importlib.import_module("ccxt.base.errors")
        self._exchange: Any = None

    async def fetch(self) -> list[Quote | QuoteFailure]:
        """Ask for every market, each within its time."""
        if self._exchange is None:
            self._exchange = self._open()
        asked = zip(self.origins, self._settings, strict=True)
        return list(await asyncio.gather(*(self._ask(origin, each) for origin, each in asked)))

    async def aclose(self) -> None:
        """Close ccxt's connections."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.session.close()
            await exchange.close()

    def _open(self) -> Any:  # noqa: ANN401 - ccxt has no types
        exchange = self._make({"enableRateLimit": True, "timeout": round(self._timeout_s * 1_000)})
        exchange.number = str
        exchange.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            response_class=CappedResponse,
            trace_configs=[no_redirects()],
            auto_decompress=False,
            trust_env=False,
        )
        # its last look at the headers, after it has asked for compression
        exchange.set_headers = lambda headers: {**headers, "Accept-Encoding": "identity"}
        url = self._settings[0].url
        if url is not None:
            exchange.urls["api"] = _readdressed(exchange.urls["api"], url.reveal().rstrip("/"))
            exchange.hostname = ""
        return exchange

    async def _ask(self, origin: Origin, settings: CcxtSourceSettings) -> Quote | QuoteFailure:
        try:
            async with self._throttle, asyncio.timeout(self._timeout_s):
                ticker = await self._exchange.fetch_ticker(settings.symbol)
            value_wad, made_ms, confidence_wad = _read(ticker, use_spread=settings.use_spread)
        except BadAnswer as bad:
            return origin.failure(bad.kind, bad.detail, self._now_ms())
        except TimeoutError:
            detail = f"no whole answer within {self._timeout_s:g} s"
            return origin.failure(FailureKind.UNREACHABLE, detail, self._now_ms())
        except (self._errors.BaseError, *_OVER_A_BAD_ANSWER) as error:
            # the class only: the text of such errors carries the URL and the whole body
            return origin.failure(self._kind(error), f"ccxt: {type(error).__name__}", self._now_ms())
        return origin.quote(value_wad, made_ms, self._now_ms(), confidence_wad)

    def _kind(self, error: Exception) -> FailureKind:
        for name, kind in _KINDS:
            if isinstance(error, getattr(self._errors, name)):
                return kind
        return FailureKind.UNREACHABLE if isinstance(error, OSError) else FailureKind.MALFORMED


class CappedResponse(aiohttp.ClientResponse):
    """A response that is read no further than `MAX_BODY_BYTES`, and not at all when compressed."""

    async def read(self) -> bytes:
        """Return the body. Raises `aiohttp.ClientPayloadError` for one that is too long."""
        if self._body is None:
            if self.headers.get("Content-Encoding", "identity").lower() != "identity":
                self.close()
                raise aiohttp.ClientPayloadError("compressed")
            body = bytearray()
            async for chunk in self.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    self.close()
                    raise aiohttp.ClientPayloadError("too long")
            self._body = bytes(body)
        return self._body


def _readdressed(urls: object, base: str) -> object:
    """Return ccxt's tree of addresses with every scheme and host put aside for `base`."""
    if isinstance(urls, Mapping):
        return {key: _readdressed(inner, base) for key, inner in urls.items()}
    if isinstance(urls, str) and "://" in urls:
        _, slash, path = urls.partition("://")[2].partition("/")
        return base + slash + path
    return urls


def _read(ticker: object, *, use_spread: bool) -> tuple[int, int | None, int]:
    """Return price, time and confidence of ccxt's ticker. Without a time of its own a quote has none."""
    if not isinstance(ticker, Mapping):
        raise BadAnswer(FailureKind.MALFORMED, f"no ticker: {shown(ticker)}")
    value_wad = price_wad(ticker.get("last"))
    width_wad = 0
    bid, ask = ticker.get("bid"), ticker.get("ask")
    if use_spread and bid is not None and ask is not None:
        width_wad = spread_wad(value_wad, price_wad(bid), price_wad(ask))
    timestamp = ticker.get("timestamp")
    if timestamp is None:
        return value_wad, None, width_wad
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        raise BadAnswer(FailureKind.MALFORMED, f"not a time: {shown(timestamp)}")
    return value_wad, time_ms(NumberText(timestamp), "ms"), width_wad
