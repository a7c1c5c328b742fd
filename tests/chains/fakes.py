"""HTTP servers that answer as no node should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from config.secrets import SecretUrl

Reply = Callable[[Any], Any]

SECRETS = ("password", "key-that-must-stay-secret", "hidden")


class FakeNode:
    """Answers each request with what `reply` makes of it.

    A reply is a JSON value, or an ``aiohttp.web.Response`` for what is not even JSON-RPC.
    """

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.reply: Reply = self.honest
        self.results: dict[str, Any] = {}
        self.before: Callable[[], Awaitable[None]] | None = None
        self.says: Callable[[web.WebSocketResponse], Awaitable[None]] | None = None
        self.port = 0
        self.listened = asyncio.Event()

    @property
    def url(self) -> SecretUrl:
        return SecretUrl(
            f"http://user:password@127.0.0.1:{self.port}/v3/key-that-must-stay-secret?token=hidden"
        )

    def honest(self, request: Any) -> Any:
        if isinstance(request, list):
            return [self.honest(each) for each in request]
        result = self.results.get(request["method"], "0x1")
        result = result(*request["params"]) if callable(result) else result
        return {"jsonrpc": "2.0", "id": request["id"], "result": result}

    def methods(self) -> list[str]:
        return [
            call["method"] for body in self.requests for call in (body if isinstance(body, list) else [body])
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.requests.append(body)
        if self.before is not None:
            await self.before()
        answer = self.reply(body)
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Accept a WebSocket, and say what `says` does on it: nothing unless that is set."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.listened.set()
        if self.says is not None:
            await self.says(socket)
            return socket
        async for _ in socket:
            pass
        return socket


@asynccontextmanager
async def fake_node() -> AsyncIterator[FakeNode]:
    node = FakeNode()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/{path:.*}", node.handle)
    app.router.add_get("/{path:.*}", node.listen)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    node.port = runner.addresses[0][1]
    try:
        yield node
    finally:
        await runner.cleanup()


def failing(error: Any) -> Reply:
    """Refuse every call with `error`."""

    def reply(request: Any) -> Any:
        if isinstance(request, list):
            return [reply(each) for each in request]
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}

    return reply


def header(number: int, *, fork: str = "a") -> dict[str, str]:
    """A block header as nodes send it; its hash is made of its number and its fork's name."""
    return {
        "number": hex(number),
        "hash": block_hash(number, fork),
        "parentHash": block_hash(number - 1, fork),
        "timestamp": hex(1_700_000_000 + number),
        "baseFeePerGas": "0x7",
    }


def block_at(number: str, height: int, *, fork: str = "a", forked_at: int = 0) -> dict[str, str] | None:
    """Answer for a block by number or tag, of a chain of this height that took the fork at `forked_at`."""
    wanted = {"latest": height, "safe": height - 1, "finalized": height - 2}.get(number)
    found = int(number, 16) if wanted is None else max(0, wanted)
    if found > height:
        return None
    if found <= forked_at:
        return header(found)
    parent = block_hash(found - 1, fork if found - 1 > forked_at else "a")
    return header(found, fork=fork) | {"parentHash": parent}


def block_hash(number: int, fork: str = "a") -> str:
    return f"0x{fork * 8}{number % 2**32:056x}"
