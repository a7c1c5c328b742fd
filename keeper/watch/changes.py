"""What changed, and the bounded channel it travels in.

Prices coalesce: what counts is the newest set, so many updates while the engine is busy
are one change. Chains coalesce too, because their blocks are already in the book (never
dropped) when the change is announced; what is merged is only the reason to look. The
channel therefore holds at most one entry per chain and one for prices, for ever.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What can make an account's health a different one."""

    CHAIN = "chain"
    PRICES = "prices"
    CHAIN_STATE = "chain_state"
    OUTCOME = "outcome"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Change:
    """One reason to look again. `subject` is a chain's name, or empty for prices."""

    kind: ChangeKind
    subject: str = ""


class ChangeChannel:
    """A set of changes that can be awaited. Announcing never blocks and never grows it without bound."""

    def __init__(self) -> None:
        self._pending: dict[Change, None] = {}
        self._ready = asyncio.Event()
        self.announced = 0

    @property
    def waits(self) -> bool:
        """Whether something was announced and not taken yet."""
        return bool(self._pending)

    def announce(self, change: Change) -> None:
        """Add a change; one that is already waiting is the same change."""
        self.announced += 1
        self._pending[change] = None
        self._ready.set()

    async def take(self) -> tuple[Change, ...]:
        """Wait until something changed and return all of it, oldest first."""
        await self._ready.wait()
        self._ready.clear()
        changes = tuple(self._pending)
        self._pending.clear()
        return changes
