"""A JSON-RPC proxy in front of a node, over HTTP and WebSocket: it counts and records what passes, and misbehaves as told.

Rules are asked in order for every single call (also inside a batch); the first that decides
holds, but for `Late`, which leaves the rest to the others. No rule: the call goes to the node
as it came. Nothing here is random and nothing has a clock: the same calls meet the same faults.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web

from chains.devnet.faults.exchange import Decided, answers
from chains.devnet.faults.sockets import Sockets
from chains.devnet.faults.verdicts import (
    Crumbs,
    Cut,
    Garbage,
    Json,
    Late,
    Oversize,
    Params,
    Refuse,
    Rule,
    Stall,
    Verdict,
)

MAX_BODY_BYTES = 64 << 20
MAX_RECORDED = 200_000


class Recorded(NamedTuple):
    """One call that came in: what it asked, and the name of what it met (empty if nothing)."""

    method: str
    params: Params
    met: str


@dataclass
class RpcProxy:
    """Counts requests (HTTP posts) and calls (by method). Use as an async context manager.

    `upstream` is the node's HTTP URL; it may be changed while the proxy runs. `sockets` are the WebSockets through it.
    """

    upstream: str
    latency_s: float = 0.0
    requests: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    """How often each fault was met, by its rule's name."""
    rules: list[Rule] = field(default_factory=list)
    sent_raw: list[str] = field(default_factory=list)
    """Every transaction that was handed over, whatever became of it."""
    recorded: deque[Recorded] = field(default_factory=lambda: deque(maxlen=MAX_RECORDED))
    listeners: list[Callable[[list[tuple[str, Params]]], None]] = field(default_factory=list)
    """Told of the calls in every request."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._closing = asyncio.Event()
        self.sockets = Sockets(self._decide, self.injected)
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/{path:.*}", self._post)
        app.router.add_get("/{path:.*}", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.sockets.drop()
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

    async def ask(self, method: str, *params: Json) -> Json:
        """Ask the node itself, past every rule and every count. Raises ``LookupError`` with the node's error."""
        body = {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}
        async with self._session.post(self.upstream, json=body) as response:
            answer = await response.json(content_type=None)
        if "error" in answer:
            raise LookupError(f"{method}: {answer['error']}")
        return answer["result"]

    async def _decide(self, method: str, params: Params) -> tuple[Verdict | None, float]:
        """Ask the rules about a call. Returns what the first to decide says, and by how much it is late."""
        self.calls[method] += 1
        if method == "eth_sendRawTransaction":
            self.sent_raw.append(params[0])
        late_s = 0.0
        found: Verdict | None = None
        met = []
        for rule in tuple(self.rules):
            verdict = rule(method, params)
            if isawaitable(verdict):
                verdict = await verdict
            if verdict is None:
                continue
            met.append(getattr(rule, "name", "") or type(verdict).__name__.lower())
            if isinstance(verdict, Late):
                late_s += verdict.seconds
                continue
            found = verdict
            break
        self.injected.update(met)
        self.recorded.append(Recorded(method, params, "+".join(met)))
        return found, late_s

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        message = json.loads(await request.read())
        items: list[dict[str, Any]] = message if isinstance(message, list) else [message]
        calls = [(item["method"], item.get("params", [])) for item in items]
        for listener in self.listeners:
            listener(calls)
        decisions = [await self._decide(*call) for call in calls]
        await asyncio.sleep(self.latency_s + max((late for _, late in decisions), default=0.0))
        decided = Decided.of(items, [verdict for verdict, _ in decisions])
        early = await self._without_the_node(request, decided)
        if early is not None:
            return early
        try:
            answered = await answers(self._session, self.upstream, decided)
        except aiohttp.ClientError:  # the node is not there: neither is this
            return _hung_up(request)
        if isinstance(decided.whole, Stall):
            return await self._never(request)
        body: Json = answered if isinstance(message, list) else next(iter(answered), None)
        return await _sent(request, b"" if body is None else json.dumps(body).encode(), decided.whole)

    async def _without_the_node(self, request: web.Request, decided: Decided) -> web.StreamResponse | None:
        match decided.whole:
            case Cut(after_bytes=None):
                return _hung_up(request)
            case Stall(forwarded=False):
                return await self._never(request)
            case Refuse(status, headers, body):
                return web.Response(status=status, headers=dict(headers), text=body)
            case Garbage(raw, content_type, headers):
                return web.Response(body=raw, content_type=content_type, headers=dict(headers))
        return None

    async def _never(self, request: web.Request) -> web.StreamResponse:
        await self._closing.wait()
        return _hung_up(request)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        return await self.sockets.carry(request, self._session, self.upstream.replace("http", "ws", 1))


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _sent(request: web.Request, body: bytes, whole: Verdict | None) -> web.StreamResponse:
    """Send an answer's bytes, in the way that a verdict on the whole request says."""
    match whole:
        case Oversize(size_bytes):
            body = body.ljust(size_bytes)
        case Cut() | Crumbs():
            pass
        case _:
            return web.Response(body=body, content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    step = whole.size_bytes if isinstance(whole, Crumbs) else 1 << 16
    end = whole.after_bytes if isinstance(whole, Cut) and whole.after_bytes is not None else len(body)
    try:
        for start in range(0, min(end, len(body) - 1) if isinstance(whole, Cut) else len(body), step):
            await response.write(body[start : min(start + step, end)])
    except ConnectionError:  # the client has read enough
        return response
    if isinstance(whole, Cut):
        return _hung_up(request)
    await response.write_eof()
    return response
