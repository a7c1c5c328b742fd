"""A book's stand-in: takes updates and shows what it believes, checking that each fits the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from chains.answers import Log
from chains.blocks import Block, ChainUpdate, Head
from chains.client import ChainClient
from chains.heads import HeadFollower
from chains.hub.events import DebtSet, HubEvent
from tests.chains.nodes import EMITTER


def decode(log: Log) -> HubEvent | None:
    """Read the emitter's log; odd values stand for events the book does not know."""
    value = int(log["data"], 16)
    return None if value % 2 else DebtSet(account="0x" + "00" * 32, debt=value, version=0)


class Believer:
    """Applies updates as a book would: undo first, then apply, each block on top of its parent."""

    def __init__(self, client: ChainClient, start: int | Sequence[Head] = 1, **options: Any) -> None:
        self.updates: list[ChainUpdate] = []
        self.blocks: list[Block] = []
        self.clock_ms = 1_000
        self._changed = asyncio.Condition()
        self.follower = HeadFollower(
            client,
            **{
                "address": EMITTER,
                "start": start,
                "decode": decode,
                "on_update": self.take,
                "now_ms": lambda: self.clock_ms,
                "finality_depth": 4,
                "poll_interval_s": 0.05,
            }
            | options,
        )

    @property
    def tip(self) -> Head:
        return self.blocks[-1].head

    @property
    def values(self) -> list[int]:
        return [event.debt for block in self.blocks for event in block.events if isinstance(event, DebtSet)]

    async def take(self, update: ChainUpdate) -> None:
        assert update.removed or update.added
        for head in update.removed:
            assert head == self.blocks.pop().head
        for block in update.added:
            if self.blocks and not update.backfill:
                assert block.head.parent_hash == self.tip.hash
            assert not self.blocks or block.head.number > self.tip.number
            self.blocks.append(block)
        assert not (update.backfill and update.removed)
        self.updates.append(update)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def until_at(self, head: Head) -> None:
        await self.until(lambda: bool(self.blocks) and self.tip.hash == head.hash)

    @asynccontextmanager
    async def following(self, *, ends: bool = False) -> AsyncIterator[asyncio.Task[None]]:
        """Run the follower meanwhile. If it ends by itself, that comes out at the end, unless it is meant to."""
        task = asyncio.create_task(self.follower.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                if not ends:
                    await task
