"""Real nodes under test, with contracts small enough to be written as bytes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.errors import EndpointUnavailable
from config.secrets import SecretUrl

ROOT = Path(__file__).parents[2]
CHAIN_ID = 31_199
EMITTER = "0x" + "e1" * 20
EMITTER_CODE = "0x5f355f52600160205fa100"
"""Logs its first word of calldata under topic 1."""
NUMBER = "0x" + "11" * 20
NUMBER_CODE = "0x435f5260205ff3"
"""Answers the block's number."""
REVERTER = "0x" + "12" * 20
REVERTER_CODE = "0x63deadbeef5f526004601cfd"
"""Reverts with 0xdeadbeef."""
SPINNER = "0x" + "13" * 20
SPINNER_CODE = "0x5b5f56"
"""Never ends."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def anvil_binary() -> str:
    for found in (shutil.which("anvil"), ROOT / ".tools" / "anvil"):
        if found and Path(found).exists():
            return str(found)
    pytest.skip("anvil is not installed")


class Closable(Protocol):
    async def aclose(self) -> None: ...


Opened = TypeVar("Opened", bound=Closable)


class Closing(Protocol):
    def __call__(self, opened: Opened) -> Opened: ...


class Node:
    """One anvil: mines a block per transaction, or when told."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = SecretUrl(f"http://127.0.0.1:{self.port}/?key=that-must-stay-secret")
        self.ws_url = SecretUrl(f"ws://127.0.0.1:{self.port}/?key=that-must-stay-secret")
        self.admin = Endpoint(self.url, max_requests_per_s=10_000, timeout_s=20)
        self.genesis_hash = ""
        self.sender = ""
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, *more: str) -> None:
        self.genesis_hash = ""
        self._process = subprocess.Popen(  # noqa: ASYNC220 - takes milliseconds
            [
                anvil_binary(),
                *("--port", str(self.port), "--chain-id", str(CHAIN_ID)),
                *("--silent", "--max-persisted-states", "0", *more),
            ],
        )
        async with asyncio.timeout(20):
            while not self.genesis_hash:
                assert self._process.poll() is None
                try:
                    self.genesis_hash = (await self("eth_getBlockByNumber", "0x0", False))["hash"]
                except EndpointUnavailable:
                    await asyncio.sleep(0.02)
        self.sender = (await self("eth_accounts"))[0]
        for address, code in (
            (EMITTER, EMITTER_CODE),
            (NUMBER, NUMBER_CODE),
            (REVERTER, REVERTER_CODE),
            (SPINNER, SPINNER_CODE),
        ):
            await self("anvil_setCode", address, code)

    async def __call__(self, method: str, *params: Any) -> Any:
        return await self.admin.request(method, list(params))

    async def mine(self, blocks: int = 1) -> None:
        await self("anvil_mine", hex(blocks))

    async def emit(self, value: int) -> str:
        """Mine one block in which the emitter logs `value`. Returns the transaction's hash."""
        fields = {"from": self.sender, "to": EMITTER, "data": f"0x{value:064x}", "gas": "0x186a0"}
        tx_hash: str = await self("eth_sendTransaction", fields)
        while await self("eth_getTransactionReceipt", tx_hash) is None:  # noqa: ASYNC110 - the node has no event
            await asyncio.sleep(0.01)
        return tx_hash

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self, *others: Endpoint, timeout_s: float = 5.0) -> ChainClient:
        endpoint = Endpoint(self.url, max_requests_per_s=10_000, timeout_s=timeout_s)
        return ChainClient("alpha", CHAIN_ID, self.genesis_hash, [endpoint, *others])
