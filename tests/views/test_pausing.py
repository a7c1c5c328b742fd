"""`keeper pause` and `keeper resume`, as commands."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from keeper.runtime.clock import now_ms
from keeper.runtime.orders import Orders
from keeper.state.entries import ConfigUsed, Entry
from keeper.state.live import read_pauses
from keeper.state.log import StateLog
from keeper.views.exits import ExitCode
from keeper.watch.changes import ChangeChannel

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]
USED: list[Entry] = [ConfigUsed("0x01", json.dumps({"chains": {"beta": {}}, "assets": {"ETH": {}}}))]


class Seen:
    """What `Orders` needs of the evidence."""

    def __init__(self) -> None:
        self.changes = ChangeChannel()
        self.pauses = None


@contextmanager
def obeying(path: Path) -> Iterator[None]:
    """A process that has the log open and takes orders up."""
    ready, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with StateLog.open(path, "live", now_ms) as log:
            orders = Orders(Seen(), log)  # type: ignore[arg-type]
            await orders.restore()
            task = asyncio.create_task(orders.run())
            ready.set()
            await asyncio.to_thread(over.wait)
            task.cancel()
            await asyncio.wait([task])

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_pause_is_told_only_once_it_stands_in_the_log(
    keeper: Keeper, write_log: Callable[..., Path]
) -> None:
    path = write_log(USED)
    with obeying(path):
        code, out, _ = keeper("pause", "--log", path, "--chain", "beta", "--why", "the node moves")
        (pause,) = read_pauses(path).of
        resumed, _, _ = keeper("resume", "--log", path, "--chain", "beta", "--why", "moved")

    assert (ExitCode.FINE, ExitCode.FINE) == (code, resumed)
    assert "chain:beta is paused" in out
    assert ("chain:beta", "the node moves") == (pause.scope, pause.why)
    assert () == read_pauses(path).of


def test_without_a_running_process_the_next_one_obeys(keeper: Keeper, write_log: Callable[..., Path]) -> None:
    path = write_log(USED)
    code, out, _ = keeper("pause", "--log", path, "--everything", "--why", "looking", "--json")
    before = read_pauses(path).of
    with obeying(path):
        (pause,) = read_pauses(path).of

    assert (ExitCode.FINE, None) == (code, json.loads(out)["recorded_at_ms"])
    assert () == before
    assert "everything" == pause.scope


def test_what_is_not_configured_can_not_be_paused(keeper: Keeper, write_log: Callable[..., Path]) -> None:
    path = write_log(USED)

    code, _, error = keeper("pause", "--log", path, "--asset", "DOGE", "--why", "odd")

    assert ExitCode.USAGE == code
    assert "DOGE is not configured" in error
    assert "ETH" in error


def test_exactly_one_scope_is_named_and_a_reason_given(
    keeper: Keeper, write_log: Callable[..., Path]
) -> None:
    path = write_log(USED)

    for scope in ([], ["--everything", "--chain", "beta"]):
        assert ExitCode.USAGE == keeper("pause", "--log", path, *scope, "--why", "odd")[0]
    assert ExitCode.USAGE == keeper("resume", "--log", path, "--everything", "--why", " ")[0]
    assert ExitCode.USAGE == keeper("resume", "--log", path, "--everything")[0]
