"""Tickers as a venue pushes them: one connection for all of its markets, kept up for ever.

What could go wrong with a push is mostly silence. A connection that says nothing for
`silence_s`, not even a heartbeat, is given up, its markets are failing, and another is made, after a
pause that doubles while connections do not last. A market that stays quiet on a living
connection ages by the venue's own time, like any quote; one that never spoke is failing.

A message about one market costs that market only. What is no message at all (no JSON, binary, too
long) ends the connection: nothing that follows could be trusted. So does a flood, of whatever it is made: reading it
would leave no time for anything else. Older news of a
market than were heard before are dropped; news from the future are handed on, to be refused by the price
book, and never count as the newest.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import NoReturn

import aiohttp

from config.source_settings import WsSourceSettings
from oracles.freshness import MAX_FUTURE_MS
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.allowance import Allowance
from oracles.sources.delivery import Take
from oracles.sources.http_get import address
from oracles.sources.json_answer import parse_json
from oracles.sources.origin import BadAnswer, Origin
from oracles.sources.ws_venues import WS_VENUES, BadTicker, Event, Farewell, Refusal, Ticker

MAX_MESSAGE_BYTES = 64 * 1024
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 15.0
STABLE_AFTER_S = 60.0
"""A connection that lasted this long was a good one: the next may be tried at once."""
PACE_S = 0.25
"""Between two requests: binance ends a connection that says more than five things a second."""
PING_S = 15.0
RESUBSCRIBE_S = 60.0
"""How often a market that was refused is asked for again: it may be listed by then."""


@dataclass(slots=True)
class _Market:
    """One subscribed market: what is known of it on this connection, and the newest time it ever told."""

    origin: Origin
    symbol: str
    use_spread: bool
    heard: bool = False
    refused: bool = False
    sequence: int | None = None
    newest_ms: int = 0

    def quote(self, ticker: Ticker, now_ms: int) -> Quote | None:
        """Return the ticker as a quote, or None if it is older than what was heard before."""
        known = self.sequence
        if self.newest_ms > now_ms + MAX_FUTURE_MS:
            # our clock was set back
            self.newest_ms = 0
        if ticker.time_ms < self.newest_ms:
            return None
        # By the venue's time first: where it counts its messages it may begin anew at any time.
        same_moment = ticker.time_ms == self.newest_ms
        if same_moment and known is not None and ticker.sequence is not None and ticker.sequence < known:
            return None
        self.heard, self.refused, self.sequence = True, False, ticker.sequence
        if ticker.time_ms <= now_ms + MAX_FUTURE_MS:
            self.newest_ms = ticker.time_ms
        width_wad = ticker.spread_wad if self.use_spread else 0
        return self.origin.quote(ticker.value_wad, ticker.time_ms, now_ms, width_wad)


class WsConnection:
    """The markets of one venue at one address. `settings` must agree on `url` and `preset`.

    The shortest `timeout_s` and `silence_s` among them holds for all, and all their messages together.
    """

    def __init__(
        self,
        settings: Sequence[WsSourceSettings],
        session: aiohttp.ClientSession,
        now_ms: Callable[[], int],
        random: Random,
    ) -> None:
        first = settings[0]
        self.origins = tuple(Origin.of(each) for each in settings)
        self._venue = WS_VENUES[first.preset]
        self._address = address(first.url, self._venue.path)
        self._timeout_s = min(each.timeout_s for each in settings)
        self._silence_s = min(each.silence_s for each in settings)
        self._messages_per_s = sum(each.max_messages_per_s for each in settings)
        self._markets = [_Market(Origin.of(each), each.symbol, each.use_spread) for each in settings]
        self._session = session
        self._now_ms = now_ms
        self._random = random
        self._failures = 0

    async def step(self, take: Take) -> None:
        """Live through one connection, and the pause after it. What went wrong is told as failures."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        problem = await self._problem(take)
        self._failures = 0 if loop.time() - started_s > STABLE_AFTER_S else self._failures + 1
        now_ms = self._now_ms()
        take([each.origin.failure(problem.kind, problem.detail, now_ms) for each in self._markets])
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(self._failures, 16), MAX_PAUSE_S)
        await asyncio.sleep(pause_s * self._random.uniform(0.5, 1.0))

    async def aclose(self) -> None:
        """Nothing stays open between two steps."""

    async def _problem(self, take: Take) -> BadAnswer:
        """Connect and listen until that ends; return what ended it."""
        try:
            async with asyncio.timeout(self._timeout_s):
                socket = await self._session.ws_connect(
                    self._address,
                    max_msg_size=MAX_MESSAGE_BYTES,
                    # pings are answered here, where they count
                    autoping=False,
                    autoclose=False,
                )
        except TimeoutError:
            return BadAnswer(FailureKind.UNREACHABLE, f"no connection within {self._timeout_s:g} s")
        except aiohttp.WSServerHandshakeError as refused:
            return BadAnswer(_kind_of_status(refused.status), f"no handshake: status {refused.status}")
        except (aiohttp.ClientError, OSError) as error:
            return BadAnswer(FailureKind.UNREACHABLE, type(error).__name__)
        for market in self._markets:
            market.heard, market.refused, market.sequence = False, False, None
        speaking = asyncio.create_task(self._speak(socket, take), name="ws:speaking")
        try:
            await self._listen(socket, take)
        except BadAnswer as bad:
            return bad
        except (aiohttp.ClientError, OSError) as error:
            return BadAnswer(FailureKind.UNREACHABLE, type(error).__name__)
        finally:
            _cut(socket)
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, take: Take) -> NoReturn:
        """Hand on what is pushed, for ever. Raises `BadAnswer` with what ended it."""
        allowance = Allowance(self._messages_per_s)
        while True:
            try:
                # around the whole of it: pings of the protocol itself prove no more than a socket
                async with asyncio.timeout(self._silence_s):
                    message = await _said(socket, allowance)
            except TimeoutError:
                detail = f"nothing said for {self._silence_s:g} s"
                raise BadAnswer(FailureKind.UNREACHABLE, detail) from None
            for event in self._events(message):
                answers = self._answers(event)
                if answers:
                    take(answers)

    def _events(self, message: aiohttp.WSMessage) -> Sequence[Event]:
        if message.type is aiohttp.WSMsgType.TEXT:
            if message.data == self._venue.pong:
                return ()
            return tuple(self._venue.read(parse_json(message.data.encode())))
        if message.type is aiohttp.WSMsgType.BINARY:
            raise BadAnswer(FailureKind.MALFORMED, "binary where text was expected")
        if message.type is aiohttp.WSMsgType.ERROR:
            raise BadAnswer(FailureKind.MALFORMED, f"no message: {type(message.data).__name__}")
        raise BadAnswer(FailureKind.UNREACHABLE, "the venue closed the connection")

    def _answers(self, event: Event) -> list[Quote | QuoteFailure]:
        now_ms = self._now_ms()
        match event:
            case Ticker():
                quotes = [each.quote(event, now_ms) for each in self._named(event.symbol)]
                return [quote for quote in quotes if quote is not None]
            case BadTicker():
                named = self._named(event.symbol)
                return [each.origin.failure(event.kind, event.detail, now_ms) for each in named]
            case Refusal():
                return self._refused(event.detail, now_ms)
            case Farewell():
                raise BadAnswer(FailureKind.UNREACHABLE, "the venue is about to close")

    def _named(self, symbol: str) -> list[_Market]:
        return [each for each in self._markets if each.symbol.lower() == symbol.lower()]

    def _refused(self, detail: str, now_ms: int) -> list[Quote | QuoteFailure]:
        """Blame the markets that a refusal names; one that names none is about all that did not speak yet."""
        named = [each for each in self._markets if _mentions(detail, each.symbol)]
        blamed = named or [each for each in self._markets if not each.heard]
        for market in blamed:
            market.refused = True
        return [
            each.origin.failure(FailureKind.REFUSED, f"the venue says {detail}", now_ms) for each in blamed
        ]

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse, take: Take) -> None:
        """Subscribe, then ping, ask again for what was refused, and tell of markets that never spoke."""
        loop = asyncio.get_running_loop()
        with suppress(aiohttp.ClientError, OSError):
            await self._request(socket, [each.symbol for each in self._markets])
            asked_s = told_s = loop.time()
            while True:
                await asyncio.sleep(min(PING_S, self._silence_s / 3))
                if self._venue.ping is not None:
                    await socket.send_str(self._venue.ping)
                if loop.time() - told_s >= self._silence_s:
                    told_s = loop.time()
                    self._tell_of_the_mute(take)
                if loop.time() - asked_s >= RESUBSCRIBE_S:
                    asked_s = loop.time()
                    await self._request(socket, [each.symbol for each in self._markets if each.refused])

    async def _request(self, socket: aiohttp.ClientWebSocketResponse, symbols: Sequence[str]) -> None:
        distinct = list(dict.fromkeys(symbols))
        for number, request in enumerate(self._venue.requests(distinct) if distinct else ()):
            if number:
                await asyncio.sleep(PACE_S)
            await socket.send_str(request)

    def _tell_of_the_mute(self, take: Take) -> None:
        now_ms = self._now_ms()
        detail = "no ticker since it was asked for"
        mute = [each for each in self._markets if not each.heard and not each.refused]
        take([each.origin.failure(FailureKind.UNREACHABLE, detail, now_ms) for each in mute])


async def _said(socket: aiohttp.ClientWebSocketResponse, allowance: Allowance) -> aiohttp.WSMessage:
    """Return the next message that is no ping. Raises `BadAnswer` when there are more than anyone needs."""
    loop = asyncio.get_running_loop()
    while True:
        # what is there already is read without a pause, and everything else must get its turn
        await asyncio.sleep(0)
        message = await socket.receive()
        size = len(message.data) if isinstance(message.data, str | bytes) else 0
        if not allowance.spend(size, loop.time()):
            detail = f"more than {allowance.messages_per_s} messages or KiB in a second"
            raise BadAnswer(FailureKind.RATE_LIMITED, detail)
        if message.type is aiohttp.WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is not aiohttp.WSMsgType.PONG:
            return message


def _cut(socket: aiohttp.ClientWebSocketResponse) -> None:
    """End a connection at once. To close it politely is to go on reading for as long as the far side speaks."""
    connection = socket._response.connection  # noqa: SLF001 - nothing public ends one
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _mentions(text: str, symbol: str) -> bool:
    """Whether a venue's words name a market, and not only another whose name begins or ends like its."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(symbol)}(?![A-Za-z0-9])", text, re.IGNORECASE) is not None


def _kind_of_status(status: int) -> FailureKind:
    if status in {418, 429}:
        return FailureKind.RATE_LIMITED
    return FailureKind.UNREACHABLE if status >= 500 else FailureKind.REFUSED
