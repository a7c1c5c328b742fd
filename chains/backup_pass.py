"""A second reading of logs whose blocks are final: what a node left out when they were new is found here at the latest.

Blocks are read again as ranges of a hundred or so, far enough behind the tip that no honest node is still
without them, and from another endpoint where there is one. Pure bookkeeping: what was told, what is due, what was missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chains.answers import Log, read_hash, read_quantity
from chains.blocks import Head
from chains.hub.events import HubEvent

PASS_BLOCKS = 100
MOST_BLOCKS = 2_000
"""Blocks of one pass at the most, after an outage."""
AGAIN_BLOCKS = 10
"""A pass that could not be read is tried again after so many blocks."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A log that was not told when its block was new. `event` is None for one that is no part of the book."""

    block_number: int
    index: int
    event: HubEvent | None

    @property
    def place(self) -> str:
        """Where it stands, as it is logged."""
        return f"{self.block_number}/{self.index}"


@dataclass(frozen=True, slots=True)
class LogPass:
    """A range that was read a second time: how many logs it has, and those that had been missed."""

    chain: str
    first: int
    last: int
    logs: int
    missed: tuple[Missed, ...]


class BackupPass:
    """Remembers what was told of the blocks that were not read a second time yet."""

    def __init__(self) -> None:
        self._told: dict[int, set[tuple[str, int]]] = {}
        self._done: int | None = None
        self._not_before = 0
        self._hurried_to = -1

    def begin(self, tip: Head) -> None:
        """Start after this block, unless it was started before."""
        if self._done is None:
            self._done = tip.number

    def told(self, block: Head, logs: Iterable[Log]) -> None:
        """Note what a block was said to hold."""
        places = {(block.hash, read_quantity(log["logIndex"])) for log in logs}
        if places and self._done is not None and block.number > self._done:
            self._told[block.number] = places

    def undone(self, ancestor: Head) -> None:
        """Forget what was told of blocks above `ancestor`. Final ones are not among them."""
        for number in [number for number in self._told if number > ancestor.number]:
            del self._told[number]

    def due(self, final: int) -> tuple[int, int] | None:
        """Return the range to read again, given the newest final block, or None while it is too short."""
        if self._done is None or final < self._not_before:
            return None
        shortest = 1 if self._done < self._hurried_to else PASS_BLOCKS
        if final - 1 - self._done < shortest:
            return None
        return self._done + 1, min(final - 1, self._done + MOST_BLOCKS)

    def hurry(self, last: int) -> None:
        """Let no block up to `last` wait for a long range: it is read again as soon as it is final."""
        self._hurried_to = max(self._hurried_to, last)

    def postpone(self, final: int) -> None:
        """Note that the range could not be read."""
        self._not_before = final + AGAIN_BLOCKS

    def missed(self, logs: Sequence[Log]) -> list[Log]:
        """Return those of a range's logs that were not told."""
        return [
            log
            for log in logs
            if (read_hash(log["blockHash"]), read_quantity(log["logIndex"]))
            not in self._told.get(read_quantity(log["blockNumber"]), ())
        ]

    def done(self, last: int) -> None:
        """Note that everything up to `last` was read again, and forget it."""
        self._done = last
        self._told = {number: places for number, places in self._told.items() if number > last}
