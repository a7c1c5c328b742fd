"""The journal as it lies in the file, and its hash chain computed anew from the documented form.

An entry's hash is the keccak-256 of the JSON array ``[prev_hash, seq, at_ms, kind, body]``: UTF-8, no spaces,
integers as decimal strings. The first `prev_hash` is 32 zero bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from keeper.views.audit.findings import Finding

FIRST_PREV_HASH = "0x" + "00" * 32


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """One entry of the journal. In `body` integers are decimal text."""

    seq: int
    at_ms: int
    kind: str
    body: Mapping[str, Any]
    hash: str


def read_journal(path: Path, chain: Finding) -> Iterator[LoggedEntry]:
    """Yield every entry of the log at `path` as of one moment, and note in `chain` where the hashes do not hold.

    An entry whose body is no JSON object is noted and left out.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        expected_seq, before = 1, FIRST_PREV_HASH
        rows = connection.execute("SELECT seq, at_ms, kind, body, prev_hash, hash FROM journal ORDER BY seq")
        for seq, at_ms, kind, text, prev_hash, own in rows:
            chain.expect(f"entry {expected_seq} is missing", holds=seq == expected_seq)
            if prev_hash != before:
                chain.fail(f"entry {seq} does not follow from the one before it")
            if own != _hash(prev_hash, seq, at_ms, kind, text):
                chain.fail(f"entry {seq} ({kind}) does not match its hash")
            expected_seq, before = seq + 1, own
            body = _object(text)
            if body is None:
                chain.fail(f"entry {seq} ({kind}) holds no JSON object")
                continue
            yield LoggedEntry(seq, at_ms, kind, body, own)


def check_remembered_head(path: Path, last: LoggedEntry | None, chain: Finding) -> None:
    """Note in `chain` if the lock file beside the log remembers a later entry than the log's last."""
    lock = path.with_name(path.name + ".lock")
    text = lock.read_text("ascii", "replace") if lock.is_file() else ""
    seq, _, remembered = text.strip().partition(" ")
    if not seq.isdecimal():
        return
    if last is None or int(seq) > last.seq:
        chain.fail(
            f"entry {int(seq)} was durable and is gone: the log ends at {0 if last is None else last.seq}"
        )
    elif int(seq) == last.seq:
        chain.expect(
            f"the last entry is not the one that was durable ({remembered})", holds=remembered == last.hash
        )


def _hash(prev_hash: str, seq: int, at_ms: int, kind: str, body: str) -> str:
    covered = json.dumps(
        [prev_hash, str(seq), str(at_ms), kind, body], separators=(",", ":"), ensure_ascii=False
    )
    return "0x" + keccak(covered.encode()).hex()


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
