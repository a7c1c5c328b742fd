"""What keeper and attestor share as processes: the log, signals, exit codes, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import structlog

from chains.errors import KeyRefused, StopChain
from config.canonical import digest
from config.settings import Settings
from keeper.runtime.clock import now_ms
from keeper.runtime.supervisor import Fatal
from keeper.state.entries import ConfigUsed, RunEnded, RunStarted
from keeper.state.errors import LogRefused, LogUnavailable
from keeper.state.fault_points import arm_from_environment
from keeper.state.log import ChainIdentity, StateLog
from keeper.state.options import LogOptions, Retention
from keeper.state.reader import LogReader

log = structlog.get_logger()

EXIT_FINE = 0
EXIT_USAGE = 1
EXIT_DOWN = 3
EXIT_PERSON = 4
STOP_TIMEOUT_S = 9.0

T = TypeVar("T")


def run_process(body: Callable[[asyncio.Event], Awaitable[None]], settings: Settings) -> int:
    """Run `body` until it ends or a signal asks it to; return the exit code.

    `body` is given an event that is set on SIGTERM or SIGINT and must then end within nine seconds;
    after that it is cancelled. What a person must mend ends with code 4, a missing machine with 3.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arm_from_environment([chain.chain_id for chain in settings.chains.values()])
    try:
        asyncio.run(_with_signals(body))
    except (KeyRefused, LogRefused, StopChain, Fatal, ValueError) as error:
        log.error("stopped", error=str(error), advice="mend this, then start again")
        return EXIT_PERSON
    except (LogUnavailable, OSError) as error:
        log.error("stopped", error=f"{type(error).__name__}: {error}"[:300])
        return EXIT_DOWN
    return EXIT_FINE


async def _with_signals(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(body(stop))
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not work.done():
        await asyncio.wait({work}, timeout=STOP_TIMEOUT_S)
    if not work.done():
        log.warning("cancelled_after_grace")
        work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@contextlib.contextmanager
def on_hangup(told: Callable[[], None]) -> Iterator[None]:
    """Call `told` at each SIGHUP, which would end the process otherwise."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, told)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def unless_stopped(work: Coroutine[object, object, T], stop: asyncio.Event) -> T | None:
    """Return what `work` returns, or None if `stop` is set first; `work` has then been cancelled and has ended."""
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


@asynccontextmanager
async def opened_log(settings: Settings, path: Path, mode: str) -> AsyncIterator[StateLog]:
    """Open the state log for one run, and say in it what ran and how it ended."""
    identities = [
        ChainIdentity(name, chain.chain_id, chain.genesis_hash) for name, chain in settings.chains.items()
    ]
    kept = settings.retention
    retention = Retention(int(kept.max_age_s * 1_000), kept.max_heads, kept.max_price_sets)
    state_log = StateLog.open(path, mode, now_ms, chains=identities, options=LogOptions(retention))
    run_id = os.urandom(8).hex()
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    reason = "failed"
    try:
        await state_log.write(
            ConfigUsed(digest(text), text),
            RunStarted(run_id, mode, _version(), os.getpid(), digest(text)),
        )
        yield state_log
        reason = "asked to stop"
    except BaseException as error:
        reason = type(error).__name__
        raise
    finally:
        with contextlib.suppress(LogUnavailable):
            await state_log.write(RunEnded(run_id, reason))
        await state_log.close()


def open_alert_keys(state_log: StateLog) -> list[str]:
    """Return the keys of the alerts that are open in the log."""
    with LogReader(state_log.path) as reader:
        return [row["dedupe_key"] for row in reader.alerts(limit=10_000)]


def _version() -> str:
    try:
        return version("cross-chain-keeper")
    except PackageNotFoundError:
        return "checkout"
