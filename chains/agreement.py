"""Which of several nodes of one chain to believe: pure rules over what they say of their heads.

Nodes of one chain have the same block at the same height. Where they do not, the larger part is
believed, and without one nobody is. How high a node's head is says little: the highest head is believed only
where another node is near it, or where the chain had the time to make the blocks between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from chains.blocks import Head

LAG_LIMIT_BLOCKS = 5
AHEAD_OF_CLOCK_S = 30
"""By so much a head's own time may be ahead of ours."""
FASTEST = 2
"""A chain may make its blocks in a part of its block time as small as one by this."""


@dataclass(frozen=True, slots=True)
class Heights:
    """Who is in step: `reference` is the highest head that is believed, `behind` and `ahead` are not near it."""

    reference: int
    behind: frozenset[int]
    ahead: frozenset[int]


@dataclass(frozen=True, slots=True)
class Vote:
    """What nodes say a block's hash is. `minority` contradicts the larger part; `split`: there is none."""

    winner: str | None
    minority: frozenset[int]
    split: bool


def in_step(heads: Mapping[int, Head], block_time_s: float, now_s: float) -> Heights:
    """Compare heads by height. Raises ``ValueError`` without any."""
    if not heads:
        raise ValueError("there is no head to compare")
    order = sorted(heads, key=lambda node: heads[node].number, reverse=True)
    believed = next(
        (
            upper
            for upper, lower in pairwise(order)
            if _is_possible(heads[upper], heads[lower], block_time_s, now_s)
        ),
        order[-1],
    )
    reference = heads[believed].number
    return Heights(
        reference,
        behind=frozenset(node for node in order if heads[node].number < reference - LAG_LIMIT_BLOCKS),
        ahead=frozenset(node for node in order if heads[node].number > reference + LAG_LIMIT_BLOCKS),
    )


def vote(hashes: Mapping[int, str]) -> Vote:
    """Compare what nodes say of one height. More than half of them make a larger part."""
    counts = Counter(hashes.values())
    if len(counts) <= 1:
        return Vote(next(iter(counts), None), frozenset(), split=False)
    winner, most = counts.most_common(1)[0]
    if most * 2 <= len(hashes):
        return Vote(None, frozenset(), split=True)
    return Vote(winner, frozenset(node for node, said in hashes.items() if said != winner), split=False)


def _is_possible(upper: Head, lower: Head, block_time_s: float, now_s: float) -> bool:
    """Whether the chain had the time to make the blocks from the lower to the upper head."""
    passed_s = max(0.0, min(upper.timestamp, now_s + AHEAD_OF_CLOCK_S) - lower.timestamp)
    return upper.number - lower.number <= LAG_LIMIT_BLOCKS + FASTEST * passed_s / block_time_s
