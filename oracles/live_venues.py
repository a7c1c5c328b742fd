"""Venues on loopback that push, as real exchanges do over their WebSockets, with prices and faults of our choosing.

The demo and the tests serve these beside those of `oracles.venues`. A market exists under the venue's own symbol
once it has a price. Everything may be changed while it is being served.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

from aiohttp import WSMsgType, web

from config.units import BPS, WAD, format_decimal, mul_div_down, parse_wad
from oracles.live_answers import STREAMS
from oracles.venue_answers import Tick

BEAT_S = 1.0


class LiveFault(StrEnum):
    """What is wrong with a venue that pushes."""

    NONE = "none"
    DOWN = "down"
    HANGING = "hanging"
    RATE_LIMITED = "rate_limited"
    REDIRECTING = "redirecting"
    SILENT = "silent"
    QUIET = "quiet"


class LiveVenue:
    """One exchange: its markets, its fault, and the web application that pushes for it.

    *Silent* is an open connection on which nothing is ever said, *quiet* one on which there are heartbeats and answers
    to pings and no ticker. `glitch` is a factor on every price, as decimal text. Raises ``KeyError`` for an
    exchange that is not in `STREAMS`.
    """

    def __init__(self, name: str, now_ms: Callable[[], int], *, beat_s: float = BEAT_S) -> None:
        self.name = name
        self.heard: list[str] = []
        """Everything that it was told."""
        self.connections = 0
        """How often it was connected to."""
        self.app = web.Application()
        self.glitch = "1"
        self._stream = STREAMS[name]
        self._now_ms = now_ms
        self._beat_s = beat_s
        self._fault = LiveFault.NONE
        self._prices_wad: dict[str, int] = {}
        self._sockets: dict[web.WebSocketResponse, set[str]] = {}
        self._sequence = 0
        self.app.router.add_get(self._stream.path, self._serve)

    async def tell(self, symbol: str, price: str, *, time_ms: int | None = None) -> None:
        """Set the price of the market that this venue calls `symbol`, and push it to whoever asked for it."""
        self._prices_wad[symbol] = parse_wad(price)
        for socket, subscribed in list(self._sockets.items()):
            if symbol in subscribed:
                await self._push(socket, symbol, self._now_ms() if time_ms is None else time_ms)

    async def say(self, message: str | bytes) -> None:
        """Say anything at all on every connection."""
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    async def drop(self) -> None:
        """Break every connection without a word."""
        for socket in list(self._sockets):
            if socket._req is not None and socket._req.transport is not None:  # noqa: SLF001 - nothing public breaks one
                socket._req.transport.abort()  # noqa: SLF001 - as above

    @property
    def fault(self) -> LiveFault:
        """What is wrong now."""
        return self._fault

    async def fail(self, fault: LiveFault) -> None:
        """Go wrong in one way, or well again. What is down breaks its connections."""
        self._fault = fault
        if fault is LiveFault.DOWN:
            await self.drop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        match self._fault:
            case LiveFault.DOWN:
                return web.Response(status=503)
            case LiveFault.RATE_LIMITED:
                return web.Response(status=429)
            case LiveFault.REDIRECTING:
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/ws"})
            case LiveFault.HANGING:
                await asyncio.sleep(3600)
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.connections += 1
        self._sockets[socket] = set()
        beating = asyncio.create_task(self._beat(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and self._fault is not LiveFault.SILENT:
                    await self._hear(socket, message.data)
        finally:
            del self._sockets[socket]
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return socket

    async def _hear(self, socket: web.WebSocketResponse, text: str) -> None:
        self.heard.append(text)
        reply = self._stream.hear(text, self._prices_wad)
        self._sockets[socket].update(reply.subscribed)
        for said in reply.said:
            await socket.send_str(said)
        for symbol in reply.subscribed:
            await self._push(socket, symbol, self._now_ms())

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            if self._stream.beat is not None and self._fault is not LiveFault.SILENT:
                for symbol in sorted(self._sockets[socket]):
                    await socket.send_str(self._stream.beat(symbol, self._sequence))

    async def _push(self, socket: web.WebSocketResponse, symbol: str, time_ms: int) -> None:
        if symbol not in self._prices_wad or self._fault in {LiveFault.SILENT, LiveFault.QUIET}:
            return
        self._sequence += 1
        with suppress(ConnectionError):
            await socket.send_str(self._stream.ticker(self._tick(symbol, time_ms), self._sequence))

    def _tick(self, symbol: str, time_ms: int) -> Tick:
        price_wad = mul_div_down(self._prices_wad[symbol], parse_wad(self.glitch), WAD)
        half_spread_wad = price_wad // BPS
        return Tick(
            symbol,
            format_decimal(price_wad, 18),
            format_decimal(price_wad - half_spread_wad, 18),
            format_decimal(price_wad + half_spread_wad, 18),
            time_ms,
        )


@asynccontextmanager
async def pushed(venue: LiveVenue, port: int = 0) -> AsyncIterator[str]:
    """Serve `venue` on loopback and give its base address; port 0 picks a free one."""
    runner = web.AppRunner(venue.app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await venue.drop()
        await runner.cleanup()
