"""Many transactions of many senders on a local chain, in few blocks: for setting a scene up.

Senders are impersonated, so no key is needed and none exists. Nonces are explicit, because
calls of one batch run concurrently in the node.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from eth_hash.auto import keccak
from eth_utils import to_checksum_address
from rlp import encode as rlp_encode

from chains.devnet.anvil import Anvil, AnvilFailed

GAS_LIMIT = 900_000
DEPLOY_GAS_LIMIT = 8_000_000
BATCH = 60
"""Transactions sent at a time, and a block of them: more make a node that mines by itself slower."""
FEES = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**9)}
"""Far above any base fee here: anvil drops a transaction for good when a block's base fee passes its cap."""
ENRICH_BATCH = 1_000
RICH_WEI = hex(10**24)
TRIES = 60
SENT_AGAIN_EVERY = 15
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction and what it is for."""

    tx_hash: str
    label: str
    fields: dict[str, str]


@dataclass
class Transactor:
    """Collects transactions for one node; `flush` has them mined and checks every receipt."""

    node: Anvil
    _nonces: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def enrich(self, *addresses: str) -> None:
        """Give addresses native coins, let the node sign for them, and take note of their nonces."""
        await self.node.rpc("anvil_autoImpersonateAccount", True)
        for start in range(0, len(addresses), ENRICH_BATCH):
            part = addresses[start : start + ENRICH_BATCH]
            await self.node.batch([("anvil_setBalance", [address, RICH_WEI]) for address in part])
            counts = await self.node.batch([("eth_getTransactionCount", [each, "latest"]) for each in part])
            for address, count in zip(part, counts, strict=True):
                self._nonces.setdefault(address, int(count, 16))

    async def call(self, sender: str, to: str, data: bytes, label: str) -> None:
        """Queue a call."""
        await self._queue(sender, {"to": to, "data": "0x" + data.hex(), "gas": hex(GAS_LIMIT)}, label)

    async def deploy(self, sender: str, code: bytes, label: str) -> str:
        """Queue a deployment and return the address it will have."""
        nonce = await self._queue(sender, {"data": "0x" + code.hex(), "gas": hex(DEPLOY_GAS_LIMIT)}, label)
        return created_address(sender, nonce)

    async def flush(self) -> None:
        """Send all that waits, mine, and check. Raises `AnvilFailed` naming the first that reverted."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), BATCH):
            part = waiting[start : start + BATCH]
            hashes = await self.node.batch([("eth_sendTransaction", [fields]) for fields, _ in part])
            await self._mined(
                [Sent(tx_hash, label, fields) for tx_hash, (fields, label) in zip(hashes, part, strict=True)]
            )

    async def _queue(self, sender: str, fields: dict[str, str], label: str) -> int:
        if sender not in self._nonces:
            count = await self.node.rpc("eth_getTransactionCount", sender, "latest")
            self._nonces[sender] = int(count, 16)
        nonce = self._nonces[sender]
        self._nonces[sender] += 1
        self._waiting.append(({"from": sender, "nonce": hex(nonce), **FEES, **fields}, label))
        return nonce

    async def _mined(self, sent: list[Sent]) -> None:
        missing = sent
        for number in range(1, TRIES + 1):
            await self.node.rpc("evm_mine")
            receipts = await self.node.batch(
                [("eth_getTransactionReceipt", [each.tx_hash]) for each in missing]
            )
            for each, receipt in zip(missing, receipts, strict=True):
                if receipt is not None and receipt["status"] != "0x1":
                    raise AnvilFailed(f"{each.label} reverted: {await self._reason(each.tx_hash)}")
            missing = [each for each, receipt in zip(missing, receipts, strict=True) if receipt is None]
            if not missing:
                return
            if number % SENT_AGAIN_EVERY == 0:
                await self._send_again(missing)
            await asyncio.sleep(PAUSE_S)
        raise AnvilFailed(f"{missing[0].label} was not mined")

    async def _send_again(self, missing: list[Sent]) -> None:
        """Free what the pool holds for ever.

        A call that the node took while the block with the nonce before it was made waits for a nonce that is
        past: the pool looks at the state once. Taken anew, with the same hash, it is looked at again.
        """
        for sender in {each.fields["from"] for each in missing}:
            await self.node.rpc("anvil_removePoolTransactions", sender)
        for each in missing:
            await self.node.rpc("eth_sendTransaction", each.fields)

    async def _reason(self, tx_hash: str) -> str:
        transaction = await self.node.rpc("eth_getTransactionByHash", tx_hash)
        call = {"from": transaction["from"], "to": transaction["to"], "data": transaction["input"]}
        try:
            await self.node.rpc("eth_call", call, "latest")
        except AnvilFailed as failure:
            return str(failure)
        return "it would not any more"


def created_address(sender: str, nonce: int) -> str:
    """Return where a sender's contract creation with this nonce lands."""
    return to_checksum_address(keccak(rlp_encode([bytes.fromhex(sender[2:]), nonce]))[12:])
