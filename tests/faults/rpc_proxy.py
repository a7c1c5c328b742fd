"""A JSON-RPC proxy in front of a node that counts what passes and can be told to misbehave.

HTTP only; a WebSocket is passed on untouched. Rules are asked in order for every single
call (also inside a batch); the first that answers decides. No rule: the call goes to the
node as it came.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

Params = list[Any]
MAX_BODY_BYTES = 64 << 20


class Cut(Exception):
    """Raised by a rule: close the connection without an answer."""


class Stall(Exception):
    """Raised by a rule: keep the connection, and never answer."""


class Refuse(Exception):
    """Raised by a rule: answer the whole request with this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with a JSON-RPC error."""

    code: int = -32_000
    message: str = "injected failure"


@dataclass(frozen=True, slots=True)
class Give:
    """Answer with this result, whatever the node would say."""

    result: Any


@dataclass(frozen=True, slots=True)
class Swallow:
    """Answer with this result and do not ask the node."""

    result: Any


Verdict = Fail | Give | Swallow
Rule = Callable[[str, Params], Verdict | None]


@dataclass
class RpcProxy:
    """Counts requests (HTTP posts) and calls (by method). Use as an async context manager."""

    upstream: str
    latency_s: float = 0.0
    requests: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    rules: list[Rule] = field(default_factory=list)
    sent_raw: list[str] = field(default_factory=list)
    listeners: list[Callable[[list[tuple[str, Params]]], None]] = field(default_factory=list)
    """Told of the calls in every request."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._websocket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    @property
    def url(self) -> str:
        """Where to point the client."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The same for a WebSocket."""
        return f"ws://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Start counting anew."""
        self.requests = 0
        self.calls.clear()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        message = json.loads(await request.read())
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        items = message if isinstance(message, list) else [message]
        for listener in self.listeners:
            listener([(item["method"], item.get("params", [])) for item in items])
        try:
            answers = await self._answers(items)
        except Cut:
            assert request.transport is not None
            request.transport.close()
            return web.Response(status=500)
        except Refuse as refusal:
            return web.Response(status=refusal.status)
        except Stall:
            await asyncio.sleep(3_600)
            return web.Response(status=504)
        return web.json_response(answers if isinstance(message, list) else answers[0])

    async def _answers(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        decided: dict[int, dict[str, Any]] = {}
        passed: list[dict[str, Any]] = []
        for index, item in enumerate(items):
            method, params = item["method"], item.get("params", [])
            self.calls[method] += 1
            if method == "eth_sendRawTransaction":
                self.sent_raw.append(params[0])
            verdict = next((v for rule in self.rules if (v := rule(method, params)) is not None), None)
            envelope = {"jsonrpc": "2.0", "id": item["id"]}
            match verdict:
                case None:
                    passed.append({**item, "id": index})
                case Fail(code, text):
                    decided[index] = envelope | {"error": {"code": code, "message": text}}
                case Give(result) | Swallow(result):
                    decided[index] = envelope | {"result": result}
        if passed:
            async with self._session.post(self.upstream, json=passed) as response:
                for answer in await response.json(content_type=None):
                    decided[answer["id"]] = {**answer, "id": items[answer["id"]]["id"]}
        return [decided[index] for index in range(len(items))]

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        async with self._session.ws_connect(self.upstream.replace("http", "ws", 1)) as node:
            up = asyncio.create_task(_pump(client, node.send_str))
            down = asyncio.create_task(_pump(node, client.send_str))
            _, rest = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        return client


async def _pump(source: Any, send: Callable[[str], Any]) -> None:
    async for message in source:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        await send(message.data)
