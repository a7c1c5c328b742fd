"""What tells who used a nonce: a block's transactions of one sender, and a receipt from another node than usual."""

from __future__ import annotations

from typing import Any

import pytest

from chains.answers import read_sent
from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.errors import MalformedAnswer, NotYetThere
from tests.chains.fakes import FakeNode, block_at, block_hash, fake_node
from tests.chains.nodes import CHAIN_ID, EMITTER, Node

OURS, THEIRS = "0x" + "0A" * 20, "0x" + "0b" * 20
FIRST, SECOND = "0x" + "a1" * 32, "0x" + "a2" * 32


def block(*transactions: Any) -> dict[str, Any]:
    return {"hash": block_hash(5), "transactions": list(transactions)}


def sent(sender: str, nonce: int, tx_hash: str) -> dict[str, str]:
    return {"from": sender, "nonce": hex(nonce), "hash": tx_hash}


def test_a_senders_transactions_are_told_by_nonce() -> None:
    found = block(sent(OURS, 7, FIRST), sent(THEIRS, 8, "0x" + "b1" * 32), sent(OURS.lower(), 8, SECOND))

    assert {7: FIRST, 8: SECOND} == read_sent(found, OURS, block_hash(5))
    assert {} == read_sent(block(), OURS, block_hash(5))


@pytest.mark.parametrize(
    "found",
    [
        block() | {"hash": block_hash(6)},
        block() | {"transactions": None},
        block(FIRST),
        block({"nonce": "0x7", "hash": FIRST}),
        block(sent(OURS, 7, "0x12")),
        block(sent(OURS, 7, FIRST) | {"nonce": None}),
        block(sent(OURS, 7, FIRST), sent(OURS, 7, SECOND)),
    ],
    ids=["another block", "none", "hashes only", "no sender", "no hash", "no nonce", "a nonce twice"],
)
def test_transactions_that_do_not_fit_are_refused(found: Any) -> None:
    with pytest.raises(MalformedAnswer):
        read_sent(found, OURS, block_hash(5))


@pytest.mark.chain
async def test_a_real_block_shows_who_sent_what(node: Node, client: ChainClient) -> None:
    first, second = await node.emit(1), await node.emit(2)
    block_of_second = await client.block(2)

    assert {0: first} == await client.sent_in((await client.block(1)).hash, node.sender)
    assert {1: second} == await client.sent_in(block_of_second.hash, node.sender)
    assert {} == await client.sent_in(block_of_second.hash, EMITTER)
    with pytest.raises(NotYetThere):
        await client.sent_in("0x" + "66" * 32, node.sender)


def serves(fake: FakeNode, receipt: Any) -> Endpoint:
    fake.results |= {
        "eth_chainId": hex(CHAIN_ID),
        "eth_getBlockByNumber": lambda number, _: block_at(number, 100),
        "eth_getTransactionReceipt": receipt,
    }
    return Endpoint(fake.url, timeout_s=5.0, attempts=1, name=f"node-{fake.port}")


async def test_a_receipt_that_the_usual_node_hides_is_got_from_another() -> None:
    receipt = {
        "transactionHash": FIRST,
        "blockNumber": "0x5",
        "blockHash": block_hash(5),
        "status": "0x1",
        "gasUsed": "0x1",
        "effectiveGasPrice": "0x1",
        "logs": [],
    }
    async with fake_node() as hiding, fake_node() as pruned, fake_node() as honest:
        endpoints = [serves(hiding, None), serves(pruned, None), serves(honest, receipt)]
        client = ChainClient("alpha", CHAIN_ID, block_hash(0), endpoints)
        await client.connect()

        assert await client.receipt(FIRST) is None
        found = await client.find_receipt(FIRST)

        assert found is not None
        assert 5 == found.block_number
        assert f"node-{hiding.port}" == client.asked_first
        honest.results["eth_getTransactionReceipt"] = None
        assert await client.find_receipt(FIRST) is None
        await client.aclose()
