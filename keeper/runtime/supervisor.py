"""One group of long-lived tasks: each restarts by itself, none takes another down.

A child that raises is restarted after a back-off that grows while it keeps failing and
resets once it has run well for a while. A child that returns has failed too: everything
here is meant to run until it is told to stop. A child that raises `Fatal` stops the whole
daemon, because going on would be unsafe and a person is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 15.0
STABLE_AFTER_S = 60.0

log = structlog.get_logger()

Child = Callable[[], Awaitable[None]]


class Fatal(Exception):
    """The daemon must stop: the text says what a person has to do."""


class Supervisor:
    """Runs named children until `stop` is called or one of them is fatal."""

    def __init__(self, on_failure: Callable[[str, BaseException | None], None]) -> None:
        self._on_failure = on_failure
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._fatal: Fatal | None = None

    def start(self, name: str, child: Child) -> None:
        """Start `child`; it is called again for every restart."""
        self._tasks[name] = asyncio.create_task(self._keep_running(name, child), name=name)

    def stop(self) -> None:
        """Ask for the end; safe to call from a signal handler and more than once."""
        self._stopping.set()

    async def wait(self) -> None:
        """Return after `stop`; raises the `Fatal` that ended the group, if one did."""
        try:
            await self._stopping.wait()
        finally:
            # Also when this wait itself is cancelled: what a child uses is closed right after.
            self._stopping.set()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._fatal is not None:
            raise self._fatal

    async def _keep_running(self, name: str, child: Child) -> None:
        delay_s = FIRST_DELAY_S
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            failure = await self._run_once(name, child)
            if self._stopping.is_set():
                return
            self._on_failure(name, failure)
            delay_s = FIRST_DELAY_S if loop.time() - started > STABLE_AFTER_S else delay_s
            log.warning("task_restarting", task=name, delay_s=delay_s, error=_describe(failure))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    async def _run_once(self, name: str, child: Child) -> BaseException | None:
        try:
            await child()
        except Fatal as error:
            log.error("fatal", task=name, error=str(error))
            self._fatal = error
            self._stopping.set()
            return error
        except Exception as error:
            log.error("task_failed", task=name, error=_describe(error), exc_info=not _expected(error))
            return error
        log.error("task_returned", task=name)
        return None


def _expected(error: Exception) -> bool:
    return isinstance(error, (OSError, TimeoutError))


def _describe(error: BaseException | None) -> str:
    return "returned" if error is None else f"{type(error).__name__}: {error}"[:300]
