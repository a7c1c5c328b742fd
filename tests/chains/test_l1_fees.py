"""What rollups charge for data: asked where they say it, with a margin, and never guessed."""

from __future__ import annotations

import pytest
from eth_abi import decode

from chains.client import ChainClient
from chains.errors import MalformedAnswer, Reverted
from chains.l1_fees import (
    COMPONENT,
    FEE,
    GAS_PRICE_ORACLE,
    NODE_INTERFACE,
    NOTHING,
    UPPER_BOUND,
    DataCharge,
    data_charge,
)
from chains.transactions import TransactionRequest, unsigned_bytes
from config.settings import L1Fee
from tests.chains.nodes import CHAIN_ID, EMITTER, Node

REQUEST = TransactionRequest(CHAIN_ID, 7, 10**9, 3 * 10**9, 600_000, EMITTER, b"\xff" * 1_000)
WEI_PER_BYTE = 0x10_000
FROM_SIZE = "0x60043562010000025f5260205ff3"
"""Answers the first word of its arguments times `WEI_PER_BYTE`: an upper bound from a size."""
FROM_LENGTH = "0x60243562010000025f5260205ff3"
"""Answers the second word of its arguments times `WEI_PER_BYTE`: a fee from the length of bytes."""
DATA_GAS = "0x606435600c025f5260205ff3"
"""Answers twelve gas for each byte of the call's data, which is the third argument."""
ONLY_BYTES = "0x5f3560e01c6349948e0e14601157" + "5f5ffd" + "5b60243562010000025f5260205ff3"
"""As `FROM_LENGTH` for `getL1Fee`, and reverts for anything else: an oracle from before Fjord."""


class Scripted:
    """A chain that answers calls as told, and remembers them."""

    def __init__(self, *answers: bytes | Reverted) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bytes]] = []

    async def call(self, to: str, data: bytes, block_hash: str) -> bytes:
        self.asked.append((to, data))
        answer = self.answers.pop(0)
        if isinstance(answer, Reverted):
            raise answer
        return answer


async def test_a_chain_without_such_fees_is_not_asked() -> None:
    chain = Scripted()

    assert NOTHING == await data_charge(L1Fee.NONE, chain, REQUEST, "0x1")
    assert [] == chain.asked


async def test_an_op_stack_chain_is_asked_for_the_bound_of_the_unsigned_size() -> None:
    chain = Scripted((4_001).to_bytes(32, "big"))

    assert DataCharge(fee_wei=5_002) == await data_charge(L1Fee.OP_STACK, chain, REQUEST, "0x1")
    ((to, data),) = chain.asked
    assert (GAS_PRICE_ORACLE, UPPER_BOUND) == (to, data[:4])
    assert (len(unsigned_bytes(REQUEST)),) == decode(["uint256"], data[4:])


async def test_an_older_op_stack_chain_is_asked_with_the_bytes() -> None:
    chain = Scripted(Reverted(b"", "no such function"), (100).to_bytes(32, "big"))

    assert DataCharge(fee_wei=125) == await data_charge(L1Fee.OP_STACK, chain, REQUEST, "0x1")
    assert FEE == chain.asked[1][1][:4]
    assert (unsigned_bytes(REQUEST),) == decode(["bytes"], chain.asked[1][1][4:])


async def test_arbitrum_says_gas_that_comes_on_top() -> None:
    chain = Scripted((80).to_bytes(32, "big") + bytes(64))

    assert DataCharge(gas=100) == await data_charge(L1Fee.ARBITRUM, chain, REQUEST, "0x1")
    ((to, data),) = chain.asked
    assert (NODE_INTERFACE, COMPONENT) == (to, data[:4])
    assert (EMITTER.lower(), False, REQUEST.data) == decode(["address", "bool", "bytes"], data[4:])


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (L1Fee.OP_STACK, b""),
        (L1Fee.OP_STACK, bytes(31)),
        (L1Fee.ARBITRUM, b""),
        (L1Fee.ARBITRUM, (2**32).to_bytes(32, "big")),
    ],
)
async def test_a_chain_that_is_no_such_rollup_is_not_believed(kind: L1Fee, answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        await data_charge(kind, Scripted(answer), REQUEST, "0x1")


@pytest.mark.chain
@pytest.mark.parametrize("code", [FROM_SIZE, ONLY_BYTES], ids=["since Fjord", "before"])
async def test_an_oracle_at_its_address_is_asked_on_a_real_node(
    node: Node, client: ChainClient, code: str
) -> None:
    await node("anvil_setCode", GAS_PRICE_ORACLE, code)
    head = await client.head()

    charge = await data_charge(L1Fee.OP_STACK, client, REQUEST, head.hash)

    assert DataCharge(fee_wei=-(-len(unsigned_bytes(REQUEST)) * WEI_PER_BYTE * 5 // 4)) == charge


@pytest.mark.chain
async def test_a_node_interface_at_its_address_is_asked_on_a_real_node(
    node: Node, client: ChainClient
) -> None:
    await node("anvil_setCode", NODE_INTERFACE, DATA_GAS)
    head = await client.head()

    assert DataCharge(gas=15_000) == await data_charge(L1Fee.ARBITRUM, client, REQUEST, head.hash)
