"""What the chain says about live intents: receipts on canonical blocks, nonces, finality. As events, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from chains.answers import Receipt
from chains.blocks import Head
from chains.errors import ChainError, NotYetThere, Reverted
from chains.transactions import Fees
from keeper.domain.intent import IntentState
from keeper.execution.events import (
    Event,
    Finalised,
    Mined,
    NonceFree,
    NonceUsed,
    NonceUsedFinally,
    ReceiptGone,
    ReceiptSeen,
)
from keeper.execution.ports import LaneChain
from keeper.execution.tracked import Tracked, request_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that happened to an intent, seen on chain. `receipt` stands beside a new `ReceiptSeen`."""

    tracked: Tracked
    event: Event
    receipt: Receipt | None = None


class Sight:
    """Looks intents up on one chain. A lookup that fails says nothing: its intent is looked at again later."""

    def __init__(self, chain: LaneChain, sender: str, finality_depth: int) -> None:
        self._chain = chain
        self._sender = sender
        self._finality_depth = finality_depth

    async def nonce(self, at: int | str) -> int:
        """Return the sender's next nonce as of a block. Raises `ChainError`."""
        return await self._chain.transaction_count(self._sender, at)

    async def look(
        self,
        live: Iterable[Tracked],
        head: Head,
        used_nonces: int,
        removed: Collection[str] = (),
        *,
        all_of_them: bool = False,
    ) -> list[Sighting]:
        """Return what happened to `live` intents as of `head`, at which the sender's next nonce is `used_nonces`.

        Only those are asked about to whom something can have happened, unless `all_of_them`.
        """
        asked = [one for one in live if all_of_them or self._may_have_moved(one, head, used_nonces, removed)]
        found = await asyncio.gather(*(self._look_at(one, head, used_nonces) for one in asked))
        return [sighting for sightings in found for sighting in sightings]

    def _may_have_moved(self, one: Tracked, head: Head, used_nonces: int, removed: Collection[str]) -> bool:
        mined = one.view.mined
        if mined is None:
            return one.nonce < used_nonces or one.view.nonce_used_at is not None
        return (
            one.nonce >= used_nonces or mined.block_hash in removed or self._is_deep(mined.block_number, head)
        )

    def _is_deep(self, block_number: int, head: Head) -> bool:
        return head.number - block_number >= self._finality_depth

    async def _look_at(self, one: Tracked, head: Head, used_nonces: int) -> list[Sighting]:
        try:
            receipt = await self._canonical_receipt(one)
            if receipt is not None:
                return self._mined(one, receipt, head)
            if one.view.state is IntentState.MINED:
                gone = one.nonce >= used_nonces or not await self._is_canonical(one.view.mined)
                return [Sighting(one, ReceiptGone())] if gone else []
            if one.nonce >= used_nonces:
                return [Sighting(one, NonceFree())] if one.view.nonce_used_at is not None else []
            if await self._is_lost(one, head):
                return [Sighting(one, NonceUsedFinally())]
            return [Sighting(one, NonceUsed(head.number))] if one.view.nonce_used_at is None else []
        except ChainError:
            return []

    async def _canonical_receipt(self, one: Tracked) -> Receipt | None:
        """Return the receipt of whichever of the intent's transactions is mined. Every hash is asked for."""
        receipts = await asyncio.gather(*(self._chain.receipt(tx_hash) for tx_hash in one.attempts))
        for receipt in receipts:
            if receipt is None:
                continue
            block = await self._chain.block(receipt.block_number)
            if block.hash != receipt.block_hash:
                raise NotYetThere(f"the receipt of {receipt.tx_hash} is of a block that is not canonical")
            return receipt
        return None

    def _mined(self, one: Tracked, receipt: Receipt, head: Head) -> list[Sighting]:
        mined = Mined(receipt.tx_hash, receipt.block_hash, receipt.block_number, int(receipt.succeeded))
        sightings: list[Sighting] = []
        if mined != one.view.mined:
            sightings.append(Sighting(one, ReceiptSeen(mined), receipt))
        if self._is_deep(mined.block_number, head):
            sightings.append(Sighting(one, Finalised()))
        return sightings

    async def _is_canonical(self, mined: Mined | None) -> bool:
        """Whether the block an intent was mined in still stands. Raises `ChainError` if that can not be told."""
        if mined is None:
            return False
        try:
            return (await self._chain.block(mined.block_number)).hash == mined.block_hash
        except NotYetThere:
            return False

    async def _is_lost(self, one: Tracked, head: Head) -> bool:
        """Whether the nonce was used by another in a block that is deep enough, as seen for as long."""
        seen_at = one.view.nonce_used_at
        if seen_at is None or not self._is_deep(seen_at, head):
            return False
        return one.nonce < await self.nonce(head.number - self._finality_depth)

    async def why_reverted(self, one: Tracked, receipt: Receipt) -> str:
        """Return why a mined call failed, by running it on the block before; empty if that does not tell."""
        attempt = one.attempts[receipt.tx_hash]
        fees = Fees(attempt.max_priority_fee_per_gas_wei, attempt.max_fee_per_gas_wei)
        try:
            await self._chain.simulate(
                request_of(one.intent, one.nonce, fees), self._sender, receipt.block_number - 1
            )
        except Reverted as error:
            return str(error)
        except ChainError:
            return ""
        return "reverted, though it would not have a block before"
