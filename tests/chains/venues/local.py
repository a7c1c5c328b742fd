"""A local chain on which a test plays everybody: no keys, no fees, a block for each transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils import to_checksum_address

from chains.answers import read_head
from chains.blocks import Head
from chains.client import ChainClient
from chains.devnet.anvil import Anvil
from chains.endpoint import Endpoint
from chains.errors import Reverted
from chains.hub.codec import selector
from chains.transactions import TransactionRequest
from config.secrets import SecretUrl

CHAIN_ID = 31_210
OWNER = to_checksum_address("0x" + "0a" * 20)
FEED_CODE = "36600414600c575f355f55005b5f545f5260205ff3"
"""Answers its first slot to any call of four bytes, and keeps the first word of any other."""
BROKEN_CODE = "0x5f5ffd"


def person(index: int) -> str:
    return to_checksum_address(f"0x{0xABC0000000 + index:040x}")


def types_of(signature: str) -> list[str]:
    """Return the argument types of a function's signature, tuples whole."""
    inner, found, depth = signature[signature.index("(") + 1 : -1], [""], 0
    for letter in inner:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [each for each in found if each]


class LocalChain:
    """One anvil and a client of it."""

    def __init__(self, node: Anvil) -> None:
        self.node = node

    @staticmethod
    def anvil() -> Anvil:
        options = ("--base-fee", "0", "--gas-limit", "300000000", "--auto-impersonate")
        return Anvil(CHAIN_ID, extra=options)

    async def client(self) -> ChainClient:
        genesis = (await self.node.rpc("eth_getBlockByNumber", "0x0", False))["hash"]
        endpoint = Endpoint(SecretUrl(self.node.url), max_requests_per_s=10_000, timeout_s=20.0)
        client = ChainClient("local", CHAIN_ID, genesis, [endpoint])
        await client.connect()
        return client

    async def head(self) -> Head:
        return read_head("local", await self.node.rpc("eth_getBlockByNumber", "latest", False))

    async def deploy(self, code: str, types: Sequence[str] = (), *arguments: Any) -> str:
        data = code + encode(list(types), list(arguments)).hex()
        receipt = await self._sent({"from": OWNER, "data": data})
        return to_checksum_address(receipt["contractAddress"])

    async def send(self, sender: str, to: str, signature: str, *arguments: Any) -> dict[str, Any]:
        data = selector(signature) + encode(types_of(signature), list(arguments))
        return await self.send_raw(sender, to, data)

    async def send_raw(self, sender: str, to: str, data: bytes) -> dict[str, Any]:
        return await self._sent({"from": sender, "to": to, "data": "0x" + data.hex()})

    async def view(self, to: str, signature: str, answer: Sequence[str], *arguments: Any) -> tuple[Any, ...]:
        data = selector(signature) + encode(types_of(signature), list(arguments))
        found = await self.node.rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return decode(list(answer), bytes.fromhex(found[2:]))

    async def feed(self, answer: int) -> str:
        """Return a new contract that answers this to everything."""
        address = await self.deploy(f"0x60{len(FEED_CODE) // 2:02x}8060095f395ff3{FEED_CODE}")
        await self.set_feed(address, answer)
        return address

    async def set_feed(self, feed: str, answer: int) -> None:
        await self.send_raw(OWNER, feed, (answer % 2**256).to_bytes(32))

    async def next_at(self, timestamp_s: int) -> None:
        """Let the next block have this time."""
        await self.node.rpc("evm_setNextBlockTimestamp", timestamp_s)

    async def pass_time(self, seconds: int) -> Head:
        """Mine an empty block that much later."""
        await self.next_at((await self.head()).timestamp + seconds)
        await self.node.rpc("evm_mine")
        return await self.head()

    async def _sent(self, fields: dict[str, str]) -> dict[str, Any]:
        fields = {"gas": hex(20_000_000), "gasPrice": "0x0", **fields}
        tx_hash = await self.node.rpc("eth_sendTransaction", fields)
        while (receipt := await self.node.rpc("eth_getTransactionReceipt", tx_hash)) is None:  # noqa: ASYNC110 - the node has no event
            await asyncio.sleep(0.002)
        if receipt["status"] != "0x1":
            call = {key: fields[key] for key in ("from", "to", "data") if key in fields}
            await self.node.rpc("eth_call", call, "latest")  # raises with the reason
        assert receipt["status"] == "0x1", fields["data"][:10]
        found: dict[str, Any] = receipt
        return found

    async def reverted(self, to: str, data: bytes, sender: str = OWNER) -> bytes:
        """Return what a contract reverts with."""
        client = await self.client()
        try:
            await client.simulate(
                TransactionRequest(CHAIN_ID, 0, 0, 0, 20_000_000, to, data), sender, "latest"
            )
        except Reverted as reverted:
            return reverted.data
        finally:
            await client.aclose()
        raise AssertionError("the call did not revert")
