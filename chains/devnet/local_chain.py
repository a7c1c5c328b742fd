"""A local chain on which one plays everybody: senders are impersonated, so no keys are needed and none exist."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils import to_checksum_address

from chains.answers import read_head
from chains.blocks import Head
from chains.client import ChainClient
from chains.devnet import deploy
from chains.devnet.anvil import Anvil, AnvilFailed
from chains.devnet.transactor import FEES, RICH_WEI
from chains.endpoint import Endpoint
from chains.errors import Reverted
from chains.hub.codec import selector
from chains.transactions import TransactionRequest
from config.secrets import SecretUrl

OWNER = to_checksum_address(deploy.OWNER)
"""Who deploys, mints and lists."""
GAS_LIMIT = 20_000_000
FEED_CODE = "36600414600c575f355f55005b5f545f5260205ff3"
"""Answers its first slot to any call of four bytes, and keeps the first word of any other."""
TRIES = 400
PAUSE_S = 0.002


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
    """One anvil, and whatever anybody does on it, a transaction at a time.

    Where gas costs nothing and every transaction has a block, as with `FREE`, senders need no coins. Else they are
    given some, and blocks are mined as they are needed.
    """

    FREE = ("--base-fee", "0", "--gas-limit", "300000000", "--auto-impersonate")
    """Options of a node on which gas costs nothing."""

    def __init__(self, node: Anvil, *, free: bool = True) -> None:
        self.node = node
        self._free = free
        self._rich: set[str] = set()

    async def client(self) -> ChainClient:
        """Return a connected client; its caller closes it."""
        genesis = (await self.node.rpc("eth_getBlockByNumber", "0x0", False))["hash"]
        endpoint = Endpoint(SecretUrl(self.node.url), max_requests_per_s=10_000, timeout_s=20.0)
        client = ChainClient("local", self.node.chain_id, genesis, [endpoint])
        await client.connect()
        return client

    async def head(self) -> Head:
        """Return the newest block."""
        return read_head("local", await self.node.rpc("eth_getBlockByNumber", "latest", False))

    async def deploy(self, code: str, types: Sequence[str] = (), *arguments: object) -> str:
        """Deploy creation code (0x hex) and return its address."""
        data = code + encode(list(types), list(arguments)).hex()
        receipt = await self._sent({"from": OWNER, "data": data})
        return to_checksum_address(receipt["contractAddress"])

    async def deploy_artifact(self, text: str, *arguments: object) -> str:
        """Deploy what an artifact's ABI and bytecode say."""
        artifact = json.loads(text)
        inputs = [each["inputs"] for each in artifact["abi"] if each["type"] == "constructor"]
        types = [argument["type"] for argument in (inputs[0] if inputs else ())]
        return await self.deploy(artifact["bytecode"], types, *arguments)

    async def send(self, sender: str, to: str, signature: str, *arguments: object) -> dict[str, Any]:
        """Call a function as `sender` and return the receipt. Raises `AnvilFailed` with the reason of a revert."""
        data = selector(signature) + encode(types_of(signature), list(arguments))
        return await self.send_raw(sender, to, data)

    async def send_raw(self, sender: str, to: str, data: bytes) -> dict[str, Any]:
        """Send calldata, as `send`."""
        return await self._sent({"from": sender, "to": to, "data": "0x" + data.hex()})

    async def view(
        self, to: str, signature: str, answer: Sequence[str], *arguments: object
    ) -> tuple[Any, ...]:
        """Return what a function answers now, decoded."""
        data = selector(signature) + encode(types_of(signature), list(arguments))
        found = await self.node.rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return decode(list(answer), bytes.fromhex(found[2:]))

    async def feed(self, answer: int) -> str:
        """Return a new contract that answers this to everything."""
        address = await self.deploy(f"0x60{len(FEED_CODE) // 2:02x}8060095f395ff3{FEED_CODE}")
        await self.set_feed(address, answer)
        return address

    async def set_feed(self, feed: str, answer: int) -> None:
        """Have a feed answer something else."""
        await self.send_raw(OWNER, feed, (answer % 2**256).to_bytes(32))

    async def next_at(self, timestamp_s: int) -> None:
        """Let the next block have this time."""
        await self.node.rpc("evm_setNextBlockTimestamp", timestamp_s)

    async def pass_time(self, seconds: int) -> Head:
        """Mine an empty block that much later."""
        await self.next_at((await self.head()).timestamp + seconds)
        await self.node.rpc("evm_mine")
        return await self.head()

    async def reverted(self, to: str, data: bytes, sender: str = OWNER) -> bytes:
        """Return what a contract reverts with. Raises `AnvilFailed` if it does not."""
        client = await self.client()
        try:
            request = TransactionRequest(self.node.chain_id, 0, 0, 0, GAS_LIMIT, to, data)
            await client.simulate(request, sender, "latest")
        except Reverted as reverted:
            return reverted.data
        finally:
            await client.aclose()
        raise AnvilFailed("the call did not revert")

    async def _sent(self, fields: dict[str, str]) -> dict[str, Any]:
        priced = {"gasPrice": "0x0"} if self._free else FEES
        if not self._free:
            await self._enrich(fields["from"])
        fields = {"gas": hex(GAS_LIMIT), **priced, **fields}
        tx_hash = await self.node.rpc("eth_sendTransaction", fields)
        receipt = await self._receipt(tx_hash)
        if receipt["status"] != "0x1":
            call = {key: fields[key] for key in ("from", "to", "data") if key in fields}
            await self.node.rpc("eth_call", call, "latest")  # raises with the reason
            raise AnvilFailed(f"{fields['data'][:10]} reverted, and would not any more")
        return receipt

    async def _receipt(self, tx_hash: str) -> dict[str, Any]:
        for _ in range(TRIES):
            if not self._free:
                await self.node.rpc("evm_mine")
            receipt: dict[str, Any] | None = await self.node.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            await asyncio.sleep(PAUSE_S)
        raise AnvilFailed(f"{tx_hash} was not mined")

    async def _enrich(self, sender: str) -> None:
        if sender not in self._rich:
            await self.node.rpc("anvil_impersonateAccount", sender)
            await self.node.rpc("anvil_setBalance", sender, RICH_WEI)
            self._rich.add(sender)
