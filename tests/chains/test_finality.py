"""Finality by the chain's own tag, and what is left where no node knows it."""

from __future__ import annotations

import asyncio

import pytest

from chains.blocks import Head
from chains.client import ChainClient
from chains.devnet.faults.proxy import RpcProxy
from chains.endpoint import Endpoint
from chains.errors import FinalityViolation
from config.secrets import SecretUrl
from tests.chains.follow import Believer
from tests.chains.nodes import CHAIN_ID, Node

pytestmark = pytest.mark.chain


async def test_what_the_chain_calls_finalized_may_not_go_however_shallow(
    node: Node, client: ChainClient
) -> None:
    believer = Believer(
        client, finality_depth=8, finality_tag=True
    )  # anvil calls finalized what is two below
    await node.mine(10)
    async with believer.following(ends=True) as task:
        await believer.until_at(await client.head())
        await node("anvil_reorg", 2, [])
        await believer.until_at(await client.head())
        await node("anvil_reorg", 5, [])
        with pytest.raises(FinalityViolation, match="called finalized"):
            async with asyncio.timeout(45):
                await task
    assert 10 == believer.tip.number


async def test_without_the_tag_finality_goes_by_depth(node: Node, client: ChainClient) -> None:
    believer = Believer(client, finality_depth=8, finality_tag=True)
    honest = client.head_and_final

    async def untagged() -> tuple[Head, Head | None]:
        return (await honest())[0], None

    client.head_and_final = untagged  # type: ignore[method-assign]
    await node.mine(20)
    await believer.follower.poll()
    await node("anvil_reorg", 5, [])
    await node.mine()
    await believer.follower.poll()

    assert (await client.head()) == believer.tip


async def test_the_tag_costs_no_request_of_its_own(node: Node, client: ChainClient) -> None:
    asked = []
    async with RpcProxy(node.url.reveal()) as proxy:
        for tag in (False, True):
            its = ChainClient("alpha", CHAIN_ID, node.genesis_hash, [Endpoint(SecretUrl(proxy.url))])
            believer = Believer(its, finality_depth=2, finality_tag=tag)
            try:
                await believer.follower.poll()
                proxy.reset()
                for _ in range(5):
                    await node.mine()
                    await believer.follower.poll()
                asked.append(proxy.requests)
            finally:
                await its.aclose()

    assert [10, 10] == asked
