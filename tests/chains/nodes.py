"""Real nodes under test, with contracts small enough to be written as bytes."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeVar

from chains.client import ChainClient
from chains.devnet import process
from chains.devnet.anvil import Anvil
from chains.endpoint import Endpoint
from config.secrets import SecretUrl

CHAIN_ID = 31_199
free_port = process.free_port
EMITTER = "0x" + "e1" * 20
"""Logs its first word of calldata under topic 1."""
NUMBER = "0x" + "11" * 20
"""Answers the block's number."""
REVERTER = "0x" + "12" * 20
"""Reverts with 0xdeadbeef."""
SPINNER = "0x" + "13" * 20
"""Never ends."""
CODE = {
    EMITTER: "0x5f355f52600160205fa100",
    NUMBER: "0x435f5260205ff3",
    REVERTER: "0x63deadbeef5f526004601cfd",
    SPINNER: "0x5b5f56",
}


class Closable(Protocol):
    async def aclose(self) -> None: ...


Opened = TypeVar("Opened", bound=Closable)


class Closing(Protocol):
    def __call__(self, opened: Opened) -> Opened: ...


class Node:
    """One anvil that mines a block per transaction, or when told. Its URLs hold what must not be shown."""

    def __init__(self) -> None:
        self.port = free_port()
        self._anvil = Anvil(CHAIN_ID, port=self.port)
        self.genesis_hash = ""
        self.sender = ""

    @property
    def url(self) -> SecretUrl:
        return SecretUrl(f"{self._anvil.url}/?key=that-must-stay-secret")

    @property
    def ws_url(self) -> SecretUrl:
        return SecretUrl(f"{self._anvil.ws_url}/?key=that-must-stay-secret")

    async def start(self, *extra: str) -> None:
        """Start, with more of anvil's own options if need be. A second time it is the same port, another chain."""
        self._anvil = Anvil(CHAIN_ID, port=self.port, extra=extra)
        await self._anvil.start()
        self.genesis_hash = (await self("eth_getBlockByNumber", "0x0", False))["hash"]
        self.sender = (await self("eth_accounts"))[0]
        for address, code in CODE.items():
            await self("anvil_setCode", address, code)

    async def stop(self) -> None:
        await self._anvil.stop()

    def pause(self) -> None:
        self._anvil.pause()

    def resume(self) -> None:
        self._anvil.resume()

    async def __call__(self, method: str, *params: Any) -> Any:
        return await self._anvil.rpc(method, *params)

    async def mine(self, blocks: int = 1) -> None:
        await self._anvil.mine(blocks)

    async def emit(self, value: int) -> str:
        """Mine one block in which the emitter logs `value`. Returns the transaction's hash."""
        fields = {"from": self.sender, "to": EMITTER, "data": f"0x{value:064x}", "gas": "0x186a0"}
        tx_hash: str = await self("eth_sendTransaction", fields)
        while await self("eth_getTransactionReceipt", tx_hash) is None:  # noqa: ASYNC110 - the node has no event
            await asyncio.sleep(0.01)
        return tx_hash

    def client(self, *others: Endpoint, timeout_s: float = 5.0) -> ChainClient:
        endpoint = Endpoint(self.url, max_requests_per_s=10_000, timeout_s=timeout_s)
        return ChainClient("alpha", CHAIN_ID, self.genesis_hash, [endpoint, *others])
