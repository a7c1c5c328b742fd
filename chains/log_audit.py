"""A second look at logs that were read by block hash, before their blocks are final.

A node that omits a log says nothing about it. Reading the same blocks again as a range goes
through another part of the node (or another node), and while the blocks may still be undone
the mistake can be mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chains.answers import Log, read_hash, read_quantity
from chains.blocks import Head

MIN_DEPTH = 4
"""With less depth than this there is no time for a second look."""


class LogAudit:
    """Remembers which logs were delivered for the newest blocks, and when to look again.

    Half of the finality depth behind the tip, in steps of as many blocks; all of them at once where there is doubt.
    """

    def __init__(self, finality_depth: int) -> None:
        self._half = finality_depth // 2 if finality_depth >= MIN_DEPTH else 0
        self._delivered: dict[str, frozenset[int]] = {}
        self._done = -1

    def delivered(self, block: Head, logs: Iterable[Log]) -> None:
        """Note what a block was said to hold."""
        self._delivered[block.hash] = frozenset(read_quantity(log["logIndex"]) for log in logs)

    def undone(self, ancestor: Head) -> None:
        """Note that only blocks up to `ancestor` are still those that were looked at."""
        self._done = min(self._done, ancestor.number)

    def due(self, heads: Sequence[Head]) -> tuple[int, int] | None:
        """Return the range to look at again, given the heads that may still be undone below their tip.

        The oldest head given is final and not looked at.
        """
        kept = {head.hash for head in heads}
        self._delivered = {block: logs for block, logs in self._delivered.items() if block in kept}
        first, last = max(self._done, heads[0].number) + 1, heads[-1].number - self._half
        if not self._half or last - first + 1 < self._half:
            return None
        return first, last

    def done(self, last: int) -> None:
        """Note that everything up to `last` was looked at again."""
        self._done = last

    def first_missed(self, logs: Sequence[Log]) -> int | None:
        """Return the lowest block of which `logs` hold one that was not delivered."""
        for log in logs:
            known = self._delivered.get(read_hash(log["blockHash"]))
            if known is not None and read_quantity(log["logIndex"]) not in known:
                return read_quantity(log["blockNumber"])
        return None
