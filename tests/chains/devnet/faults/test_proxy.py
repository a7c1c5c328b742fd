"""The proxy itself: every verdict does to a call what it says, over HTTP and over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import SEND, Nth, On, Once, always
from chains.devnet.faults.verdicts import (
    Change,
    Crumbs,
    Cut,
    Envelope,
    Fail,
    Garbage,
    Give,
    Late,
    LeaveOut,
    Oversize,
    Refuse,
    Stall,
    Twice,
    Verdict,
    Via,
    Yet,
)
from tests.chains.fakes import FakeNode, fake_node

NUMBER = "eth_blockNumber"
CHAIN = "eth_chainId"


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with fake_node() as node:
        node.results = {NUMBER: "0x10", CHAIN: "0x7", SEND: "0xabc", "eth_subscribe": "0x5"}
        yield node


@pytest.fixture
async def proxy(node: FakeNode) -> AsyncIterator[RpcProxy]:
    async with RpcProxy(f"http://127.0.0.1:{node.port}") as proxy:
        yield proxy


@pytest.fixture
async def echoing() -> AsyncIterator[RpcProxy]:
    """Before a node that tells something by itself when it is asked to `tell`, and answers the rest with its name."""

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            item = json.loads(message.data)
            if item["method"] == "tell":
                await socket.send_json({"method": "eth_subscription", "params": {"result": "first"}})
            else:
                await socket.send_json({"id": item["id"], "result": item["method"]})
        return socket

    app = web.Application()
    app.router.add_get("/", listen)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with RpcProxy(f"http://127.0.0.1:{runner.addresses[0][1]}") as proxy:
            yield proxy
    finally:
        await runner.cleanup()


def call(method: str, number: int = 1, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


async def post(proxy: RpcProxy, body: Any) -> Any:
    async with aiohttp.ClientSession() as session, session.post(proxy.url, json=body) as response:
        return await response.json(content_type=None)


async def said(proxy: RpcProxy, verdict: Verdict) -> Any:
    proxy.rules[:] = [Once(NUMBER, verdict)]
    return await post(proxy, call(NUMBER))


async def test_without_rules_calls_pass_and_are_counted(proxy: RpcProxy) -> None:
    answers = await post(proxy, [call(NUMBER, 8), call(CHAIN, 9)])

    assert [(8, "0x10"), (9, "0x7")] == [(each["id"], each["result"]) for each in answers]
    assert (1, {NUMBER: 1, CHAIN: 1}) == (proxy.requests, dict(proxy.calls))
    assert [(NUMBER, ""), (CHAIN, "")] == [(each.method, each.met) for each in proxy.recorded]


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Give("0x1"), {"result": "0x1"}),
        (Fail(-32_005, "limit"), {"error": {"code": -32_005, "message": "limit"}}),
        (Change(lambda found: hex(int(found, 16) + 1)), {"result": "0x11"}),
        (Yet(Fail(-32_000, "no")), {"error": {"code": -32_000, "message": "no"}}),
        (Envelope(lambda answer: {**answer, "id": 99}), {"id": 99, "result": "0x10"}),
        (Twice(), {"result": "0x10"}),
        (Crumbs(), {"result": "0x10"}),
        (Oversize(100_000), {"result": "0x10"}),
        (Late(0.01), {"result": "0x10"}),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_call_is_answered_as_its_verdict_says(
    proxy: RpcProxy, verdict: Verdict, expected: dict[str, Any]
) -> None:
    answer = await said(proxy, verdict)

    assert {"jsonrpc": "2.0", "id": 1} | expected == answer
    assert {type(verdict).__name__.lower(): 1} == dict(proxy.injected)


@pytest.mark.parametrize("verdict", [Cut(), Cut(after_bytes=4)])
async def test_a_connection_is_cut(proxy: RpcProxy, verdict: Verdict) -> None:
    with pytest.raises(aiohttp.ClientError):
        await said(proxy, verdict)


async def test_the_node_sees_what_is_cut_only_in_the_answer(proxy: RpcProxy, node: FakeNode) -> None:
    for verdict in (Cut(), Stall(), Cut(after_bytes=4)):
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            async with asyncio.timeout(0.2):
                await said(proxy, verdict)

    assert [NUMBER] == node.methods()


async def test_what_is_sent_twice_reaches_the_node_twice_and_what_is_given_not_at_all(
    proxy: RpcProxy, node: FakeNode
) -> None:
    proxy.rules.append(Once(SEND, Twice()))
    await post(proxy, call(SEND, 1, "0x01"))
    proxy.rules[:] = [Once(SEND, Give("0xdef"))]
    await post(proxy, call(SEND, 1, "0x02"))

    assert [SEND, SEND] == node.methods()
    assert ["0x01", "0x02"] == proxy.sent_raw


async def test_http_failures_are_what_they_say(proxy: RpcProxy) -> None:
    proxy.rules[:] = [Nth(1, always(Refuse(429, {"Retry-After": "3"}))), Nth(1, always(Garbage(b"<html>")))]
    async with aiohttp.ClientSession() as session:
        async with session.post(proxy.url, json=call(NUMBER)) as response:
            assert (429, "3") == (response.status, response.headers["Retry-After"])
        async with session.post(proxy.url, json=call(NUMBER)) as response:
            assert (200, b"<html>") == (response.status, await response.read())


async def test_one_address_may_be_two_nodes(proxy: RpcProxy) -> None:
    async with fake_node() as other:
        other.results = {NUMBER: "0x99"}
        proxy.rules.append(On(NUMBER, Via(f"http://127.0.0.1:{other.port}"), times=1))

        assert ["0x99", "0x10"] == [(await post(proxy, call(NUMBER)))["result"] for _ in range(2)]


async def test_a_call_may_be_left_out_of_a_batch(proxy: RpcProxy) -> None:
    proxy.rules.append(On(NUMBER, LeaveOut()))

    assert [2] == [each["id"] for each in await post(proxy, [call(NUMBER, 1), call(CHAIN, 2)])]


async def test_a_rule_counts_skips_ends_and_draws_by_its_seed() -> None:
    def drawn(seed: str) -> list[bool]:
        rule = On(NUMBER, Fail(), chance=0.5, seed=seed, skip=2, times=5)
        return [rule(NUMBER, []) is not None for _ in range(40)]

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
    assert 5 == sum(drawn("a"))
    assert [False, False] == drawn("a")[:2]
    assert On((), Fail())(CHAIN, []) is not None
    assert On((), Fail(), where=lambda params: params == [1])(CHAIN, []) is None


async def test_calls_on_a_websocket_meet_the_same_rules(echoing: RpcProxy) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(echoing.ws_url) as socket:
        await socket.send_json(call("tell"))
        assert "first" == (await socket.receive_json())["params"]["result"]
        echoing.rules.append(On(NUMBER, Give("0x1")))
        await socket.send_json(call(NUMBER, 4))
        assert (4, "0x1") == ((found := await socket.receive_json())["id"], found["result"])


async def test_what_a_node_tells_by_itself_can_be_lost_doubled_or_late(echoing: RpcProxy) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(echoing.ws_url) as socket:
        echoing.sockets.notice_rules.append(lambda text: [text, text])
        await socket.send_json(call("tell"))
        assert ["first", "first"] == [(await socket.receive_json())["params"]["result"] for _ in range(2)]
        echoing.sockets.notice_rules[:] = [lambda _: []]
        await socket.send_json(call("tell"))
        await socket.send_json(call("plain"))
        assert "plain" == (await socket.receive_json())["result"]
    assert 2 == echoing.injected["notices"]


async def test_a_socket_breaks_without_a_word_or_stays_open_and_deaf(echoing: RpcProxy) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(echoing.ws_url) as socket:
            await socket.send_json(call("plain"))
            await socket.receive_json()
            assert 1 == echoing.sockets.drop()
            message = await socket.receive()
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
            assert 1006 == socket.close_code
        async with session.ws_connect(echoing.ws_url) as socket:
            await socket.send_json(call("plain"))
            await socket.receive_json()
            echoing.sockets.go_deaf()
            await socket.send_json(call("plain"))
            await socket.send_json(call("plain"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await socket.receive()
            echoing.sockets.hear_again()
