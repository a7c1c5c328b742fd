"""A socket is a hint and nothing else: silent, closing, lying or shouting, it changes no block and costs next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from chains.client import ChainClient
from chains.devnet.faults.proxy import RpcProxy
from chains.endpoint import Endpoint
from chains.heads import MOST_VAIN_HINTS
from config.secrets import SecretUrl
from tests.chains.fakes import FakeNode
from tests.chains.follow import Believer
from tests.chains.nodes import CHAIN_ID, Node

pytestmark = pytest.mark.chain
NOTICE = (
    '{"jsonrpc":"2.0","method":"eth_subscription","params":{"result":{"number":"0xffffff","hash":"0x00"}}}'
)


async def closes(socket: web.WebSocketResponse) -> None:
    await socket.close()


async def shouts(socket: web.WebSocketResponse) -> None:
    while not socket.closed:
        await socket.send_str(NOTICE)
        await asyncio.sleep(0.001)


async def raves(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(b"\x00" * 100)
    await socket.send_str("[" * 10_000)
    await socket.send_str("x" * 2_000_000)


@pytest.mark.parametrize("says", [closes, shouts, raves])
async def test_whatever_a_socket_says_the_same_blocks_are_handed_on(
    node: Node,
    client: ChainClient,
    fake: FakeNode,
    says: Callable[[web.WebSocketResponse], Awaitable[None]],
) -> None:
    fake.says = says
    believer = Believer(client, hint_urls=[SecretUrl(f"ws://127.0.0.1:{fake.port}/")])
    async with believer.following():
        async with asyncio.timeout(45):
            await fake.listened.wait()
        for value in (2, 4, 6):
            await node.emit(value)
        await believer.until_at(await client.head())

    assert [2, 4, 6] == believer.values


async def test_a_socket_that_shouts_does_not_make_us_ask_more(node: Node, fake: FakeNode) -> None:
    heard = 0

    async def counted(socket: web.WebSocketResponse) -> None:
        nonlocal heard
        while not socket.closed:
            await socket.send_str(NOTICE)
            heard += 1
            await asyncio.sleep(0.01)

    fake.says = counted
    async with RpcProxy(node.url.reveal()) as proxy:
        client = ChainClient("alpha", CHAIN_ID, node.genesis_hash, [Endpoint(SecretUrl(proxy.url))])
        believer = Believer(
            client, hint_urls=[SecretUrl(f"ws://127.0.0.1:{fake.port}/")], poll_interval_s=1_000
        )
        await client.connect()
        asked = proxy.calls["eth_getBlockByNumber"]
        async with believer.following():
            async with asyncio.timeout(45):
                while heard < 100:  # noqa: ASYNC110 - the fake tells nobody
                    await asyncio.sleep(0.01)
        await client.aclose()

    # the first block, one look, and one more for each hint that is still believed
    assert proxy.calls["eth_getBlockByNumber"] - asked <= 2 + MOST_VAIN_HINTS
