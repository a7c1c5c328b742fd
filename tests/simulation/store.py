"""The state log of a simulated process: the real file and tables, written at once, until the process is killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from keeper.state.errors import LogRefused, LogUnavailable, StateLogError
from keeper.state.journal import Head
from keeper.state.lockfile import LogLock
from keeper.state.log import ChainIdentity, StateLog, _locked, _prepare
from keeper.state.observations import Observation
from keeper.state.options import LogOptions
from keeper.state.store import Stamped, Store, connect
from keeper.state.writer import Request, Writer

OPTIONS = LogOptions(observation_batch=50, retention_interval_s=1e12, retry_interval_s=0.0)


class Disk(Store):
    """A store on a disk that may be full."""

    full = False

    def _begin(self, *, durable: bool) -> None:
        # What this disk was given it does not lose: no time is spent on syncing it.
        self._is_durable = durable
        super()._begin(durable=durable)

    def write_durable(self, requests: Sequence[Sequence[Stamped]]) -> list[Head | StateLogError]:  # type: ignore[override]
        if self.full:
            raise LogUnavailable("database or disk is full")
        return list(super().write_durable(requests))

    def write_observations(self, observations: Sequence[Stamped]) -> None:
        if self.full:
            raise LogUnavailable("database or disk is full")
        super().write_observations(observations)


class InlineWriter(Writer):
    """Writes when it is told to, in the caller's turn. A killed one answers nobody and keeps nothing."""

    def __init__(self, store: Disk, now_ms: Callable[[], int]) -> None:
        super().__init__(store, OPTIONS, now_ms)
        self.disk = store
        self.killed = False

    def submit(self, request: Request) -> None:
        if self.killed:
            return
        super().submit(request)
        self._work()

    def observe(self, observations: Sequence[Observation]) -> None:
        if self.killed:
            return
        super().observe(observations)
        if len(self._observations) >= OPTIONS.observation_batch and self._failure is None:
            self._work()

    def close(self) -> None:
        """Write what is buffered and close the file; after a kill only the file is closed."""
        if not self.killed:
            self._closing = True
            while self._work():
                pass
        self._stopped = True
        self._store.close()


class SimulatedLog(StateLog):
    """What `StateLog.open` gives, without a thread."""

    def __init__(self, path: Path, writer: InlineWriter, lock: LogLock, now_ms: Callable[[], int]) -> None:
        super().__init__(path, writer, lock, now_ms)
        self.inline = writer
        self._file_lock = lock

    @classmethod
    def start(
        cls, path: Path, now_ms: Callable[[], int], chains: Sequence[ChainIdentity] = ()
    ) -> SimulatedLog:
        """Open as a live daemon does. Raises `LogRefused`."""
        lock = _locked(path)
        try:
            connection = connect(path, OPTIONS)
            connection.execute("PRAGMA synchronous = OFF")
            first = _prepare(connection, path, lock, "live", chains, OPTIONS, accept_tail_loss=False)
            store = Disk(connection, path, lock)
            if first:
                store.write_durable([[Stamped(now_ms(), entry) for entry in first]])
        except LogRefused:
            lock.release()
            raise
        return cls(path, InlineWriter(store, now_ms), lock, now_ms)

    def kill(self) -> None:
        """End as SIGKILL ends a process: nothing more is written, nobody is answered."""
        self.inline.killed = True
        self.inline.close()
        self._file_lock.release()

    def end(self) -> None:
        """Close in order."""
        self.inline.close()
        self._file_lock.release()
