"""Who has positions at a venue, and what: found in its logs, read in batches, checked against the venue.

Logs tell only *who* changed; *what* they have is read from the venue itself. A borrower once seen is
never forgotten, only found to have nothing, so a reorganisation can not lose one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol

from chains.blocks import Head
from chains.errors import NotYetThere
from chains.venues.venue import Borrower, StateT, Venue


class LogChain(Protocol):
    """What an index needs of a chain (see `chains.client.ChainClient`)."""

    async def block(self, at: int | str) -> Head:
        """Return the block with this number or hash."""

    async def logs(self, block_hash: str, address: str | tuple[str, ...]) -> Sequence[Mapping[str, Any]]:
        """Return the logs of these contracts in the block with this hash, in order."""

    async def logs_range(
        self, first: int, last: int, address: str | tuple[str, ...]
    ) -> Sequence[Mapping[str, Any]]:
        """Return the logs of these contracts in these blocks, both included, in order."""


class VenueIndex(Generic[StateT]):
    """Follows one venue. `first_block` is the block it was deployed in; `reorg_blocks` how deep its
    chain may be reorganised without a word.
    """

    def __init__(self, venue: Venue[StateT], chain: LogChain, first_block: int, reorg_blocks: int) -> None:
        self._venue = venue
        self._chain = chain
        self._next_block = first_block
        self._first_block = first_block
        self._reorg_blocks = reorg_blocks
        self._seen: Head | None = None
        self._state: StateT | None = None
        self.borrowers: frozenset[Borrower] = frozenset()
        self.logs: tuple[Mapping[str, Any], ...] = ()
        """What the venue's contracts told in the blocks of the last update, in order."""
        self.touched: frozenset[Borrower] = frozenset()
        """Who was read anew by the last update."""

    async def update(self, head: Head) -> StateT:
        """Return the venue as of this block, with everybody who ever had a position in it.

        Between two calls, only those are read anew whom logs name. After a reorganisation all are.
        If it raises, nothing was advanced. Raises what the chain raises, and `NotYetThere` if `head`
        is not on its chain any more.
        """
        replaced = await self._was_replaced(head)
        first = (
            max(self._first_block, self._next_block - self._reorg_blocks) if replaced else self._next_block
        )
        known = None if replaced else self._state
        state = await self._venue.read((), head, known)
        logs = await self._told(first, head, state)
        touched = self._venue.touched(logs)
        if replaced:
            touched |= self.borrowers
        if touched:
            state = await self._venue.read(sorted(touched), head, state)
        self.borrowers |= touched
        self._next_block = max(head.number + 1, self._first_block)
        self._seen, self._state = head, state
        self.logs, self.touched = logs, touched
        return state

    async def reconcile(self, head: Head) -> frozenset[Borrower]:
        """Read everybody anew as of this block, and return those who had something else than was held.

        Nobody should ever be returned. The new state is kept either way. The block must be the last updated.
        """
        held = await self.update(head)
        state = await self._venue.read(sorted(self.borrowers), head, held)
        self._state = state
        return frozenset(
            borrower
            for borrower in self.borrowers
            if self._venue.positions(held, borrower, head.timestamp)
            != self._venue.positions(state, borrower, head.timestamp)
        )

    async def _was_replaced(self, head: Head) -> bool:
        """Return whether what was seen last is no longer below `head`."""
        if self._seen is None or self._seen.hash in {head.hash, head.parent_hash}:
            return False
        if head.number <= self._seen.number:
            return True
        return (await self._chain.block(self._seen.number)).hash != self._seen.hash

    async def _told(self, first: int, head: Head, state: StateT) -> tuple[Mapping[str, Any], ...]:
        if first > head.number:
            return ()
        if first == head.number:
            return tuple(await self._chain.logs(head.hash, self._venue.emitters(state)))
        logs = await self._chain.logs_range(first, head.number, self._venue.emitters(state))
        if (await self._chain.block(head.number)).hash != head.hash:
            raise NotYetThere(f"block {head.number} was replaced while its logs were read")
        return tuple(logs)
