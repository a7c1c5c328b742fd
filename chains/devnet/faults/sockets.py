"""The WebSockets through a proxy: calls meet its rules, what the node tells by itself meets notice rules, and sockets fail."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web

from chains.devnet.faults.exchange import answer_here
from chains.devnet.faults.verdicts import Cut, Fail, Give, LeaveOut, Params, Stall, Verdict

Decide: TypeAlias = Callable[[str, Params], Awaitable[tuple[Verdict | None, float]]]
NoticeRule: TypeAlias = Callable[[str], Sequence[str]]
"""Says what is passed on for one message that the node sent by itself: nothing, it twice, an older one."""


class Sockets:
    """Every WebSocket that is open through one proxy. `open` is how many are.

    Of the verdicts on calls those hold that make sense here: `Give`, `Fail`, `LeaveOut`, `Stall` (both: no answer),
    `Cut`, and being late.
    """

    def __init__(self, decide: Decide, injected: Counter[str]) -> None:
        self.notice_rules: list[NoticeRule] = []
        self.notices = 0
        """How many messages the nodes sent by themselves."""
        self.opened = 0
        self._decide = decide
        self._injected = injected
        self._live: list[web.Request] = []
        self._hearing = asyncio.Event()
        self._hearing.set()

    @property
    def open(self) -> int:
        """How many sockets are open now."""
        return len(self._live)

    def drop(self) -> int:
        """Break every connection without a closing handshake, as a dying gateway does. Returns how many."""
        dropped = 0
        for request in tuple(self._live):
            if request.transport is not None:
                request.transport.abort()
                dropped += 1
        self._injected["socket dropped"] += dropped
        return dropped

    def go_deaf(self) -> None:
        """Neither read nor write any more, with every connection open: pings stay without an answer."""
        self._injected["socket half open"] += self.open
        self._hearing.clear()

    def hear_again(self) -> None:
        """Carry on where `go_deaf` stopped."""
        self._hearing.set()

    async def carry(
        self, request: web.Request, session: aiohttp.ClientSession, upstream: str
    ) -> web.StreamResponse:
        """Carry one client's messages to the node and back until either side is gone."""
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)
        self._live.append(request)
        self.opened += 1
        try:
            async with session.ws_connect(upstream, max_msg_size=0) as node:
                ways = {
                    asyncio.create_task(self._up(client, node, request)),
                    asyncio.create_task(self._down(node, client)),
                }
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        except aiohttp.ClientError:  # the node is not there
            pass
        finally:
            self._live.remove(request)
        return client

    async def _up(
        self, client: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse, request: web.Request
    ) -> None:
        while True:
            await self._hearing.wait()
            message = await client.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            item: dict[str, Any] = json.loads(message.data)
            verdict, late_s = await self._decide(item["method"], item.get("params", []))
            await asyncio.sleep(late_s)
            match verdict:
                case Give() | Fail():
                    await client.send_json(answer_here(item, verdict))
                case Stall() | LeaveOut():
                    pass
                case Cut():
                    if request.transport is not None:
                        request.transport.abort()
                    return
                case _:
                    await node.send_str(message.data)

    async def _down(self, node: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
        async for message in node:
            await self._hearing.wait()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            with suppress(ConnectionError):
                for text in self._told(message.data):
                    await client.send_str(text)

    def _told(self, text: str) -> Sequence[str]:
        if '"eth_subscription"' not in text:
            return (text,)
        self.notices += 1
        told: Sequence[str] = (text,)
        for rule in self.notice_rules:
            before, told = told, [passed for each in told for passed in rule(each)]
            if list(before) != list(told):
                self._injected[getattr(rule, "name", "") or "notices"] += 1
        return told
