"""Price venues on loopback: what real exchanges answer, with prices and faults of our choosing.

The demo and the tests serve these, so that what runs against them is the real source with
the real preset over real HTTP. A market exists under the venue's own symbol once it has a
price. Everything may be changed while it is being served.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from aiohttp import web

from config.units import BPS, WAD, format_decimal, mul_div_down, parse_wad
from oracles.venue_answers import ANSWERS, Answer, Tick


class Fault(StrEnum):
    """What is wrong with a venue."""

    NONE = "none"
    FROZEN = "frozen"
    DOWN = "down"
    HANGING = "hanging"
    FAILING = "failing"
    RATE_LIMITED = "rate_limited"
    GARBAGE = "garbage"


class Venue:
    """One exchange: its markets, its fault, and the web application that answers for it.

    `glitch` is a factor on every price it quotes, as decimal text (``"0.6"`` is 40 % too low).
    Raises ``KeyError`` for an exchange that is not in `ANSWERS`.
    """

    def __init__(self, name: str, now_ms: Callable[[], int]) -> None:
        self.name = name
        self.requests = 0
        self.app = web.Application()
        for path, answer in ANSWERS[name].items():
            self.app.router.add_get(path, self._handler(answer))
        self._now_ms = now_ms
        self._prices_wad: dict[str, int] = {}
        self._glitch_wad = WAD
        self._fault = Fault.NONE
        self._frozen: dict[str, Tick] = {}

    def set_price(self, symbol: str, price: str) -> None:
        """Set the price of the market that this venue calls `symbol`."""
        self._prices_wad[symbol] = parse_wad(price)

    @property
    def glitch(self) -> str:
        """The factor on every price quoted."""
        return format_decimal(self._glitch_wad, 18)

    @glitch.setter
    def glitch(self, factor: str) -> None:
        self._glitch_wad = parse_wad(factor)

    @property
    def fault(self) -> Fault:
        """What is wrong now. Frozen repeats what was true when it froze, times included."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._frozen = (
            {symbol: self._tick(symbol) for symbol in self._prices_wad} if fault is Fault.FROZEN else {}
        )
        self._fault = fault

    def _tick(self, symbol: str) -> Tick:
        price_wad = mul_div_down(self._prices_wad[symbol], self._glitch_wad, WAD)
        half_spread_wad = price_wad // BPS
        return Tick(
            symbol,
            format_decimal(price_wad, 18),
            format_decimal(price_wad - half_spread_wad, 18),
            format_decimal(price_wad + half_spread_wad, 18),
            self._now_ms(),
        )

    def _handler(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.requests += 1
            if (broken := await self._broken(request)) is not None:
                return broken
            asked = request.match_info.get("symbol") or request.query.get(answer.parameter, "")
            symbol = next((known for known in self._prices_wad if known.lower() == asked.lower()), None)
            if symbol is None:
                return _json(answer.unknown_market, answer.unknown_status)
            return _json(answer.body(self._frozen.get(symbol) or self._tick(symbol)))

        return handle

    async def _broken(self, request: web.Request) -> web.Response | None:
        match self._fault:
            case Fault.DOWN:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=503)
            case Fault.HANGING:
                await asyncio.sleep(3600)
            case Fault.FAILING:
                return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
            case Fault.RATE_LIMITED:
                return web.Response(status=429, headers={"Retry-After": "1"})
            case Fault.GARBAGE:
                return web.Response(text="<html>Under maintenance</html>", content_type="text/html")
        return None


@asynccontextmanager
async def served(venue: Venue, port: int = 0) -> AsyncIterator[str]:
    """Serve `venue` on loopback and give its base address; port 0 picks a free one."""
    runner = web.AppRunner(venue.app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, content_type="application/json")
