"""A WebSocket that says when it is time to look. What it says is never believed, only that it spoke."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType

from config.secrets import SecretUrl

HEARTBEAT_S = 15.0
HANDSHAKE_S = 10.0
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
MAX_MESSAGE_BYTES = 64 * 1024
MOST_MESSAGES_PER_S = 200
"""Chains with ten blocks a second tell ten heads."""

_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}

_log = structlog.get_logger()


class HeadHints:
    """Subscribes to ``newHeads`` on one of `urls` after another and calls `wake` with each notice.

    Reconnects for ever, with pauses that double from 0.5 to 30 s until a notice comes. A socket that
    answers pings but tells nothing is left alone: polling does not depend on it.
    """

    def __init__(self, chain: str, urls: Sequence[SecretUrl], wake: Callable[[], None]) -> None:
        self._chain = chain
        self._urls = tuple(urls)
        self._wake = wake
        self._failures = 0

    async def run(self) -> None:
        """Listen until cancelled. Returns at once if there is no URL."""
        turn = 0
        while self._urls:
            url = self._urls[turn % len(self._urls)]
            turn += 1
            problem = await self._listen(url)
            if self._failures == 0:
                _log.warning("head_hints_lost", chain=self._chain, endpoint=str(url), error=problem)
            self._failures += 1
            pause_s = min(MAX_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    async def _listen(self, url: SecretUrl) -> str:
        """Pass hints on until the connection ends. Returns what ended it."""
        try:
            async with ClientSession() as session:
                async with asyncio.timeout(HANDSHAKE_S):
                    socket = await session.ws_connect(
                        url.reveal(),
                        heartbeat=HEARTBEAT_S,
                        max_msg_size=MAX_MESSAGE_BYTES,
                        autoping=False,
                        autoclose=False,
                    )
                try:
                    return await self._hear(socket, url)
                finally:
                    _cut(socket)
                    await socket.close()
        except (ClientError, OSError, ValueError) as error:
            return type(error).__name__

    async def _hear(self, socket: ClientWebSocketResponse, url: SecretUrl) -> str:
        """Subscribe and pass hints on. Returns why that ended: the connection did, or a flood would let nothing else run."""
        loop = asyncio.get_running_loop()
        await socket.send_json(_SUBSCRIBE)
        second, said = 0, 0
        while True:
            await asyncio.sleep(0)
            message = await socket.receive()
            second, said = (second, said + 1) if second == int(loop.time()) else (int(loop.time()), 1)
            if said > MOST_MESSAGES_PER_S:
                return f"more than {MOST_MESSAGES_PER_S} messages in a second"
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                if "eth_subscription" in message.data:
                    self._notice(url)
            elif message.type not in {WSMsgType.PONG, WSMsgType.BINARY}:
                return "closed"

    def _notice(self, url: SecretUrl) -> None:
        if self._failures:
            _log.info("head_hints_back", chain=self._chain, endpoint=str(url))
            self._failures = 0
        self._wake()


def _cut(socket: ClientWebSocketResponse) -> None:
    """End a connection at once. To close it politely is to go on reading for as long as the far side speaks."""
    connection = socket._response.connection  # noqa: SLF001 - nothing public ends one
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
