"""Keeps one chain's lane moving: recovered before anything new, told of every head, halted when the chain is not live."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from chains.blocks import Head
from chains.errors import ChainError
from keeper.domain.intent import Intent
from keeper.execution.intake import Outcome, Submitted
from keeper.execution.lane import Lane
from keeper.state.errors import LogUnavailable

RECOVER_PAUSE_S = 0.25
REMOVED_KEPT = 256

log = structlog.get_logger()


class LaneDriver:
    """A mailbox of one head before a lane: a slow lane skips heads, it never makes the follower wait."""

    def __init__(self, chain: str, lane: Lane, is_live: Callable[[], bool]) -> None:
        self.chain = chain
        self.lane = lane
        self._is_live = is_live
        self._head: Head | None = None
        # Handed over with every head and not once: a head that could not be looked at must not lose them.
        self._removed: deque[str] = deque(maxlen=REMOVED_KEPT)
        self._arrived = asyncio.Event()
        self._recovered = False
        self._reorganisations = self._looked_at = 0

    @property
    def ready(self) -> bool:
        """Whether the lane takes intents now.

        Not between a reorganisation and the lane's look at it: what the lane still takes for mined may be
        on its way again, and would be planned a second time.
        """
        return self._recovered and self._looked_at == self._reorganisations and self._is_live()

    async def on_head(self, head: Head, removed: tuple[str, ...]) -> None:
        """Take a head; the newest wins, what was removed adds up."""
        self._head = head
        self._removed.extend(removed)
        self._reorganisations += bool(removed)
        self._arrived.set()

    async def run(self) -> None:
        """Drive the lane until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            head = self._head
            if head is None:
                continue
            looked_at = self._reorganisations
            await self._take(head, tuple(self._removed))
            self._looked_at = looked_at

    async def _take(self, head: Head, removed: Sequence[str]) -> None:
        if not self._is_live():
            self._halt("the chain is not live")
        elif self._recovered:
            await self.lane.on_head(head, removed)
        else:
            await self._recover(head)

    async def submit(self, intents: Sequence[Intent]) -> list[Submitted]:
        """Hand intents to the lane, or hold them while the chain is not live or the lane not recovered."""
        if not self.ready:
            return [Submitted(intent, Outcome.HELD, f"{self.chain} is not ready") for intent in intents]
        return await self.lane.submit(intents)

    def _halt(self, reason: str) -> None:
        if self._recovered:
            self._recovered = False
            self.lane.halt(reason)
            log.info("lane_halted", chain=self.chain, reason=reason)

    async def _recover(self, head: Head) -> None:
        try:
            await self.lane.recover(head)
            self._recovered = True
        except (ChainError, LogUnavailable) as error:
            log.info("lane_recovery_waits", chain=self.chain, error=str(error))
            await asyncio.sleep(RECOVER_PAUSE_S)
            self._arrived.set()
