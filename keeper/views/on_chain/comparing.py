"""Holding what the journal says against what a chain answers. Only blocks that are final on the chain are judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chains.answers import Receipt
from chains.blocks import Head
from keeper.views.audit.findings import Finding
from keeper.views.on_chain.claimed import LOST, Slot

AT_ONCE = 16
"""Questions under way together."""


class Node(Protocol):
    """What is asked of a chain."""

    async def block(self, at: int | str) -> Head:
        """Return a block."""
        ...

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """Return a canonical receipt, None if there is none."""
        ...

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        """Return the nonce of an address after a block."""
        ...


@dataclass(frozen=True, slots=True)
class Findings:
    """The three checks, over all chains and senders."""

    nonces: Finding
    receipts: Finding
    tail: Finding

    def all(self) -> Sequence[Finding]:
        """Return them in the order they are shown."""
        return (self.nonces, self.receipts, self.tail)


def new_findings() -> Findings:
    """Return checks that have looked at nothing yet."""
    return Findings(
        Finding("chain_nonces", "every nonce used on chain since our first was used by what the log holds"),
        Finding(
            "chain_receipts", "every final receipt is on its chain as the log has it, and no other of ours is"
        ),
        Finding("chain_tail", "the log does not end before the chain: no nonce is used beyond its last"),
    )


async def compare(
    chain: str, sender: str, slots: Mapping[int, Slot], node: Node, final: int, findings: Findings
) -> None:
    """Ask `node` about everything a sender did, up to block `final`. Raises the node's `ChainError`."""
    head_nonce = await node.transaction_count(sender)
    final_nonce = await node.transaction_count(sender, final)
    who = f"{chain}, {sender}"
    first, last = min(slots), max(slots)
    findings.tail.expect(
        f"{who}: the chain is at nonce {head_nonce}, the log's last is {last}: "
        "its tail is lost, or somebody else uses the key",
        holds=head_nonce <= last + 1,
    )
    for nonce in range(first, head_nonce):
        findings.nonces.expect(
            f"{who}: nonce {nonce} was used by a transaction that is not in the log", holds=nonce in slots
        )
    gate = asyncio.Semaphore(AT_ONCE)

    async def receipts(slot: Slot) -> tuple[Slot, list[Receipt]]:
        async with gate:
            found = [await node.receipt(tx_hash) for tx_hash in slot.transactions]
        return slot, [receipt for receipt in found if receipt is not None]

    used = [slot for nonce, slot in sorted(slots.items()) if nonce < final_nonce]
    unused = [slot for nonce, slot in sorted(slots.items()) if nonce >= final_nonce]
    for slot, found in await asyncio.gather(*(receipts(slot) for slot in used)):
        _used(who, slot, found, findings)
    _unused(who, unused, final, findings)


def _used(who: str, slot: Slot, found: Sequence[Receipt], findings: Findings) -> None:
    """The chain is final beyond this nonce: one transaction has it."""
    title = f"{who}, nonce {slot.nonce}"
    findings.nonces.expect(
        f"{title}: used by a transaction that is not in the log", holds=bool(found) or slot.state == LOST
    )
    theirs = {_key(receipt.tx_hash, receipt.block_hash, receipt.succeeded) for receipt in found}
    ours = {_key(mined.tx_hash, mined.block_hash, mined.succeeded) for mined in slot.mined.values()}
    for lacking in sorted(ours - theirs):
        findings.receipts.expect(f"{title}: the log has {_told(lacking)}, the chain has not", holds=False)
    for lacking in sorted(theirs - ours):
        # While it is open the daemon may simply not have looked yet.
        findings.receipts.expect(
            f"{title}: the chain has {_told(lacking)}, the log has not", holds=not slot.ended
        )
    for _ in ours & theirs:
        findings.receipts.expect("", holds=True)


def _unused(who: str, slots: Iterable[Slot], final: int, findings: Findings) -> None:
    """Final blocks hold nothing of these nonces, so the log may hold nothing final of them."""
    for slot in slots:
        for mined in slot.mined.values():
            findings.receipts.expect(
                f"{who}, nonce {slot.nonce}: the log has {mined.tx_hash} in block {mined.block_number}, "
                "the chain never used that nonce",
                holds=mined.block_number > final,
            )


def _key(tx_hash: str, block_hash: str, succeeded: bool) -> tuple[str, str, bool]:
    return tx_hash.lower(), block_hash.lower(), succeeded


def _told(key: tuple[str, str, bool]) -> str:
    tx_hash, block_hash, succeeded = key
    return f"{tx_hash} {'successful' if succeeded else 'reverted'} in block {block_hash[:12]}"
