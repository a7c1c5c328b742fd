"""Pushed sources under test: settings, a connection that runs, and what it hands over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random

import aiohttp

from config.source_settings import WsSourceSettings
from config.units import parse_wad
from oracles.live_venues import LiveVenue, pushed
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.ws import WsConnection
from tests.oracles.evidence import NOW_MS

SYMBOLS = {
    "binance": ("ETHUSDT", "BTCUSDT", "NOPEUSDT"),
    "bybit": ("ETHUSDT", "BTCUSDT", "NOPEUSDT"),
    "coinbase": ("ETH-USD", "BTC-USD", "NOPE-USD"),
    "kraken": ("ETH/USD", "BTC/USD", "NOPE/USD"),
    "okx": ("ETH-USDT", "BTC-USDT", "NOPE-USDT"),
}


def settings(venue: str, url: str, symbol: str, **changes: object) -> WsSourceSettings:
    base = symbol[:3]
    return WsSourceSettings.model_validate(
        {
            "kind": "ws",
            "name": f"{venue}-{symbol.replace('/', '')}",
            "pair": f"{base}/USD",
            "group": venue,
            "url": url,
            "preset": venue,
            "symbol": symbol,
            "timeout_s": 5.0,
            "silence_s": 5.0,
            **changes,
        }
    )


class Heard:
    """What a connection handed over, and a way to wait for it."""

    def __init__(self) -> None:
        self.answers: list[Quote | QuoteFailure] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, answers: Sequence[Quote | QuoteFailure], took_ms: int | None = None, /) -> None:
        assert took_ms is None
        self.answers += answers
        task = asyncio.create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[Quote | QuoteFailure], bool]) -> Quote | QuoteFailure:
        async with asyncio.timeout(45), self._changed:
            while True:
                found = [answer for answer in self.answers if holds(answer)]
                if found:
                    return found[-1]
                await self._changed.wait()

    async def quote(self, value: str, source: str = "") -> Quote:
        found = await self.until(
            lambda answer: (
                isinstance(answer, Quote) and answer.value_wad == parse_wad(value) and source in answer.source
            )
        )
        assert isinstance(found, Quote)
        return found

    async def failure(self, kind: FailureKind, source: str = "") -> QuoteFailure:
        found = await self.until(
            lambda answer: (
                isinstance(answer, QuoteFailure) and answer.kind is kind and source in answer.source
            )
        )
        assert isinstance(found, QuoteFailure)
        assert "127.0.0.1" not in found.detail
        return found


@asynccontextmanager
async def connected(
    venue: LiveVenue, session: aiohttp.ClientSession, *symbols: str, **changes: object
) -> AsyncIterator[Heard]:
    heard = Heard()
    async with pushed(venue) as url:
        markets = [settings(venue.name, url, symbol, **changes) for symbol in symbols]
        connection = WsConnection(markets, session, lambda: NOW_MS, Random(1))

        async def run() -> None:
            while True:
                await connection.step(heard)

        running = asyncio.create_task(run())
        try:
            yield heard
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
