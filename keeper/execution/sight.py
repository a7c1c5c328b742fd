"""What the chain says about live intents: receipts on canonical blocks, nonces, finality. As events, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from chains.answers import Receipt
from chains.blocks import Head
from chains.errors import ChainError, NotYetThere, Reverted
from chains.transactions import Fees
from keeper.execution.events import (
    Event,
    Finalised,
    Mined,
    NonceFree,
    NonceUsed,
    NonceUsedFinally,
    ReceiptGone,
    ReceiptHidden,
    ReceiptSeen,
)
from keeper.execution.lifecycle import Blocked
from keeper.execution.nonce_use import use_of
from keeper.execution.ports import LaneChain
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, request_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that happened to an intent, seen on chain, and why that is said, where it needs saying.

    `receipt` stands beside a new `ReceiptSeen`.
    """

    tracked: Tracked
    event: Event
    receipt: Receipt | None = None
    reason: str | None = None


class _Canonical:
    """The canonical block hashes of one look, each asked for once."""

    def __init__(self, chain: LaneChain) -> None:
        self._chain = chain
        self._asked: dict[int, asyncio.Task[str | None]] = {}

    async def hash_at(self, number: int) -> str | None:
        """Return the canonical hash at a height, None where the chain does not reach. Raises `ChainError`."""
        if number not in self._asked:
            self._asked[number] = asyncio.ensure_future(self._ask(number))
        return await self._asked[number]

    async def _ask(self, number: int) -> str | None:
        try:
            return (await self._chain.block(number)).hash
        except NotYetThere:
            return None


class Sight:
    """Looks intents up on one chain. A lookup that fails says nothing: its intent is looked at again later."""

    def __init__(self, chain: LaneChain, sender: str, finality_depth: int) -> None:
        self._chain = chain
        self._sender = sender
        self._finality_depth = finality_depth

    async def nonce(self, at: int | str) -> int:
        """Return the sender's next nonce as of a block. Raises `ChainError`."""
        return await self._chain.transaction_count(self._sender, at)

    async def settled(self, head: Head) -> int:
        """Return below which nonce all are used for good as of `head`; 0 where the node does not tell."""
        with suppress(ChainError):
            return await self.nonce(max(0, head.number - self._finality_depth))
        return 0

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
        canonical = _Canonical(self._chain)
        found = await together(self._look_at(one, head, used_nonces, canonical) for one in asked)
        return [sighting for sightings in found for sighting in sightings]

    def _may_have_moved(self, one: Tracked, head: Head, used_nonces: int, removed: Collection[str]) -> bool:
        mined = one.view.mined
        if mined is None:
            return one.nonce < used_nonces or one.view.is_used
        return (
            one.nonce >= used_nonces or mined.block_hash in removed or self._is_deep(mined.block_number, head)
        )

    def _is_deep(self, block_number: int, head: Head) -> bool:
        return head.number - block_number >= self._finality_depth

    async def _look_at(
        self, one: Tracked, head: Head, used_nonces: int, canonical: _Canonical
    ) -> list[Sighting]:
        mined = one.view.mined
        try:
            if mined is not None:
                stands = await canonical.hash_at(mined.block_number)
                if stands == mined.block_hash:
                    return [Sighting(one, Finalised())] if self._is_deep(mined.block_number, head) else []
                if stands is None and mined.block_number <= head.number:
                    return []  # the node lags behind the head we saw
            if mined is None and one.nonce < used_nonces:
                return await self._look_at_used(one, head, canonical)
            receipt = await self._canonical_receipt(one, canonical)
            if receipt is not None:
                return self._mined(one, receipt, head)
            if mined is not None:
                return [Sighting(one, ReceiptGone())]
            return [Sighting(one, NonceFree())] if one.view.is_used else []
        except ChainError:
            return []

    async def _look_at_used(self, one: Tracked, head: Head, canonical: _Canonical) -> list[Sighting]:
        """Tell what became of an intent whose nonce is used. Receipts that can not be had are as good as none."""
        with suppress(ChainError):
            receipt = await self._canonical_receipt(one, canonical)
            if receipt is not None:
                return self._mined(one, receipt, head)
        if one.view.nonce_used_at is None:
            return [Sighting(one, NonceUsed(head.number))]
        return await self._without_receipt(one, one.view.nonce_used_at, head, canonical)

    async def _canonical_receipt(self, one: Tracked, canonical: _Canonical) -> Receipt | None:
        """Return the receipt of whichever of the intent's transactions is mined. Every hash is asked for."""
        for receipt in await together(self._chain.receipt(tx_hash) for tx_hash in one.attempts):
            if receipt is None:
                continue
            if await canonical.hash_at(receipt.block_number) != receipt.block_hash:
                raise NotYetThere(f"the receipt of {receipt.tx_hash} is of a block that is not canonical")
            return receipt
        return None

    def _mined(self, one: Tracked, receipt: Receipt, head: Head) -> list[Sighting]:
        mined = Mined(receipt.tx_hash, receipt.block_hash, receipt.block_number, int(receipt.succeeded))
        sightings = [Sighting(one, ReceiptSeen(mined), receipt)]
        if self._is_deep(mined.block_number, head):
            sightings.append(Sighting(one, Finalised()))
        return sightings

    async def _without_receipt(
        self, one: Tracked, seen_at: int, head: Head, canonical: _Canonical
    ) -> list[Sighting]:
        """Tell who used an intent's nonce before `seen_at`, once that can not be undone any more."""
        last = head.number - self._finality_depth
        if last < seen_at:
            return []
        hidden = one.view.hidden
        if hidden is not None and await canonical.hash_at(hidden.block_number) in {hidden.block_hash, None}:
            return await self._from_another(one, hidden.tx_hash, head, canonical)
        try:
            if one.nonce >= await self.nonce(last):
                return []
            use = await use_of(self._chain, self._sender, one.nonce, seen_at, last)
        except ChainError as error:
            is_told = one.view.blocked is Blocked.RECEIPT
            if is_told or last < seen_at + self._finality_depth:
                return []
            reason = f"who used nonce {one.nonce} can not be told: {error}"
            return [Sighting(one, ReceiptHidden(None), reason=reason)]
        where = f"{use.tx_hash} in block {use.block_number}"
        if use.tx_hash not in one.attempts:
            return [Sighting(one, NonceUsedFinally(), reason=f"nonce {one.nonce} was used by {where}")]
        found = await self._from_another(one, use.tx_hash, head, canonical)
        reason = f"{self._chain.asked_first} gives no receipt of {where}"
        return found or [Sighting(one, ReceiptHidden(use), reason=reason)]

    async def _from_another(
        self, one: Tracked, tx_hash: str, head: Head, canonical: _Canonical
    ) -> list[Sighting]:
        """Ask the other nodes for a receipt that must be there."""
        receipt = await self._chain.find_receipt(tx_hash)
        if receipt is None or await canonical.hash_at(receipt.block_number) != receipt.block_hash:
            return []
        return self._mined(one, receipt, head)

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
