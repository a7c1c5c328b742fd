"""Nodes that are behind: what they can not have yet is not found, and what they show is as of their own height."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from chains.devnet.anvil import Anvil
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.views import Behind, Frozen, Lagging, StaleCalls

pytestmark = pytest.mark.chain
SELF_NUMBER = "0x435f5260205ff3"
"""A contract that answers the block's number."""
PLACE = "0x" + "11" * 20


@pytest.fixture
async def node() -> AsyncIterator[Anvil]:
    async with Anvil(31_190, block_time_s=0) as node:
        await node.rpc("anvil_setCode", PLACE, SELF_NUMBER)
        await node.mine(10)
        yield node


@pytest.fixture
async def proxy(node: Anvil) -> AsyncIterator[RpcProxy]:
    async with RpcProxy(node.url) as proxy:
        yield proxy


async def ask(proxy: RpcProxy, method: str, *params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    async with aiohttp.ClientSession() as session, session.post(proxy.url, json=body) as response:
        answer = await response.json(content_type=None)
    return answer.get("result", answer.get("error"))


async def number(proxy: RpcProxy, at: object = "latest") -> Any:
    answer = await ask(proxy, "eth_call", {"to": PLACE}, at)
    return int(answer, 16) if isinstance(answer, str) else answer["message"]


async def head(proxy: RpcProxy) -> int:
    return int((await ask(proxy, "eth_getBlockByNumber", "latest", False))["number"], 16)


async def test_one_that_stopped_at_a_block_has_nothing_of_what_came_later(
    proxy: RpcProxy, node: Anvil
) -> None:
    proxy.rules.append(await Behind.at_head(proxy.ask))
    await node.mine(3)
    newest = await node.rpc("eth_getBlockByNumber", "latest", False)

    assert (10, 10, "0xa") == (await head(proxy), await number(proxy), await ask(proxy, "eth_blockNumber"))
    assert await ask(proxy, "eth_getBlockByNumber", newest["number"], False) is None
    assert await ask(proxy, "eth_getBlockByHash", newest["hash"], False) is None
    assert "block not found" == await number(proxy, {"blockHash": newest["hash"]})
    assert -32_001 == (await ask(proxy, "eth_getLogs", {"blockHash": newest["hash"]}))["code"]


async def test_one_that_lags_keeps_its_distance(proxy: RpcProxy, node: Anvil) -> None:
    proxy.rules.append(Lagging(proxy.ask, 4))
    assert (6, 6) == (await head(proxy), await number(proxy))
    await node.mine(3)

    assert (9, 9) == (await head(proxy), await number(proxy))


async def test_a_frozen_head_hides_nothing_else(proxy: RpcProxy, node: Anvil) -> None:
    proxy.rules.append(Frozen(proxy.ask))
    assert 10 == await head(proxy)
    await node.mine(3)

    assert (10, 13) == (await head(proxy), await number(proxy))


async def test_a_stale_call_is_of_an_older_block_whatever_it_names(proxy: RpcProxy, node: Anvil) -> None:
    proxy.rules.append(StaleCalls(proxy.ask, 5))
    newest = await node.rpc("eth_getBlockByNumber", "latest", False)

    assert 5 == await number(proxy, {"blockHash": newest["hash"]})
    assert 10 == await head(proxy)
