"""The writer thread: durable requests first and at once, observations in groups, recovery by trying again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import structlog

from keeper.state.entries import Entry, LogRecovered
from keeper.state.errors import LogUnavailable, StateLogError
from keeper.state.journal import Head
from keeper.state.observations import Observation
from keeper.state.options import LogOptions
from keeper.state.store import Stamped, Store

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """Entries to commit together; none to have all observations before it committed.

    `done` is called in the writer's thread with what became of it.
    """

    entries: Sequence[Stamped]
    done: Callable[[Head | StateLogError], None]


@dataclass(frozen=True, slots=True)
class _Failure:
    """Since when and why nothing can be written."""

    since_ms: int
    error: str


class Writer:
    """Owns the store from `start` to `close`; everything else talks to it through bounded buffers."""

    def __init__(self, store: Store, options: LogOptions, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._options = options
        self._now_ms = now_ms
        self._wake = threading.Condition()
        self._requests: list[Request] = []
        self._observations: OrderedDict[Hashable, Stamped] = OrderedDict()
        self._oldest_observation_s = 0.0
        self._observed = 0
        self._dropped = 0
        self._failure: _Failure | None = None
        self._closing = False
        self._stopped = False
        self._next_retention_s = time.monotonic() + options.retention_interval_s
        self._next_retry_s = 0.0
        self._thread = threading.Thread(target=self._run, name="state-log-writer", daemon=True)

    @property
    def available(self) -> bool:
        """Whether the last commit succeeded. While it did not, nothing may be sent."""
        return self._failure is None and not self._stopped

    @property
    def head(self) -> Head:
        """The newest durable entry."""
        return self._store.head

    @property
    def observations_dropped(self) -> int:
        """How many observations were dropped because the log could not keep up."""
        return self._dropped

    @property
    def observations_waiting(self) -> int:
        """How many observations are not committed yet."""
        return len(self._observations)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, request: Request) -> None:
        """Hand over a durable request. It is answered even if the writer has stopped."""
        with self._wake:
            if not self._stopped and not self._closing:
                self._requests.append(request)
                self._wake.notify()
                return
        request.done(LogUnavailable("the state log is closed"))

    def observe(self, observations: Sequence[Observation]) -> None:
        """Buffer observations. Never waits: when the buffer is full the oldest are dropped and counted."""
        at_ms = self._now_ms()
        with self._wake:
            was_empty = not self._observations
            if was_empty:
                self._oldest_observation_s = time.monotonic()
            for observation in observations:
                self._observed += 1
                key = observation.latest_key()
                if key is None:
                    key = self._observed
                self._observations[key] = Stamped(at_ms, observation)
            self._drop_overflow()
            if was_empty or len(self._observations) >= self._options.observation_batch:
                self._wake.notify()

    def close(self) -> None:
        """Write what is buffered, then stop and close the file. Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._work():
                pass
        finally:
            with self._wake:
                self._stopped = True
                abandoned, self._requests = self._requests, []
            for request in abandoned:
                request.done(LogUnavailable("the state log is closed"))
            self._store.close()

    def _work(self) -> bool:
        """Wait for something to do and do it. Return False once closed."""
        with self._wake:
            while not (self._requests or self._closing or time.monotonic() >= self._next_due_s()):
                self._wake.wait(max(0.0, self._next_due_s() - time.monotonic()))
            requests, self._requests = self._requests, []
            observations = {} if requests or self._failure is not None else self._take_observations()
            closing = self._closing
        if requests:
            self._commit(requests)
            self._flush(requests)
        elif self._failure is not None:
            self._try_again()
        elif observations:
            self._commit_observations(observations)
        if time.monotonic() >= self._next_retention_s and self._failure is None and not requests:
            self._retain()
        return not closing or bool(requests) or bool(observations)

    def _commit(self, requests: Sequence[Request]) -> None:
        writing = [request for request in requests if request.entries]
        failure = self._failure
        entries = [request.entries for request in writing]
        if failure is not None:
            entries.insert(0, (self._recovery(failure),))
        if not entries:
            return
        try:
            results = self._store.write_durable(entries)
        except LogUnavailable as error:
            self._failed(error)
            for request in writing:
                request.done(error)
            return
        if failure is not None:
            del results[0]
            self._recovered(failure)
        for request, result in zip(writing, results, strict=True):
            request.done(result)

    def _flush(self, requests: Sequence[Request]) -> None:
        """Answer the requests without entries, once nothing observed is left."""
        flushing = [request for request in requests if not request.entries]
        while flushing and self._failure is None:
            with self._wake:
                observations = self._take_observations()
            if not observations:
                break
            self._commit_observations(observations)
        failure = self._failure
        for request in flushing:
            request.done(self._store.head if failure is None else LogUnavailable(failure.error))

    def _commit_observations(self, observations: dict[Hashable, Stamped]) -> None:
        try:
            self._store.write_observations(list(observations.values()))
        except LogUnavailable as error:
            self._failed(error)
            with self._wake:
                for key, stamped in reversed(observations.items()):
                    if key not in self._observations:
                        self._observations[key] = stamped
                        self._observations.move_to_end(key, last=False)
                self._drop_overflow()

    def _try_again(self) -> None:
        failure = self._failure
        assert failure is not None  # noqa: S101 - asked before
        try:
            self._store.write_durable([(self._recovery(failure),)])
        except LogUnavailable as error:
            self._failed(error)
            return
        self._recovered(failure)

    def _retain(self) -> None:
        try:
            more = self._store.forget_old(self._options.retention, self._now_ms())
        except LogUnavailable as error:
            self._failed(error)
            more = False
        self._next_retention_s = time.monotonic() + (0 if more else self._options.retention_interval_s)

    def _recovery(self, failure: _Failure) -> Stamped:
        entry: Entry = LogRecovered(failure.since_ms, failure.error, self._dropped)
        return Stamped(self._now_ms(), entry)

    def _failed(self, error: LogUnavailable) -> None:
        self._next_retry_s = time.monotonic() + self._options.retry_interval_s
        if self._failure is None:
            self._failure = _Failure(self._now_ms(), str(error))
            _log.error(
                "state_log_unavailable",
                error=str(error),
                advice="free disk space; nothing is sent until then",
            )

    def _recovered(self, failure: _Failure) -> None:
        self._failure = None
        _log.warning("state_log_recovered", failed_at_ms=failure.since_ms, observations_dropped=self._dropped)

    def _drop_overflow(self) -> None:
        while len(self._observations) > self._options.max_buffered_observations:
            self._observations.popitem(last=False)
            self._dropped += 1

    def _next_due_s(self) -> float:
        """Return when there is something to do without being asked."""
        if self._failure is not None:
            return self._next_retry_s
        if not self._observations:
            return self._next_retention_s
        if len(self._observations) >= self._options.observation_batch:
            return 0.0
        return min(self._next_retention_s, self._oldest_observation_s + self._options.flush_interval_s)

    def _take_observations(self) -> dict[Hashable, Stamped]:
        taken: dict[Hashable, Stamped] = {}
        while self._observations and len(taken) < self._options.observation_batch:
            key, stamped = self._observations.popitem(last=False)
            taken[key] = stamped
        self._oldest_observation_s = time.monotonic()
        return taken
