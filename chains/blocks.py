"""Heads and what came with them: the values a chain's follower hands on."""

from __future__ import annotations

from dataclasses import dataclass

from chains.hub.events import HubEvent


@dataclass(frozen=True, slots=True)
class Head:
    """One block of one chain. `timestamp` is the chain's own, in seconds; hashes are 0x hex."""

    chain: str
    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class Block:
    """A head and the hub's events in it, in log order."""

    head: Head
    events: tuple[HubEvent, ...]


@dataclass(frozen=True, slots=True)
class ChainUpdate:
    """What changed on a chain since the last update: first undo, then apply.

    `removed` are heads that are no longer canonical, newest first; `added` are the blocks
    that are, oldest first, each the parent of the next. Either may be empty: a head that
    fell back only removes. `received_at_ms` is when the newest head was seen (UTC milliseconds).

    With `backfill`, a range far behind the head was read at once: `removed` is empty and `added`
    holds only the blocks with events and the last of the range, so they are not each other's
    parents. They are final and never removed later; the next update's first block follows the last.
    """

    chain: str
    removed: tuple[Head, ...]
    added: tuple[Block, ...]
    received_at_ms: int
    backfill: bool = False
