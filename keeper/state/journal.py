"""The hash chain: each entry's hash covers its place, time, kind, body and the hash before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from config.canonical import digest
from keeper.state.errors import LogDamaged

FIRST_PREV_HASH = "0x" + "00" * 32


class JournalRow(NamedTuple):
    """One row of the journal, column by column."""

    seq: int
    at_ms: int
    kind: str
    body: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a journal: all before it is covered by its hash."""

    seq: int
    hash: str


EMPTY = Head(0, FIRST_PREV_HASH)


def link(prev: Head, at_ms: int, kind: str, body: str) -> JournalRow:
    """Return the row that follows `prev`."""
    seq = prev.seq + 1
    own = digest([prev.hash, seq, at_ms, kind, body])
    return JournalRow(seq, at_ms, kind, body, prev.hash, own)


def follow(rows: Iterable[JournalRow], start: Head) -> Head:
    """Walk `rows` in order from `start` and return the last. Raises `LogDamaged` at the first break."""
    head = start
    for row in rows:
        expected = link(head, row.at_ms, row.kind, row.body)
        if row.seq != expected.seq:
            message = f"journal entry {expected.seq} is missing (found {row.seq} after {head.seq})"
            raise LogDamaged(message)
        if row != expected:
            message = f"journal entry {row.seq} ({row.kind}) does not match its hash: it was changed"
            raise LogDamaged(message)
        head = Head(row.seq, row.hash)
    return head
