"""How real exchanges are asked, and where price and time stand in their answers.

Base addresses are the operator's to give; these answer without a key:
binance ``https://api.binance.com``, bitstamp ``https://www.bitstamp.net``, bybit
``https://api.bybit.com``, coinbase ``https://api.exchange.coinbase.com``, gemini
``https://api.gemini.com``, kraken ``https://api.kraken.com``, kucoin
``https://api.kucoin.com``, okx ``https://www.okx.com``.

Whose clock: kraken's ticker has no time, and bybit's is that of the answer, not of the
price. Both are read as having none, so their quotes age from their last change; on a
market that may stand still for longer than ``max_age_s`` use ``kraken-trades`` or
``bybit-trades``, which carry the time of the last trade, as does gemini's preset. binance's
``closeTime`` is the end of its statistics window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from config.source_settings import HttpSourceSettings
from oracles.sources.json_answer import TimeUnit


@dataclass(frozen=True, slots=True)
class Route:
    """One question to an HTTP endpoint and how its answer is read.

    `code_path` leads to the venue's own verdict, which must be `code_ok` (text, or an
    empty list); a verdict in `codes_busy` means asked too often. How sure the price is
    stands at `confidence_path`, or follows from bid and ask.
    """

    path: str
    price_path: str
    time_path: str | None = None
    time_unit: TimeUnit = "ms"
    code_path: str | None = None
    code_ok: str | tuple[()] = ""
    codes_busy: frozenset[str] = frozenset()
    bid_path: str | None = None
    ask_path: str | None = None
    confidence_path: str | None = None


_KRAKEN_BUSY = frozenset({"EAPI:Rate limit exceeded", "EGeneral:Too many requests"})
_BYBIT_BUSY = frozenset({"10006", "10018"})

PRESETS: dict[str, Route] = {
    "binance": Route(
        "/api/v3/ticker/24hr?symbol={symbol}",
        "lastPrice",
        "closeTime",
        bid_path="bidPrice",
        ask_path="askPrice",
    ),
    "bitstamp": Route("/api/v2/ticker/{symbol}/", "last", "timestamp", "s", bid_path="bid", ask_path="ask"),
    "bybit": Route(
        "/v5/market/tickers?category=spot&symbol={symbol}",
        "result.list.0.lastPrice",
        code_path="retCode",
        code_ok="0",
        codes_busy=_BYBIT_BUSY,
        bid_path="result.list.0.bid1Price",
        ask_path="result.list.0.ask1Price",
    ),
    "bybit-trades": Route(
        "/v5/market/recent-trade?category=spot&symbol={symbol}&limit=1",
        "result.list.0.price",
        "result.list.0.time",
        code_path="retCode",
        code_ok="0",
        codes_busy=_BYBIT_BUSY,
    ),
    "coinbase": Route("/products/{symbol}/ticker", "price", "time", "iso", bid_path="bid", ask_path="ask"),
    "gemini": Route("/v1/trades/{symbol}?limit_trades=1", "0.price", "0.timestampms"),
    "kraken": Route(
        "/0/public/Ticker?pair={symbol}",
        "result.*.c.0",
        code_path="error",
        code_ok=(),
        codes_busy=_KRAKEN_BUSY,
        bid_path="result.*.b.0",
        ask_path="result.*.a.0",
    ),
    "kraken-trades": Route(
        "/0/public/Trades?pair={symbol}&count=1",
        "result.*.0.0",
        "result.*.0.2",
        "s",
        code_path="error",
        code_ok=(),
        codes_busy=_KRAKEN_BUSY,
    ),
    "kucoin": Route(
        "/api/v1/market/orderbook/level1?symbol={symbol}",
        "data.price",
        "data.time",
        code_path="code",
        code_ok="200000",
        codes_busy=frozenset({"429000"}),
        bid_path="data.bestBid",
        ask_path="data.bestAsk",
    ),
    "okx": Route(
        "/api/v5/market/ticker?instId={symbol}",
        "data.0.last",
        "data.0.ts",
        code_path="code",
        code_ok="0",
        codes_busy=frozenset({"50011"}),
        bid_path="data.0.bidPx",
        ask_path="data.0.askPx",
    ),
}


def route(settings: HttpSourceSettings) -> Route:
    """Return the preset that `settings` name, with what they say themselves put over it.

    Raises ``ValueError`` naming the key that is wrong or missing.
    """
    if settings.preset is None:
        if settings.path is None or settings.price_path is None:
            message = f"source {settings.name} needs a preset, or path and price_path"
            raise ValueError(message)
        found = Route(settings.path, settings.price_path)
    elif settings.preset in PRESETS:
        found = PRESETS[settings.preset]
    else:
        message = f"source {settings.name}: no preset {settings.preset!r}; there are {', '.join(PRESETS)}"
        raise ValueError(message)
    found = replace(
        found,
        path=settings.path or found.path,
        price_path=settings.price_path or found.price_path,
        time_path=settings.time_path or found.time_path,
        time_unit=settings.time_unit or found.time_unit,
        confidence_path=settings.confidence_path,
        bid_path=(settings.bid_path or found.bid_path) if settings.use_spread else None,
        ask_path=(settings.ask_path or found.ask_path) if settings.use_spread else None,
    )
    if "{symbol}" in found.path and not settings.symbol:
        message = f"source {settings.name} needs a symbol"
        raise ValueError(message)
    if settings.time_path is not None and settings.time_unit is None and settings.preset is None:
        message = f"source {settings.name} has a time_path and so needs a time_unit"
        raise ValueError(message)
    return found
