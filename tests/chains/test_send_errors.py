from __future__ import annotations

import pytest

from chains.client import ChainClient
from chains.keys import Key
from chains.send_errors import SendClass, classify_send
from chains.transactions import TransactionPolicy, TransactionRequest, sign_transaction
from tests.chains.nodes import CHAIN_ID, EMITTER, Node
from tests.chains.send_texts import TEXTS

GWEI = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("already known", SendClass.PUBLISHED),
        ("ALREADY_EXISTS: already known", SendClass.PUBLISHED),
        ("known transaction: 0x12", SendClass.PUBLISHED),
        ("unknown transaction", SendClass.UNKNOWN),
        ("transaction already imported", SendClass.PUBLISHED),
        ("AlreadyKnown", SendClass.PUBLISHED),
        ("Transaction with the same hash was already imported.", SendClass.PUBLISHED),
        ("nonce too low", SendClass.NONCE_USED),
        ("failed with 1 errors: nonce too low: next nonce 5, tx nonce 3", SendClass.NONCE_USED),
        ("OldNonce", SendClass.NONCE_USED),
        ("invalid transaction nonce", SendClass.NONCE_USED),
        ("nonce too high", SendClass.NONCE_GAP),
        ("NonceGap", SendClass.NONCE_GAP),
        ("Transaction nonce too far in the future", SendClass.NONCE_GAP),
        ("tx nonce 9 exceeds next nonce 5", SendClass.NONCE_GAP),
        ("replacement transaction underpriced", SendClass.REPLACE_UNDERPRICED),
        ("Replacement transaction underpriced: new tx gas fee cap 1 <= 2", SendClass.REPLACE_UNDERPRICED),
        ("OwnNonceAlreadyUsed", SendClass.REPLACE_UNDERPRICED),
        ("transaction underpriced", SendClass.UNDERPRICED),
        ("transaction underpriced: gas tip cap 1, minimum needed 25000000000", SendClass.UNDERPRICED),
        ("FeeTooLowToCompete", SendClass.UNDERPRICED),
        ("gas price below minimum", SendClass.UNDERPRICED),
        (
            "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1 baseFee: 2",
            SendClass.UNDERPRICED,
        ),
        ("Insufficient funds for gas * price + value", SendClass.FUNDS),
        ("insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1", SendClass.FUNDS),
        ("InsufficientFunds, Balance is zero, cannot pay gas", SendClass.FUNDS),
        ("Upfront cost exceeds account balance", SendClass.FUNDS),
        ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", SendClass.FEE_CAP_NODE),
        ("intrinsic gas too low", SendClass.FATAL_TX),
        ("intrinsic gas too high -- CallGasCostMoreThanGasLimit", SendClass.FATAL_TX),
        ("exceeds block gas limit", SendClass.FATAL_TX),
        ("invalid sender", SendClass.FATAL_TX),
        ("oversized data: transaction size 200000, limit 131072", SendClass.FATAL_TX),
        ("gas uint64 overflow", SendClass.FATAL_TX),
        ("invalid chain id for signer", SendClass.FATAL_TX),
        ("max priority fee per gas higher than max fee per gas: address 0x1", SendClass.FATAL_TX),
        ("txpool is full", SendClass.POOL_FULL),
        ("There is a queue full of transactions", SendClass.POOL_FULL),
        ("Transaction was dropped due to limit", SendClass.POOL_FULL),
        ("address already reserved", SendClass.RESERVED),
        ("request timed out", SendClass.TRANSIENT),
        ("Too Many Requests", SendClass.TRANSIENT),
        ("header not found", SendClass.TRANSIENT),
        ("something else altogether", SendClass.UNKNOWN),
        ("", SendClass.UNKNOWN),
    ],
)
def test_a_text_means(text: str, expected: SendClass) -> None:
    assert expected is classify_send(text)


@pytest.mark.parametrize(
    ("client", "text", "expected"),
    [(client, *each) for client, texts in TEXTS.items() for each in texts],
)
def test_what_each_client_says_is_understood(client: str, text: str, expected: SendClass) -> None:
    for shown in (text, text.upper(), f"call failed: {text}", f"[Request ID: 2e95] {text} (code -32000)"):
        assert expected is classify_send(shown), (client, shown)


@pytest.mark.parametrize(
    "text", [f"{word} unknown" for word in ("overflowing", "unknown transaction", "", "noncesense")]
)
def test_what_nobody_ever_said_is_not_guessed(text: str) -> None:
    assert SendClass.UNKNOWN is classify_send(text)


class Sender:
    """Signs with one dev key and sends, with one field changed at a time."""

    def __init__(self, client: ChainClient) -> None:
        self.client = client
        self.key = Key(bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"))

    async def sign(self, **changed: int) -> bytes:
        fields = {
            "chain_id": CHAIN_ID,
            "nonce": 0,
            "max_priority_fee_per_gas_wei": GWEI,
            "max_fee_per_gas_wei": 10 * GWEI,
            "gas_limit": 100_000,
        } | changed
        request = TransactionRequest(to=EMITTER, data=bytes(32), **fields)
        policy = TransactionPolicy(
            chain_id=request.chain_id,
            allowed=frozenset({(EMITTER, bytes(4))}),
            max_gas_limit=10**9,
            max_fee_per_gas_wei=10**30,
            max_cost_wei=10**40,
        )
        return (await sign_transaction(request, self.key, policy)).raw

    async def send(self, raw: bytes) -> SendClass:
        return (await self.client.send_raw(raw)).send_class


@pytest.mark.chain
async def test_what_a_real_node_says(node: Node, client: ChainClient) -> None:
    sender = Sender(client)
    await node("evm_setAutomine", False)
    first = await sender.sign()

    assert SendClass.PUBLISHED is await sender.send(first)
    assert SendClass.PUBLISHED is await sender.send(first)
    assert SendClass.REPLACE_UNDERPRICED is await sender.send(await sender.sign(max_fee_per_gas_wei=9 * GWEI))
    assert SendClass.UNDERPRICED is await sender.send(
        await sender.sign(nonce=1, max_fee_per_gas_wei=1, max_priority_fee_per_gas_wei=0)
    )
    assert SendClass.FUNDS is await sender.send(await sender.sign(nonce=1, max_fee_per_gas_wei=10**24))
    assert SendClass.FATAL_TX is await sender.send(await sender.sign(nonce=1, gas_limit=10**8))
    assert SendClass.FATAL_TX is await sender.send(await sender.sign(nonce=1, chain_id=1))
    assert SendClass.FATAL_TX is await sender.send(first[:-1])

    await node.mine()
    receipt = await client.receipt((await client.send_raw(first)).tx_hash)
    assert receipt is not None
    assert receipt.succeeded
    assert SendClass.NONCE_USED is await sender.send(first)
