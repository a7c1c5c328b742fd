"""What the chain says about live intents: receipts on canonical blocks, nonces, finality. As events, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
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
    ReceiptSeen,
)
from keeper.execution.ports import LaneChain
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, request_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that happened to an intent, seen on chain. `receipt` stands beside a new `ReceiptSeen`."""

    tracked: Tracked
    event: Event
    receipt: Receipt | None = None


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
            return one.nonce < used_nonces or one.view.nonce_used_at is not None
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
            receipt = await self._canonical_receipt(one, canonical)
            if receipt is not None:
                return self._mined(one, receipt, head)
            if mined is not None:
                return [Sighting(one, ReceiptGone())]
            if one.nonce >= used_nonces:
                return [Sighting(one, NonceFree())] if one.view.nonce_used_at is not None else []
            if await self._is_lost(one, head):
                return [Sighting(one, NonceUsedFinally())]
            return [Sighting(one, NonceUsed(head.number))] if one.view.nonce_used_at is None else []
        except ChainError:
            return []

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
