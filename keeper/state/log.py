"""The state log as the daemon uses it: open, write durably, observe, close."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from keeper.state.entries import ChainKnown, Entry, LogCreated, TailLossAccepted
from keeper.state.errors import (
    LogDamaged,
    LogOfOtherChains,
    LogOfOtherMode,
    LogTailLost,
    LogUnavailable,
    LogUnreadable,
    StateLogError,
)
from keeper.state.journal import EMPTY, FIRST_PREV_HASH, Head, JournalRow, follow
from keeper.state.lockfile import LogLock
from keeper.state.migrations import migrate, version_of
from keeper.state.observations import Observation
from keeper.state.options import LogOptions
from keeper.state.schema import SCHEMA_VERSION
from keeper.state.store import Stamped, Store, connect, newest
from keeper.state.writer import Request, Writer


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """Who a chain is: its name here, its id and its first block."""

    chain: str
    chain_id: int
    genesis_hash: str


class StateLog:
    """The one writer of a state log. Made by `open`; use as an async context manager or `close` it."""

    def __init__(self, path: Path, writer: Writer, lock: LogLock, now_ms: Callable[[], int]) -> None:
        self._path = path
        self._writer = writer
        self._lock = lock
        self._now_ms = now_ms

    @classmethod
    def open(
        cls,
        path: Path,
        mode: str,
        now_ms: Callable[[], int],
        *,
        chains: Sequence[ChainIdentity] = (),
        options: LogOptions = LogOptions(),  # noqa: B008 - frozen
        accept_tail_loss: bool = False,
    ) -> StateLog:
        """Open or create the log at `path` for `mode`, and pin `chains` in it.

        Checks that nobody else writes it, that schema, mode and genesis hashes fit, and that the newest entries
        hang together and none that was durable is missing. With `accept_tail_loss` a missing tail is recorded
        instead of refused. Raises a `LogRefused`, or `LogUnavailable` when the disk is full. Blocks: call it
        before the loop has work to do.
        """
        path = path.resolve()
        lock = _locked(path)
        try:
            connection = connect(path, options)
            try:
                first = _prepare(
                    connection, path, lock, mode, chains, options, accept_tail_loss=accept_tail_loss
                )
                store = Store(connection, path, lock)
                if first:
                    store.write_durable([[Stamped(now_ms(), entry) for entry in first]])
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            lock.release()
            message = f"{path} can not be read as a state log: {error}; restore a backup"
            raise LogDamaged(message) from error
        except BaseException:
            lock.release()
            raise
        writer = Writer(store, options, now_ms)
        writer.start()
        return cls(path, writer, lock, now_ms)

    @property
    def path(self) -> Path:
        """Where the log is, for readers."""
        return self._path

    @property
    def available(self) -> bool:
        """Whether the log can be written. While it can not, nothing may be sent."""
        return self._writer.available

    @property
    def head(self) -> Head:
        """The newest durable entry."""
        return self._writer.head

    @property
    def observations_dropped(self) -> int:
        """How many observations were dropped so far."""
        return self._writer.observations_dropped

    @property
    def observations_waiting(self) -> int:
        """How many observations are buffered."""
        return self._writer.observations_waiting

    async def write(self, *entries: Entry) -> int:
        """Commit `entries` in one synced transaction and return the journal number of the last.

        Without entries it is a flush. Raises `LogUnavailable` when nothing could be written (stop sending), and a `WriteRefused` when the entries
        contradict the log; in both cases none of them is in the log.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Head] = loop.create_future()

        def settle(result: Head | StateLogError) -> None:
            if answer.done():
                return
            if isinstance(result, Head):
                answer.set_result(result)
            else:
                answer.set_exception(result)

        def done(result: Head | StateLogError) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result)

        at_ms = self._now_ms()
        self._writer.submit(Request([Stamped(at_ms, entry) for entry in entries], done))
        return (await answer).seq

    async def flush(self) -> None:
        """Return when everything observed before is in the file. Raises `LogUnavailable` if that can not be."""
        await self.write()

    def observe(self, *observations: Observation) -> None:
        """Note what was seen. Never waits; under pressure the oldest are dropped and counted."""
        self._writer.observe(observations)

    async def close(self) -> None:
        """Write what is buffered and close. Idempotent."""
        await asyncio.to_thread(self._writer.close)
        self._lock.release()

    async def __aenter__(self) -> Self:
        """Return the log."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        await self.close()


def _locked(path: Path) -> LogLock:
    """Lock the log and make sure its file exists, readable by its owner only."""
    if not path.parent.is_dir():
        message = f"{path.parent} is not a directory; make it before the first run"
        raise LogUnreadable(message)
    if path.exists() and not path.is_file():
        message = f"{path} is not a file"
        raise LogUnreadable(message)
    lock = LogLock(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        lock.release()
        message = f"{path} can not be opened for writing: {error.strerror}"
        raise LogUnreadable(message) from error
    return lock


def _prepare(
    connection: sqlite3.Connection,
    path: Path,
    lock: LogLock,
    mode: str,
    chains: Sequence[ChainIdentity],
    options: LogOptions,
    *,
    accept_tail_loss: bool,
) -> list[Entry]:
    """Check the log and bring it to the newest schema. Return what is to be journaled first."""
    version_of(connection)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, path, SCHEMA_VERSION)
    except sqlite3.OperationalError as error:
        raise LogUnavailable(str(error)) from error
    first: list[Entry] = []
    head = newest(connection)
    remembered = lock.remembered()
    if remembered is not None and _is_lost(connection, remembered):
        if not accept_tail_loss:
            message = (
                f"{path} ends at entry {head.seq}, but entry {remembered.seq} was durable: its WAL or its tail is lost. "
                "Look at what the keys did on chain since, then accept the loss"
            )
            raise LogTailLost(message)
        first.append(TailLossAccepted(remembered.seq, remembered.hash))
    if head == EMPTY:
        first.insert(0, LogCreated(mode))
    else:
        _check_tail(connection, head, options.tail_entries_checked)
        _check_mode(connection, path, mode)
    return first + _new_chains(connection, path, chains)


def _is_lost(connection: sqlite3.Connection, remembered: Head) -> bool:
    row = connection.execute("SELECT hash FROM journal WHERE seq = ?", (remembered.seq,)).fetchone()
    return row is None or row[0] != remembered.hash


def _check_tail(connection: sqlite3.Connection, head: Head, entries: int) -> None:
    rows = connection.execute(
        "SELECT seq, at_ms, kind, body, prev_hash, hash FROM journal WHERE seq > ? ORDER BY seq",
        (head.seq - entries,),
    )
    first = JournalRow(*rows.fetchone())
    before = Head(first.seq - 1, first.prev_hash if first.seq > 1 else FIRST_PREV_HASH)
    follow((first, *map(JournalRow._make, rows)), before)


def _check_mode(connection: sqlite3.Connection, path: Path, mode: str) -> None:
    first = connection.execute("SELECT json_extract(body, '$.mode') FROM journal WHERE seq = 1").fetchone()
    if first is None:
        raise LogDamaged(f"{path} has lost its first entry")
    (made_in,) = first
    if made_in != mode:
        message = f"{path} was made in mode {made_in!r}, this run is {mode!r}: use another file per mode"
        raise LogOfOtherMode(message)


def _new_chains(connection: sqlite3.Connection, path: Path, chains: Sequence[ChainIdentity]) -> list[Entry]:
    known = [
        ChainIdentity(*row) for row in connection.execute("SELECT chain, chain_id, genesis_hash FROM chains")
    ]
    new: list[Entry] = []
    for chain in chains:
        if chain in known:
            continue
        for other in known:
            if other.chain == chain.chain or other.chain_id == chain.chain_id:
                message = (
                    f"{path} knows {other.chain} as chain id {other.chain_id} with genesis {other.genesis_hash}, "
                    f"not {chain.chain} as {chain.chain_id} with {chain.genesis_hash}: this is another chain"
                )
                raise LogOfOtherChains(message)
        known.append(chain)
        new.append(ChainKnown(chain.chain, chain.chain_id, chain.genesis_hash))
    return new
