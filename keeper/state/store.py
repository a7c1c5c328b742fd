"""The one connection that writes: transactions, the journal's head, and their projection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from config.canonical import canonical_json
from keeper.state.entries import Entry
from keeper.state.errors import LogUnavailable, WriteRefused, refusal
from keeper.state.fault_points import FaultPoint, fault_point
from keeper.state.journal import EMPTY, Head, JournalRow, link
from keeper.state.lockfile import LogLock
from keeper.state.options import LogOptions, Retention
from keeper.state.projection import project

_INSERT_JOURNAL = "INSERT INTO journal (seq, at_ms, kind, body, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?)"
_RETENTION_CHUNK = 50
_WAL_BYTES_KEPT = 64 * 1024 * 1024


class Stamped(NamedTuple):
    """An entry and when it was handed over."""

    at_ms: int
    entry: Entry


def connect(path: Path, options: LogOptions) -> sqlite3.Connection:
    """Open the writing connection: explicit transactions, no memory map."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {options.busy_timeout_ms}")
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
    return connection


def newest(connection: sqlite3.Connection) -> Head:
    """Return the journal's newest entry."""
    row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return EMPTY if row is None else Head(*row)


class Store:
    """Synchronous writes on one connection, in one thread at a time.

    Every method either commits wholly or leaves the file as it was and raises
    `LogUnavailable`.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: LogLock) -> None:
        self._connection = connection
        self._path = path
        self._lock = lock
        stat = path.stat()
        self._inode = (stat.st_dev, stat.st_ino)
        self._head = newest(connection)
        self._is_durable: bool | None = None

    @property
    def head(self) -> Head:
        """The newest committed entry."""
        return self._head

    def write_durable(self, requests: Sequence[Sequence[Stamped]]) -> list[Head | WriteRefused]:
        """Commit `requests` with one sync; each is written wholly or refused wholly. Raises `LogUnavailable`."""
        try:
            self._begin(durable=True)
            head = newest(self._connection)
            results: list[Head | WriteRefused] = []
            for request in requests:
                result = self._append(head, request)
                results.append(result)
                head = result if isinstance(result, Head) else head
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error
        self._check_in_place()
        self._head = head
        self._lock.remember(head)
        return results

    def write_observations(self, observations: Sequence[Stamped]) -> None:
        """Commit observations without waiting for the disk. Raises `LogUnavailable`."""
        try:
            self._begin(durable=False)
            for kind, group in groupby(observations, key=lambda stamped: stamped.entry.kind):
                project(self._connection, kind, [(0, at_ms, entry.body()) for at_ms, entry in group])
                fault_point(FaultPoint.DURING_OBSERVATIONS)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error

    def forget_old(self, retention: Retention, now_ms: int) -> bool:
        """Delete a bounded part of what retention no longer keeps. Return whether more may be left.

        Only the oldest rows are looked at, so that a turn with nothing to do costs nothing.
        """
        try:
            self._begin(durable=False)
            deleted = 0
            for table, kept in (("heads", retention.max_heads), ("price_sets", retention.max_price_sets)):
                deleted += self._connection.execute(
                    f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} "  # noqa: S608 - fixed names
                    f"ORDER BY rowid LIMIT {_RETENTION_CHUNK}) "
                    f"AND (seen_at_ms < ? OR rowid <= (SELECT max(rowid) FROM {table}) - ?)",
                    (now_ms - retention.max_age_ms, kept),
                ).rowcount
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise self._unavailable(error) from error
        return deleted > 0

    def close(self) -> None:
        """Close the connection, which folds the WAL into the file."""
        self._connection.close()

    def _begin(self, *, durable: bool) -> None:
        self._check_in_place()
        if durable is not self._is_durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        self._connection.execute("BEGIN IMMEDIATE")

    def _append(self, head: Head, request: Sequence[Stamped]) -> Head | WriteRefused:
        self._connection.execute("SAVEPOINT request")
        try:
            for at_ms, entry in request:
                body = entry.body()
                row: JournalRow = link(head, at_ms, entry.kind, canonical_json(body))
                self._connection.execute(_INSERT_JOURNAL, row)
                project(self._connection, entry.kind, ((row.seq, at_ms, body),))
                head = Head(row.seq, row.hash)
        except sqlite3.IntegrityError as error:
            self._connection.execute("ROLLBACK TO request")
            self._connection.execute("RELEASE request")
            return refusal(str(error))
        self._connection.execute("RELEASE request")
        return head

    def _check_in_place(self) -> None:
        try:
            stat = self._path.stat()
        except OSError:
            stat = None
        if stat is None or (stat.st_dev, stat.st_ino) != self._inode or not self._lock.is_in_place():
            message = f"{self._path} or its lock was removed or replaced while in use"
            raise LogUnavailable(message)

    def _unavailable(self, error: Exception) -> LogUnavailable:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                return LogUnavailable(f"{error}; rolling back failed too")
        return LogUnavailable(str(error))
