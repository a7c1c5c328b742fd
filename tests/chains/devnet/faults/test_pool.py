"""The pool's rules are geth's, to the percent: both fields by a tenth, no gap where none is kept, a cap on the fee."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from chains.devnet.faults.pool import GethPool
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import SEND
from chains.keys import Key
from chains.transactions import Fees, TransactionPolicy, TransactionRequest, cancellation, sign_transaction
from tests.chains.fakes import FakeNode, fake_node

KEY = Key(b"\x4b" * 32)
GWEI = 10**9


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with fake_node() as node:
        node.results = {"eth_getTransactionCount": "0x5", "eth_getTransactionByHash": {}, SEND: "0xabc"}
        yield node


@pytest.fixture
async def proxy(node: FakeNode) -> AsyncIterator[RpcProxy]:
    async with RpcProxy(f"http://127.0.0.1:{node.port}") as proxy:
        yield proxy


async def signed(nonce: int, tip: int, cap: int) -> str:
    fees = Fees(tip, cap)
    request = TransactionRequest(1, nonce, tip, cap, 21_000, KEY.address, b"")
    policy = TransactionPolicy(1, frozenset(), 100_000, 10**12, 10**18)
    return "0x" + (await sign_transaction(cancellation(request, KEY.address, fees), KEY, policy)).raw.hex()


async def send(proxy: RpcProxy, nonce: int, tip: int, cap: int) -> str:
    """What the pool says to a transaction, nothing if it takes it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": SEND, "params": [await signed(nonce, tip, cap)]}
    async with aiohttp.ClientSession() as session, session.post(proxy.url, json=body) as response:
        answer = await response.json(content_type=None)
    return str(answer["error"]["message"]) if "error" in answer else ""


@pytest.mark.parametrize(
    ("tip", "cap", "taken"),
    [
        (110, 1_100, True),
        (109, 1_100, False),
        (110, 1_099, False),
        (100, 2_000, False),
        (200, 1_000, False),
        (1_000, 1_100, True),
    ],
)
async def test_a_replacement_raises_both_fields_by_a_tenth(
    proxy: RpcProxy, tip: int, cap: int, taken: bool
) -> None:
    proxy.rules.append(GethPool(proxy.ask))

    assert "" == await send(proxy, 5, 100, 1_000)
    assert ("" if taken else "replacement transaction underpriced") == await send(proxy, 5, tip, cap)


async def test_what_it_has_is_already_known_and_what_was_mined_is_forgotten(
    proxy: RpcProxy, node: FakeNode
) -> None:
    proxy.rules.append(GethPool(proxy.ask))

    assert "" == await send(proxy, 5, 100, 1_000)
    assert "already known" == await send(proxy, 5, 100, 1_000)
    node.results["eth_getTransactionCount"] = "0x6"
    assert "" == await send(proxy, 5, 100, 1_000)


async def test_a_gap_is_queued_unless_it_keeps_no_queue(proxy: RpcProxy) -> None:
    proxy.rules[:] = [GethPool(proxy.ask)]
    assert "" == await send(proxy, 7, 100, 1_000)
    proxy.rules[:] = [GethPool(proxy.ask, refuses_gaps=True)]

    assert "nonce too high" == await send(proxy, 7, 100, 1_000)
    assert "" == await send(proxy, 5, 100, 1_000)
    assert "" == await send(proxy, 6, 100, 1_000)
    assert "" == await send(proxy, 7, 100, 1_000)


async def test_a_node_has_a_cap_of_its_own(proxy: RpcProxy) -> None:
    proxy.rules.append(GethPool(proxy.ask, fee_cap_wei=21_000 * 1_000))

    assert "" == await send(proxy, 5, 100, 1_000)
    assert "exceeds the configured cap" in await send(proxy, 6, 100, 1_001)
