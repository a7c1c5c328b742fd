"""How real exchanges push tickers: what they want to be told, and what they say. Pure.

Base addresses are the operator's to give: binance ``wss://stream.binance.com:9443``, bybit
``wss://stream.bybit.com``, coinbase ``wss://ws-feed.exchange.coinbase.com``, kraken
``wss://ws.kraken.com``, okx ``wss://ws.okx.com:8443``.

One market that a venue does not have must not cost the others. Where a venue answers for each
market by itself (kraken) or takes any name in silence (binance), all are asked for at once; where one bad
name refuses the whole request (bybit, coinbase, okx), each market gets a request of its own.

Whose clock: every ticker here carries the venue's own time of the message. Every venue says
something at least as often as it is asked to (``ping``), or by itself (coinbase and kraken send
heartbeats each second), so that a dead connection is told from a quiet market.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from oracles.price import FailureKind
from oracles.sources.json_answer import price_wad, shown, time_ms, walk
from oracles.sources.origin import BadAnswer
from oracles.sources.spread import spread_wad


@dataclass(frozen=True, slots=True)
class Ticker:
    """A market's price as pushed. `sequence` rises with every message of the market, where the venue counts them."""

    symbol: str
    value_wad: int
    spread_wad: int
    time_ms: int
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class BadTicker:
    """A message about a market that holds no price."""

    symbol: str
    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The venue does not do what it was asked; which market it means is somewhere in its words."""

    detail: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """The venue is about to close the connection."""


Event = Ticker | BadTicker | Refusal | Farewell


@dataclass(frozen=True, slots=True)
class WsVenue:
    """One venue's manners: where it listens, how it is asked, how it is read. What `read` does not know, it passes over.

    `ping` is what it wants to hear now and then, and `pong` its answer where that is no JSON.
    """

    path: str
    requests: Callable[[Sequence[str]], list[str]]
    read: Callable[[object], Iterator[Event]]
    ping: str | None = None
    pong: str | None = None


def _text(message: Mapping[str, object], key: str) -> str:
    said = message.get(key)
    return said if isinstance(said, str) else ""


def _ticker(
    symbol: str,
    row: object,
    price: str,
    book: tuple[str, str] | None,
    at_ms: Callable[[], int],
    sequence: Callable[[], int] | None = None,
) -> Event:
    """Return the ticker in `row`, or why there is none: a bad message costs its own market only."""
    try:
        value_wad = price_wad(walk(row, price))
        width_wad = 0
        if book is not None:
            width_wad = spread_wad(value_wad, price_wad(walk(row, book[0])), price_wad(walk(row, book[1])))
        return Ticker(symbol, value_wad, width_wad, at_ms(), None if sequence is None else sequence())
    except BadAnswer as bad:
        return BadTicker(symbol, bad.kind, bad.detail)


def _count(row: object, path: str) -> int:
    said = walk(row, path)
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) <= 20:
        return int(said)
    raise BadAnswer(FailureKind.MALFORMED, f"not a count: {shown(said)}")


def _time(row: object, path: str, unit: str) -> int:
    return time_ms(walk(row, path), "iso" if unit == "iso" else "ms")


def _requests_binance(symbols: Sequence[str]) -> list[str]:
    streams = [f"{symbol.lower()}@ticker" for symbol in symbols]
    return [json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1})]


def _read_binance(message: object) -> Iterator[Event]:
    if not isinstance(message, Mapping):
        return
    row = message.get("data", message)
    error = message.get("error", message)
    if isinstance(error, Mapping) and "code" in error:
        yield Refusal(_text(error, "msg"))
    elif isinstance(row, Mapping) and row.get("e") == "24hrTicker":
        yield _ticker(_text(row, "s"), row, "c", ("b", "a"), partial(_time, row, "E", "ms"))
    elif isinstance(row, Mapping) and row.get("e") == "serverShutdown":
        yield Farewell()


def _requests_bybit(symbols: Sequence[str]) -> list[str]:
    return [json.dumps({"op": "subscribe", "args": [f"tickers.{symbol}"]}) for symbol in symbols]


def _read_bybit(message: object) -> Iterator[Event]:
    if not isinstance(message, Mapping):
        return
    row, topic = message.get("data"), _text(message, "topic")
    if message.get("success") is False:
        yield Refusal(_text(message, "ret_msg"))
    elif topic.startswith("tickers.") and isinstance(row, Mapping) and "lastPrice" in row:
        yield _ticker(
            topic.removeprefix("tickers."), row, "lastPrice", None, partial(_time, message, "ts", "ms")
        )


def _requests_coinbase(symbols: Sequence[str]) -> list[str]:
    return [
        json.dumps({"type": "subscribe", "product_ids": [symbol], "channels": ["ticker", "heartbeat"]})
        for symbol in symbols
    ]


def _read_coinbase(message: object) -> Iterator[Event]:
    if not isinstance(message, Mapping):
        return
    kind = message.get("type")
    if kind == "error":
        yield Refusal(f"{_text(message, 'message')}: {_text(message, 'reason')}")
    elif kind == "ticker":
        yield _ticker(
            _text(message, "product_id"),
            message,
            "price",
            ("best_bid", "best_ask"),
            partial(_time, message, "time", "iso"),
            partial(_count, message, "sequence"),
        )


def _requests_kraken(symbols: Sequence[str]) -> list[str]:
    asked = {"channel": "ticker", "symbol": list(symbols), "event_trigger": "trades", "snapshot": True}
    return [json.dumps({"method": "subscribe", "params": asked})]


def _read_kraken(message: object) -> Iterator[Event]:
    if not isinstance(message, Mapping):
        return
    rows = message.get("data")
    if message.get("success") is False:
        yield Refusal(f"{_text(message, 'error')} {_text(message, 'symbol')}")
    elif message.get("channel") == "ticker" and isinstance(rows, list):
        for row in rows:
            if isinstance(row, Mapping):
                at_ms = partial(_time, row, "timestamp", "iso")
                yield _ticker(_text(row, "symbol"), row, "last", ("bid", "ask"), at_ms)


def _requests_okx(symbols: Sequence[str]) -> list[str]:
    return [
        json.dumps({"op": "subscribe", "args": [{"channel": "tickers", "instId": symbol}]})
        for symbol in symbols
    ]


def _read_okx(message: object) -> Iterator[Event]:
    if not isinstance(message, Mapping):
        return
    event, rows = message.get("event"), message.get("data")
    if event == "error":
        yield Refusal(_text(message, "msg"))
    elif event == "notice":
        yield Farewell()
    elif isinstance(rows, list):
        for row in rows:
            if isinstance(row, Mapping):
                at_ms = partial(_time, row, "ts", "ms")
                yield _ticker(_text(row, "instId"), row, "last", ("bidPx", "askPx"), at_ms)


WS_VENUES: dict[str, WsVenue] = {
    "binance": WsVenue(
        "/ws", _requests_binance, _read_binance, json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2})
    ),
    "bybit": WsVenue("/v5/public/spot", _requests_bybit, _read_bybit, json.dumps({"op": "ping"})),
    "coinbase": WsVenue("/", _requests_coinbase, _read_coinbase),
    "kraken": WsVenue("/v2", _requests_kraken, _read_kraken, json.dumps({"method": "ping"})),
    "okx": WsVenue("/ws/v5/public", _requests_okx, _read_okx, "ping", "pong"),
}
