"""A real node on which sources read real contracts, as the daemon does: at one block's hash, in one batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils import function_signature_to_4byte_selector as selector_of
from eth_utils import to_checksum_address

from chains.client import ChainClient
from chains.devnet.anvil import Anvil
from chains.devnet.transactor import created_address
from chains.endpoint import Endpoint
from chains.errors import Reverted
from config.secrets import SecretUrl
from keeper.watch.feeds import FeedReading, Feeds
from oracles.price import Quote, QuoteFailure
from oracles.sources.chain import ChainReader
from tests.oracles.contracts.packages import creation_code

CHAIN_ID = 31_197
GAS = hex(12_000_000)


class Refused(Exception):
    """A transaction reverted, with the contract's words."""


class Ground:
    """One node with people. Each transaction is a block of its own."""

    def __init__(self, node: Anvil, client: ChainClient, people: list[str]) -> None:
        self.node = node
        self.client = client
        self.people = people

    async def create(self, code: bytes, types: str = "", *values: Any) -> str:
        """Deploy; return the address."""
        sender = self.people[0]
        nonce = int(await self.node.rpc("eth_getTransactionCount", sender, "latest"), 16)
        arguments = encode(types.split(), values) if types else b""
        await self._mined({"from": sender, "data": "0x" + (code + arguments).hex(), "gas": GAS})
        return created_address(sender, nonce)

    async def publish(self, package: str, member: str, types: str = "", *values: Any) -> str:
        """Deploy somebody's published contract."""
        return await self.create(creation_code(package, member), types, *values)

    async def send(self, to: str, signature: str, *values: Any, by: int = 0, wei: int = 0) -> None:
        """Call a function in a transaction. Raises `Refused`."""
        data = "0x" + call_data(signature, *values).hex()
        await self._mined({"from": self.people[by], "to": to, "data": data, "gas": GAS, "value": hex(wei)})

    async def ask(self, to: str, signature: str, types: str, *values: Any) -> tuple[Any, ...]:
        """Call a view at the newest block."""
        answer = await self.node.rpc(
            "eth_call", {"to": to, "data": "0x" + call_data(signature, *values).hex()}, "latest"
        )
        return tuple(decode(types.split(), bytes.fromhex(answer[2:])))

    async def wait(self, seconds: int) -> None:
        """Let chain time pass, and mine."""
        await self.node.rpc("evm_setNextBlockTimestamp", hex((await self.client.head()).timestamp + seconds))
        await self.node.mine()

    async def read(self, source: ChainReader) -> Quote | QuoteFailure:
        """Read one source at the newest block, twice if the first reading found what more to ask."""
        head = await self.client.head()
        asked = None
        while asked != (calls := source.calls()):
            asked = calls
            answers = await self._answers(calls, head.hash)
            found = source.read(answers, head.timestamp, head.timestamp * 1000)
        return found

    async def read_feeds(self, feeds: Feeds) -> FeedReading:
        """Read a chain's feeds at the newest block."""
        head = await self.client.head()
        answers = await self._answers(feeds.calls(), head.hash)
        return feeds.read(answers, head.timestamp, head.timestamp * 1000)

    async def _answers(self, calls: list[tuple[str, bytes]], block_hash: str) -> list[bytes | None]:
        found = await self.client.call_many(calls, block_hash)
        return [None if isinstance(answer, Reverted) else answer for answer in found]

    async def _mined(self, fields: dict[str, str]) -> None:
        tx_hash = await self.node.rpc("eth_sendTransaction", fields)
        await self.node.rpc("evm_mine")
        receipt = await self.node.rpc("eth_getTransactionReceipt", tx_hash)
        if receipt["status"] != "0x1":
            raise Refused(fields.get("data", "")[:10])


def call_data(signature: str, *values: Any) -> bytes:
    """Return the calldata of ``name(types)`` with these values; a tuple is written ``((a,b))``."""
    inner = signature[signature.index("(") + 1 : -1]
    types = [inner] if inner.startswith("(") else [each for each in inner.split(",") if each]
    return bytes(selector_of(signature)) + (encode(types, values) if types else b"")


@asynccontextmanager
async def opened() -> AsyncIterator[Ground]:
    """A node that mines when told, with ten rich people."""
    async with Anvil(CHAIN_ID, block_time_s=0) as node:
        genesis = (await node.rpc("eth_getBlockByNumber", "0x0", False))["hash"]
        people = [str(to_checksum_address(each)) for each in await node.rpc("eth_accounts")]
        endpoint = Endpoint(SecretUrl(node.url), max_requests_per_s=10_000, timeout_s=10.0)
        client = ChainClient("alpha", CHAIN_ID, genesis, [endpoint])
        await client.connect()
        try:
            yield Ground(node, client, people)
        finally:
            await client.aclose()
