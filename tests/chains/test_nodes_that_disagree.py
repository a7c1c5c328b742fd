"""Real nodes on two branches behind proxies: who is alone is not followed, a draw is a dispute, and a lie decides nothing."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chains.client import ChainClient
from chains.devnet.anvil import Anvil
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Change, Give
from chains.endpoint import Endpoint
from chains.endpoint_report import Standing
from chains.errors import NotAgreed, Reverted
from chains.transactions import TransactionRequest
from config.secrets import SecretUrl
from tests.chains.follow import Believer
from tests.chains.nodes import CHAIN_ID, EMITTER, NUMBER, REVERTER, Node

pytestmark = pytest.mark.chain


class Ways:
    """Three ways to one node, and another node that has the same chain up to where it was made."""

    def __init__(self, node: Node, other: Anvil, proxies: list[RpcProxy]) -> None:
        self.node = node
        self.other = other
        self.proxies = proxies
        self.clients: list[ChainClient] = []

    def client(self, ways: int, agreeing: int = 1) -> ChainClient:
        endpoints = [
            Endpoint(SecretUrl(proxy.url), max_requests_per_s=10_000, name=f"way-{number}")
            for number, proxy in enumerate(self.proxies[:ways])
        ]
        client = ChainClient("alpha", CHAIN_ID, self.node.genesis_hash, endpoints, agreeing=agreeing)
        self.clients.append(client)
        return client

    def lead_astray(self, way: int) -> None:
        self.proxies[way].upstream = self.other.url

    def lead_back(self, way: int) -> None:
        self.proxies[way].upstream = self.proxies[-1].upstream


@pytest.fixture
async def ways(node: Node, tmp_path: Path) -> AsyncIterator[Ways]:
    await node.mine(20)
    state = tmp_path / "state.json"
    state.write_bytes(gzip.decompress(bytes.fromhex((await node("anvil_dumpState"))[2:])))
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(
            Anvil(CHAIN_ID, block_time_s=0, extra=("--load-state", str(state)))
        )
        url = node.url.reveal()
        proxies = [await stack.enter_async_context(RpcProxy(url)) for _ in range(3)]
        found = Ways(node, other, proxies)
        yield found
        for client in found.clients:
            await client.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(45):
        while not condition():  # noqa: ASYNC110 - the pool tells nobody
            await asyncio.sleep(0.02)


async def test_a_first_node_on_a_branch_of_its_own_undoes_nothing(ways: Ways) -> None:
    client = ways.client(3)
    await client.connect()
    believer = Believer(client, finality_depth=64)
    async with believer.following():
        await ways.node.emit(2)
        await believer.until(lambda: believer.values == [2])
        await ways.other.mine(6)  # a longer one, from below the block with the log
        ways.lead_astray(0)
        await until(lambda: client.pool.report()[0].standing is Standing.QUARANTINED)
        await ways.node.emit(4)
        await believer.until(lambda: believer.values == [2, 4])
        assert not client.pool.disputed
        ways.lead_back(0)
        await until(lambda: client.pool.report()[0].standing is Standing.OK)

    assert not any(update.removed for update in believer.updates)


async def test_one_against_one_is_a_dispute_and_ends_when_they_agree(ways: Ways) -> None:
    client = ways.client(2)
    await client.connect()
    believer = Believer(client, finality_depth=64)
    async with believer.following():
        await ways.node.emit(2)
        await believer.until_at(await client.head())
        await ways.other.mine(6)
        ways.lead_astray(0)
        await until(lambda: bool(client.pool.disputed))
        ways.proxies[0].upstream = ways.proxies[1].upstream
        await until(lambda: not client.pool.disputed)
        await believer.until_at(await client.head())


async def test_a_lie_of_one_node_decides_nothing_and_costs_nothing_else(ways: Ways) -> None:
    client = ways.client(2, agreeing=2)
    await client.connect()
    head = await client.head()
    ways.proxies[0].rules.append(On("eth_call", Give("0x" + "ff" * 32), name="lie"))

    assert b"\xff" * 32 == await client.call(NUMBER, b"", head.hash)
    with pytest.raises(NotAgreed):
        await client.decisive.call(NUMBER, b"", head.hash)
    with pytest.raises(NotAgreed):
        await client.decisive.call_many([(NUMBER, b""), (REVERTER, b"")], head.hash)
    assert client.pool.not_agreed

    ways.proxies[0].rules.clear()
    number, reverted = await client.decisive.call_many([(NUMBER, b""), (REVERTER, b"")], head.hash)
    assert head.number.to_bytes(32) == number
    assert isinstance(reverted, Reverted)
    assert not client.pool.not_agreed


async def test_a_simulation_that_one_node_says_would_succeed_is_not_believed_alone(ways: Ways) -> None:
    client = ways.client(2, agreeing=2)
    await client.connect()
    request = TransactionRequest(
        chain_id=CHAIN_ID,
        nonce=0,
        to=REVERTER,
        data=b"",
        gas_limit=100_000,
        max_fee_per_gas_wei=10**10,
        max_priority_fee_per_gas_wei=10**9,
    )
    with pytest.raises(Reverted):
        await client.simulate(request, ways.node.sender)
    ways.proxies[1].rules.append(On("eth_call", Give("0x"), name="lie"))
    with pytest.raises(NotAgreed):
        await client.simulate(request, ways.node.sender)


async def test_a_block_that_only_one_node_has_is_nothing_to_rest_on(ways: Ways) -> None:
    client = ways.client(2, agreeing=2)
    await client.connect()
    await ways.node.emit(2)
    head = await client.head()
    assert head == await client.decisive.block(head.hash)

    ways.lead_astray(1)
    with pytest.raises(NotAgreed):
        await client.decisive.block(head.hash)


async def test_logs_and_heads_cost_the_same_with_one_to_agree_and_with_two(ways: Ways) -> None:
    asked = []
    for agreeing in (1, 2):
        client = ways.client(2, agreeing)
        await client.connect()
        believer = Believer(client, finality_depth=2)
        await believer.follower.poll()
        for proxy in ways.proxies:
            proxy.reset()
        for _ in range(5):
            await ways.node.mine()
            await believer.follower.poll()
        asked.append([proxy.requests for proxy in ways.proxies])

    assert [[10, 0, 0], [10, 0, 0]] == asked


async def test_a_head_far_beyond_what_the_chain_can_be_is_not_followed(ways: Ways) -> None:
    client = ways.client(2)
    ways.proxies[0].rules.append(
        On(
            "eth_getBlockByNumber",
            Change(lambda block: block | {"number": hex(int(block["number"], 16) + 10**6)}),
            where=lambda params: params[0] == "latest",
            name="leap",
        )
    )
    await client.connect()

    assert Standing.AHEAD is client.pool.report()[0].standing
    assert 20 == (await client.head()).number
    assert [] == await client.logs_range(1, 20, EMITTER)
