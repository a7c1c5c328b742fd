"""Checking a whole log: the file, the hash chain, the tables against the journal, and what must always hold."""

# ruff: noqa: S608 - the statements are put together from names in this program

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from chains.hub.attestation import Action
from keeper.state.errors import LogDamaged
from keeper.state.journal import EMPTY, Head, JournalRow, follow
from keeper.state.projection import project
from keeper.state.reader import LogReader
from keeper.state.schema import DURABLE, ENDED, TABLES

_CHUNK = 1_000
_ALERT_COLUMNS = "seq, dedupe_key, severity, title, detail, advice, opened_at_ms, closed_at_ms, close_reason"

_INVARIANTS = (
    (
        "an intent has more than one mined transaction",
        "SELECT intent_id FROM log.receipts WHERE canonical = 1 GROUP BY intent_id HAVING count(*) > 1",
    ),
    (
        "a position has more than one live intent",
        (
            f"SELECT chain_id || '/' || account_id || '/' || position_key FROM log.intents WHERE state NOT IN {ENDED} "
            "GROUP BY chain_id, account_id, position_key HAVING count(*) > 1"
        ),
    ),
    (
        "an attempt's nonce is not its intent's",
        (
            "SELECT tx_hash FROM log.attempts JOIN log.intents ON intents.intent_id = attempts.intent_id "
            "WHERE attempts.nonce <> intents.nonce OR attempts.sender <> intents.sender"
        ),
    ),
    (
        "an intent ended as mined without a canonical receipt",
        (
            "SELECT intent_id FROM log.intents WHERE state IN ('final_ok', 'final_reverted', 'final_cancelled') "
            "AND intent_id NOT IN (SELECT intent_id FROM log.receipts WHERE canonical = 1)"
        ),
    ),
    (
        "a liquidation was signed for an account that was not liquidatable when it was decided",
        (
            "SELECT intent_id FROM log.intents JOIN log.decisions ON decisions.decision_id = intents.decision_id "
            "WHERE decisions.state NOT IN ('liquidatable', 'bankrupt') AND intents.nonce IS NOT NULL "
            # A seizure pays a claim that was earned while the account was liquidatable; by then it may be well.
            f"AND NOT (intents.action = {Action.SEIZE:d} AND intents.account_id IN (SELECT account_id FROM log.claims))"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and what was found. The log is good when `findings` is empty."""

    entries: int
    head_hash: str
    decisions: int
    intents: int
    live_intents: int
    findings: tuple[str, ...]


def verify(path: Path) -> Verification:
    """Check the log at `path` from its first entry on, as of one moment. Blocks; may run beside the daemon."""
    with LogReader(path):
        pass
    findings: list[str] = []
    memory = sqlite3.connect("file::memory:", uri=True, isolation_level=None)
    try:
        for statement in TABLES:
            memory.execute(statement)
        memory.execute("ATTACH ? AS log", (f"{path.resolve().as_uri()}?mode=ro",))
        memory.execute("BEGIN")
        findings += [f"file: {row[0]}" for row in memory.execute("PRAGMA log.quick_check") if row[0] != "ok"]
        head = _rebuild(memory, findings)
        if not findings:
            findings += _differences(memory)
        findings += _broken_invariants(memory)
        decisions, intents, live = memory.execute(
            "SELECT (SELECT count(*) FROM log.decisions), (SELECT count(*) FROM log.intents), "
            f"(SELECT count(*) FROM log.intents WHERE state NOT IN {ENDED})"
        ).fetchone()
    except sqlite3.DatabaseError as error:
        raise LogDamaged(f"{path} can not be read: {error}") from error
    finally:
        memory.close()
    return Verification(head.seq, head.hash, decisions, intents, live, tuple(findings))


def _rebuild(memory: sqlite3.Connection, findings: list[str]) -> Head:
    """Follow the chain and write every entry's rows again, from its body alone."""
    head = EMPTY
    rows = memory.execute("SELECT seq, at_ms, kind, body, prev_hash, hash FROM log.journal ORDER BY seq")
    try:
        for chunk in _chunks(map(JournalRow._make, rows)):
            head = follow(chunk, head)
            for row in chunk:
                project(memory, row.kind, ((row.seq, row.at_ms, json.loads(row.body)),))
    except LogDamaged as error:
        findings.append(f"journal: {error}")
    return head


def _chunks(rows: Iterator[JournalRow]) -> Iterator[list[JournalRow]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _differences(memory: sqlite3.Connection) -> Iterator[str]:
    for table in DURABLE:
        columns = _ALERT_COLUMNS if table == "alerts" else "*"
        ours, logged = (f"SELECT {columns} FROM {schema}.{table}" for schema in ("main", "log"))
        for what, query in (
            ("was changed or added", f"{logged} EXCEPT {ours}"),
            ("is missing", f"{ours} EXCEPT {logged}"),
        ):
            row = memory.execute(f"{query} LIMIT 1").fetchone()
            if row is not None:
                yield f"{table}: a row {what} outside the journal: {_cut(row)}"


def _broken_invariants(memory: sqlite3.Connection) -> Iterator[str]:
    for name, query in _INVARIANTS:
        for (what,) in memory.execute(f"{query} LIMIT 10"):
            yield f"{name}: {what}"


def _cut(row: tuple[object, ...]) -> str:
    return ", ".join(str(value)[:80] for value in row[:6])
