"""The answers of real exchanges, field by field, for a market in a given state.

Written from the exchanges' documentation and not from `oracles.sources.presets`, so that
a wrong path in one shows against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Tick:
    """A market's state as a venue tells it. Prices are decimal text."""

    symbol: str
    price: str
    bid: str
    ask: str
    time_ms: int

    @property
    def iso(self) -> str:
        """The time as Coinbase writes it: RFC 3339 with microseconds."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.time_ms)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one path of an exchange answers: for a market, and for one it does not have."""

    body: Callable[[Tick], object]
    parameter: str = ""
    unknown_market: object = None
    unknown_status: int = 200


def _binance(tick: Tick) -> object:
    return {
        "symbol": tick.symbol,
        "priceChange": "-94.99999800",
        "priceChangePercent": "-95.960",
        "weightedAvgPrice": tick.price,
        "prevClosePrice": tick.price,
        "lastPrice": tick.price,
        "lastQty": "200.00000000",
        "bidPrice": tick.bid,
        "bidQty": "100.00000000",
        "askPrice": tick.ask,
        "askQty": "100.00000000",
        "openPrice": tick.price,
        "highPrice": tick.ask,
        "lowPrice": tick.bid,
        "volume": "4083.67001100",
        "quoteVolume": "125013456.78",
        "openTime": tick.time_ms - 86_400_000,
        "closeTime": tick.time_ms,
        "firstId": 28385,
        "lastId": 28460,
        "count": 76,
    }


def _bitstamp(tick: Tick) -> object:
    return {
        "timestamp": str(tick.time_ms // 1000),
        "open": tick.price,
        "high": tick.ask,
        "low": tick.bid,
        "last": tick.price,
        "volume": "15671.15645338",
        "vwap": tick.price,
        "bid": tick.bid,
        "ask": tick.ask,
        "side": "0",
        "open_24": tick.price,
        "percent_change_24": "0.00",
        "market_type": "SPOT",
    }


def _bybit(row: Mapping[str, object], time_ms: int) -> object:
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"category": "spot", "list": [row]},
        "retExtInfo": {},
        "time": time_ms,
    }


def _bybit_ticker(tick: Tick) -> object:
    row = {
        "symbol": tick.symbol,
        "bid1Price": tick.bid,
        "bid1Size": "2",
        "ask1Price": tick.ask,
        "ask1Size": "1.5",
        "lastPrice": tick.price,
        "prevPrice24h": tick.price,
        "price24hPcnt": "0",
    }
    return _bybit(row, tick.time_ms)


def _bybit_trade(tick: Tick) -> object:
    row = {
        "execId": "2100000000007764263",
        "symbol": tick.symbol,
        "price": tick.price,
        "size": "0.16",
        "side": "Buy",
        "time": str(tick.time_ms),
        "isBlockTrade": False,
    }
    return _bybit(row, tick.time_ms)


def _coinbase(tick: Tick) -> object:
    return {
        "ask": tick.ask,
        "bid": tick.bid,
        "volume": "245532.79269678",
        "trade_id": 370843401,
        "price": tick.price,
        "size": "11.4396987",
        "time": tick.iso,
        "rfq_volume": "244.030598",
    }


def _gemini(tick: Tick) -> object:
    trade = {
        "timestamp": tick.time_ms // 1000,
        "timestampms": tick.time_ms,
        "tid": 5335307668,
        "price": tick.price,
        "amount": "0.27413495",
        "exchange": "gemini",
        "type": "buy",
    }
    return [trade]


def _kraken_name(symbol: str) -> str:
    """Return the name under which Kraken answers: not always the one it was asked by."""
    return {"XBTUSD": "XXBTZUSD", "ETHUSD": "XETHZUSD"}.get(symbol, symbol)


def _kraken_ticker(tick: Tick) -> object:
    market = {
        "a": [tick.ask, "1", "1.000"],
        "b": [tick.bid, "1", "1.000"],
        "c": [tick.price, "0.00067643"],
        "v": ["4083.67001100", "4412.73601799"],
        "p": [tick.price, tick.price],
        "t": [34619, 38907],
        "l": [tick.bid, tick.bid],
        "h": [tick.ask, tick.ask],
        "o": tick.price,
    }
    return {"error": [], "result": {_kraken_name(tick.symbol): market}}


def _kraken_trades(tick: Tick) -> object:
    trade = [tick.price, "0.34507674", tick.time_ms / 1000, "b", "m", "", 61044952]
    return {"error": [], "result": {_kraken_name(tick.symbol): [trade], "last": f"{tick.time_ms}000000"}}


def _kucoin(tick: Tick) -> object:
    data = {
        "time": tick.time_ms,
        "sequence": "14609309753",
        "price": tick.price,
        "size": "0.000025",
        "bestBid": tick.bid,
        "bestBidSize": "0.00016",
        "bestAsk": tick.ask,
        "bestAskSize": "0.00034",
    }
    return {"code": "200000", "data": data}


def _okx(tick: Tick) -> object:
    row = {
        "instType": "SPOT",
        "instId": tick.symbol,
        "last": tick.price,
        "lastSz": "0.003445",
        "askPx": tick.ask,
        "askSz": "1.45",
        "bidPx": tick.bid,
        "bidSz": "2.1",
        "open24h": tick.price,
        "high24h": tick.ask,
        "low24h": tick.bid,
        "volCcy24h": "9.99924975",
        "vol24h": "0.00444906",
        "ts": str(tick.time_ms),
        "sodUtc0": tick.price,
        "sodUtc8": tick.price,
    }
    return {"code": "0", "msg": "", "data": [row]}


_NO_BYBIT_MARKET = {
    "retCode": 10001,
    "retMsg": "Not supported symbols",
    "result": {},
    "retExtInfo": {},
    "time": 0,
}
_NO_KRAKEN_MARKET = {"error": ["EQuery:Unknown asset pair"]}
_NO_OKX_MARKET = {"code": "51001", "msg": "Instrument ID does not exist", "data": []}

ANSWERS: dict[str, dict[str, Answer]] = {
    "binance": {
        "/api/v3/ticker/24hr": Answer(_binance, "symbol", {"code": -1121, "msg": "Invalid symbol."}, 400)
    },
    "bitstamp": {"/api/v2/ticker/{symbol}/": Answer(_bitstamp, unknown_status=404)},
    "bybit": {
        "/v5/market/tickers": Answer(_bybit_ticker, "symbol", _NO_BYBIT_MARKET),
        "/v5/market/recent-trade": Answer(_bybit_trade, "symbol", _NO_BYBIT_MARKET),
    },
    "coinbase": {"/products/{symbol}/ticker": Answer(_coinbase, "", {"message": "NotFound"}, 404)},
    "gemini": {
        "/v1/trades/{symbol}": Answer(_gemini, "", {"result": "error", "reason": "InvalidSymbol"}, 400)
    },
    "kraken": {
        "/0/public/Ticker": Answer(_kraken_ticker, "pair", _NO_KRAKEN_MARKET),
        "/0/public/Trades": Answer(_kraken_trades, "pair", _NO_KRAKEN_MARKET),
    },
    "kucoin": {
        "/api/v1/market/orderbook/level1": Answer(_kucoin, "symbol", {"code": "200000", "data": None})
    },
    "okx": {"/api/v5/market/ticker": Answer(_okx, "instId", _NO_OKX_MARKET)},
}
