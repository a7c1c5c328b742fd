"""Events that were missed when their block was new, told to the book with a later block.

Only those that no contract can be asked for afterwards: whose an account is, claims, what options were settled at. What an account holds is
read from the hub instead, since an event of old would put back what has changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chains.backup_pass import Missed
from chains.blocks import ChainUpdate
from chains.hub.events import AccountOpened, ClaimOpened, ClaimPaid, HubEvent, SettlementFixed

TOLD_LATE = (AccountOpened, ClaimOpened, ClaimPaid, SettlementFixed)
ROOM = 64


def account_of(event: HubEvent | None) -> str:
    """Return whose event it is, empty for one that is of no account."""
    return str(getattr(event, "account", ""))


class LateEvents:
    """Waits with events for the next block. Those of a block that is undone wait again."""

    def __init__(self) -> None:
        self._waiting: list[HubEvent] = []
        self._told_in: dict[str, tuple[HubEvent, ...]] = {}

    def take(self, missed: Iterable[Missed]) -> None:
        """Let what must be told late wait, in its order."""
        self._waiting += [each.event for each in missed if isinstance(each.event, TOLD_LATE)]

    def within(self, update: ChainUpdate) -> ChainUpdate:
        """Return the update with what waits in front of the events of its first new block."""
        for head in update.removed:
            self._waiting = [*self._told_in.pop(head.hash, ()), *self._waiting]
        if not self._waiting or not update.added or update.backfill:
            return update
        first, *others = update.added
        events, self._waiting = tuple(self._waiting), []
        self._told_in[first.head.hash] = events
        while len(self._told_in) > ROOM:
            del self._told_in[next(iter(self._told_in))]
        return replace(update, added=(replace(first, events=(*events, *first.events)), *others))
