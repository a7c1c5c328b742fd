"""What real exchanges say over their WebSockets, message by message, for markets in a given state.

Written from the exchanges' documentation and not from `oracles.sources.ws_venues`, so that a wrong
name in one shows against the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from oracles.venue_answers import Tick


@dataclass(slots=True)
class Reply:
    """What a venue makes of one thing it is told: markets subscribed to, and what it says at once."""

    subscribed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def say(self, **message: object) -> None:
        """Say one JSON object."""
        self.said.append(json.dumps(message))


@dataclass(frozen=True, slots=True)
class Stream:
    """One venue's manners: where it listens, what it makes of a message, how it tells a ticker, and its heartbeat."""

    path: str
    hear: Callable[[str, Collection[str]], Reply]
    ticker: Callable[[Tick, int], str]
    beat: Callable[[str, int], str] | None = None


def _hear_binance(text: str, _known: Collection[str]) -> Reply:
    """Take any name, as binance does: a market that it does not have is subscribed to and never speaks."""
    reply, message = Reply(), json.loads(text)
    if message["method"] == "LIST_SUBSCRIPTIONS":
        reply.say(result=[], id=message["id"])
    elif all(stream.islower() or not stream.isalpha() for stream in message["params"]):
        reply.subscribed = [stream.removesuffix("@ticker").upper() for stream in message["params"]]
        reply.say(result=None, id=message["id"])
    else:
        reply.say(error={"code": 2, "msg": "Invalid request: unknown stream"}, id=message["id"])
    return reply


def _ticker_binance(tick: Tick, sequence: int) -> str:
    return json.dumps(
        {
            "e": "24hrTicker",
            "E": tick.time_ms,
            "s": tick.symbol,
            "p": "0.0015",
            "P": "250.00",
            "w": tick.price,
            "x": tick.price,
            "c": tick.price,
            "Q": "10",
            "b": tick.bid,
            "B": "10",
            "a": tick.ask,
            "A": "100",
            "o": tick.price,
            "h": tick.ask,
            "l": tick.bid,
            "v": "10000",
            "q": "18",
            "O": tick.time_ms - 86_400_000,
            "C": tick.time_ms,
            "F": 0,
            "L": sequence,
            "n": 18151,
        }
    )


def _hear_bybit(text: str, known: Collection[str]) -> Reply:
    reply, message = Reply(), json.loads(text)
    if message["op"] == "ping":
        reply.say(success=True, ret_msg="pong", conn_id="c-1", op="ping")
        return reply
    for topic in message["args"]:
        if topic.removeprefix("tickers.") not in known:
            error = f"error:handler not found,topic:{topic}"
            reply.say(success=False, ret_msg=error, conn_id="c-1", req_id="", op="subscribe")
            return reply
    reply.subscribed = [topic.removeprefix("tickers.") for topic in message["args"]]
    reply.say(success=True, ret_msg="subscribe", conn_id="c-1", req_id="", op="subscribe")
    return reply


def _ticker_bybit(tick: Tick, sequence: int) -> str:
    row = {
        "symbol": tick.symbol,
        "lastPrice": tick.price,
        "highPrice24h": tick.ask,
        "lowPrice24h": tick.bid,
        "prevPrice24h": tick.price,
        "volume24h": "6780.866843",
        "turnover24h": "141946527.22907118",
        "price24hPcnt": "0.0196",
        "usdIndexPrice": tick.price,
    }
    return json.dumps(
        {
            "topic": f"tickers.{tick.symbol}",
            "ts": tick.time_ms,
            "type": "snapshot",
            "cs": sequence,
            "data": row,
        }
    )


def _hear_coinbase(text: str, known: Collection[str]) -> Reply:
    """Refuse the whole request for one name it does not know."""
    reply, message = Reply(), json.loads(text)
    for product in message["product_ids"]:
        if product not in known:
            reason = f"{product} is not a valid product"
            reply.say(type="error", message="Failed to subscribe", reason=reason)
            return reply
    reply.subscribed = list(message["product_ids"])
    channels = [{"name": name, "product_ids": reply.subscribed} for name in message["channels"]]
    reply.say(type="subscriptions", channels=channels)
    return reply


def _ticker_coinbase(tick: Tick, sequence: int) -> str:
    return json.dumps(
        {
            "type": "ticker",
            "sequence": sequence,
            "product_id": tick.symbol,
            "price": tick.price,
            "open_24h": tick.price,
            "volume_24h": "13.0",
            "low_24h": tick.bid,
            "high_24h": tick.ask,
            "volume_30d": "245",
            "best_bid": tick.bid,
            "best_bid_size": "0.46688654",
            "best_ask": tick.ask,
            "best_ask_size": "1.56637040",
            "side": "buy",
            "time": tick.iso,
            "trade_id": 20153558,
            "last_size": "0.1",
        }
    )


def _beat_coinbase(symbol: str, sequence: int) -> str:
    beat = {"sequence": sequence, "last_trade_id": 20, "time": "2014-11-07T08:19:28.464459Z"}
    return json.dumps({"type": "heartbeat", "product_id": symbol, **beat})


def _hear_kraken(text: str, known: Collection[str]) -> Reply:
    """Answer for each market by itself."""
    reply, message = Reply(), json.loads(text)
    times = {"time_in": "2022-12-25T09:30:59.123456Z", "time_out": "2022-12-25T09:30:59.123456Z"}
    if message["method"] == "ping":
        reply.say(method="pong", **times)
        return reply
    for symbol in message["params"]["symbol"]:
        if symbol in known:
            reply.subscribed.append(symbol)
            result = {"channel": "ticker", "snapshot": True, "symbol": symbol}
            reply.say(method="subscribe", result=result, success=True, **times)
        else:
            error = f"Currency pair not supported {symbol}"
            reply.say(error=error, method="subscribe", success=False, symbol=symbol, **times)
    return reply


def _ticker_kraken(tick: Tick, _sequence: int) -> str:
    prices: dict[str, Any] = {"bid": tick.bid, "ask": tick.ask, "last": tick.price}
    numbers = ",".join(f'"{key}":{value}' for key, value in prices.items())
    rest = '"bid_qty":740.0,"ask_qty":740.0,"volume":997038.9,"vwap":0.10148,"low":0.09979,"high":0.1,"change":0.0'
    named = f'"symbol":"{tick.symbol}","timestamp":"{tick.iso}"'
    return f'{{"channel":"ticker","type":"update","data":[{{{named},{numbers},{rest},"change_pct":4.23}}]}}'


def _beat_kraken(_symbol: str, _sequence: int) -> str:
    return '{"channel":"heartbeat"}'


def _hear_okx(text: str, known: Collection[str]) -> Reply:
    reply = Reply()
    if text == "ping":
        reply.said.append("pong")
        return reply
    for argument in json.loads(text)["args"]:
        symbol = argument["instId"]
        if symbol not in known:
            words = f"Wrong URL or channel:tickers,instId:{symbol} doesn't exist."
            reply.say(event="error", code="60018", msg=words, connId="a4d3ae55")
            return reply
        reply.subscribed.append(symbol)
        reply.say(event="subscribe", arg=argument, connId="a4d3ae55")
    return reply


def _ticker_okx(tick: Tick, _sequence: int) -> str:
    row = {
        "instType": "SPOT",
        "instId": tick.symbol,
        "last": tick.price,
        "lastSz": "0.1",
        "askPx": tick.ask,
        "askSz": "11",
        "bidPx": tick.bid,
        "bidSz": "5",
        "open24h": tick.price,
        "high24h": tick.ask,
        "low24h": tick.bid,
        "volCcy24h": "2222",
        "vol24h": "2222",
        "ts": str(tick.time_ms),
    }
    return json.dumps({"arg": {"channel": "tickers", "instId": tick.symbol}, "data": [row]})


STREAMS: dict[str, Stream] = {
    "binance": Stream("/ws", _hear_binance, _ticker_binance),
    "bybit": Stream("/v5/public/spot", _hear_bybit, _ticker_bybit),
    "coinbase": Stream("/", _hear_coinbase, _ticker_coinbase, _beat_coinbase),
    "kraken": Stream("/v2", _hear_kraken, _ticker_kraken, _beat_kraken),
    "okx": Stream("/ws/v5/public", _hear_okx, _ticker_okx),
}
