"""The newest blocks of one chain as last seen: a hash-linked run that ends in the tip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from chains.blocks import Head


class ChainTail:
    """At most `finality_depth` + 1 linked heads, oldest first: those that may go, and the one that may not.

    `oldest` is the newest final block (or, near the start, the block before the first that counts).
    """

    def __init__(self, heads: Iterable[Head], finality_depth: int) -> None:
        """Take linked heads, at least one; of a run with a break in it, what follows the break."""
        self._limit = finality_depth + 1
        self._heads: list[Head] = []
        for head in heads:
            if self._heads and not follows(head, self._heads[-1]):
                self._heads.clear()
            self._heads.append(head)
        if not self._heads:
            raise ValueError("a tail has at least one head")
        self._trim()

    @property
    def tip(self) -> Head:
        """The newest head."""
        return self._heads[-1]

    @property
    def oldest(self) -> Head:
        """The oldest head kept: no reorganisation may reach it."""
        return self._heads[0]

    @property
    def heads(self) -> tuple[Head, ...]:
        """All heads kept, oldest first."""
        return tuple(self._heads)

    def holds(self, head: Head) -> bool:
        """Whether this very block is one of the tail's."""
        place = head.number - self.oldest.number
        return 0 <= place < len(self._heads) and self._heads[place].hash == head.hash

    def after(self, ancestor: Head) -> tuple[Head, ...]:
        """Return the heads above `ancestor`, newest first."""
        return tuple(self._heads[: ancestor.number - self.oldest.number : -1])

    def move(self, ancestor: Head, added: Sequence[Head]) -> None:
        """Drop what is above `ancestor`, then append `added`, which must follow it link by link."""
        kept = self._heads[: ancestor.number - self.oldest.number + 1]
        for head in added:
            if not follows(head, kept[-1]):
                raise ValueError(f"block {head.number} does not follow block {kept[-1].number}")
            kept.append(head)
        self._heads = kept
        self._trim()

    def leap(self, head: Head) -> None:
        """Begin anew from a final block further up, with nothing below it."""
        self._heads = [head]

    def _trim(self) -> None:
        del self._heads[: max(0, len(self._heads) - self._limit)]


def follows(child: Head, parent: Head) -> bool:
    """Whether `child` names `parent` as its parent, at the next height."""
    return child.parent_hash == parent.hash and child.number == parent.number + 1


def is_linked(heads: Sequence[Head]) -> bool:
    """Whether each head follows the one before it."""
    return all(follows(child, parent) for parent, child in pairwise(heads))
