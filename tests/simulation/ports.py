"""What a process reaches of a simulated chain: late, now and then not at all, and nothing once it is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from chains.answers import FeeQuote, Receipt
from chains.blocks import Head
from chains.errors import EndpointUnavailable, NotYetThere, Reverted
from chains.send_errors import SendClass, SendOutcome
from chains.transactions import TransactionRequest
from tests.simulation.chain import GWEI, SimChain, Transaction, attestation_of
from tests.simulation.hub import HubReverts


@dataclass
class Weather:
    """What goes wrong between a process and a chain. All are chances, of one."""

    fails: float = 0.0
    swallows: float = 0.0
    loses: float = 0.0
    slow_s: float = 0.05
    silent: bool = False
    hides_receipts: bool = False


@dataclass
class Port:
    """One process's way to one chain."""

    chain: SimChain
    weather: Weather
    random: Random
    journaled: Callable[[str], None] = lambda _tx_hash: None
    killed: bool = False
    sent: list[str] = field(default_factory=list)

    async def block(self, at: int | str) -> Head:
        await self._reach()
        found = self.chain.at(at)
        if found is None:
            raise NotYetThere(f"no block {at}")
        return found.head

    @property
    def asked_first(self) -> str:
        return "sim"

    async def receipt(self, tx_hash: str) -> Receipt | None:
        await self._reach()
        return None if self.weather.hides_receipts else self.chain.receipt(tx_hash)

    async def find_receipt(self, tx_hash: str) -> Receipt | None:
        return await self.receipt(tx_hash)

    async def sent_in(self, block_hash: str, sender: str) -> Mapping[int, str]:
        await self._reach()
        found = self.chain.sent_in(block_hash)
        if found is None:
            raise NotYetThere(f"{sender} in {block_hash}")
        return found

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        await self._reach()
        found = self.chain.at(block)
        if found is None:
            raise NotYetThere(f"{address} at {block}")
        return found.nonce

    async def fees(self) -> FeeQuote:
        await self._reach()
        return FeeQuote(self.chain.base_fee_wei, GWEI)

    async def simulate(
        self, transaction: TransactionRequest, sender: str, block: int | str = "pending"
    ) -> bytes:
        await self._reach()
        found = self.chain.at(block) if block != "pending" else self.chain.head
        if found is None:
            raise NotYetThere(f"no block {block}")
        if not transaction.data:
            return b""
        try:
            found.hub.executed(attestation_of(transaction.data), sender, found.head.timestamp + 2, "0x00")
        except HubReverts as error:
            raise Reverted(b"", str(error)) from error
        return b""

    async def send_raw(self, raw: bytes) -> SendOutcome:
        transaction = Transaction.of(raw)
        tx_hash = transaction.tx_hash
        try:
            await self._reach()
        except EndpointUnavailable as error:
            return SendOutcome(SendClass.TRANSIENT, tx_hash, str(error), "sim", may_be_pooled=True)
        self.sent.append(tx_hash)
        self.journaled(tx_hash)
        if self.random.random() < self.weather.swallows:
            # It said yes and forgot it; or it took it and the answer was lost.
            if self.random.random() < 0.5:
                return SendOutcome(SendClass.PUBLISHED, tx_hash, "", "sim", may_be_pooled=True)
            self.chain.take(transaction)
            return SendOutcome(SendClass.TRANSIENT, tx_hash, "timed out", "sim", may_be_pooled=True)
        send_class, text = self.chain.take(transaction)
        pooled = send_class not in {SendClass.NONCE_USED, SendClass.REPLACE_UNDERPRICED}
        return SendOutcome(send_class, tx_hash, text, "sim", may_be_pooled=pooled)

    async def _reach(self) -> None:
        await asyncio.sleep(self.random.uniform(0.001, self.weather.slow_s))
        if self.killed:
            await asyncio.Event().wait()
        if self.weather.silent or self.random.random() < self.weather.fails:
            raise EndpointUnavailable("sim: no answer")
