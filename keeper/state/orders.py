"""Orders of a person to a running process: small files beside its log, which only the process itself writes.

A command leaves an order in ``<log>.orders`` and waits until the log holds it; the process takes
orders up in the sequence they were given. An order that was left while nothing ran is the first
thing the next run does. The directory is its owner's alone: who may write there may give orders.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from config.json_depth import nests_deeper
from keeper.state.entries import Entry, OperatorActed, Paused, Resumed
from keeper.state.errors import LogUnreadable

MAX_ORDER_BYTES = 4_096
MAX_WHY = 500
RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Order:
    """Pause or resume a scope, or read the configuration again. `action` is ``paused``, ``resumed`` or ``reload``."""

    action: str
    scope: str
    who: str
    why: str

    def entry(self) -> Entry:
        """Return what the log is told."""
        if self.action == RELOAD:
            return OperatorActed(RELOAD, f"{self.who}: {self.why}")
        kind = Paused if self.action == Paused.kind else Resumed
        return kind(self.scope, self.who, self.why)


def orders_path(log: Path) -> Path:
    """Return the directory of the orders to whoever writes the log at `log`."""
    return log.with_name(log.name + ".orders")


def give(log: Path, order: Order, now_ns: int) -> Path:
    """Leave an order for the process that writes `log`. Raises `LogUnreadable` if that is not possible."""
    folder = orders_path(log)
    name = f"{now_ns:020d}-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_owner(folder)
        draft = folder / f".{name}"
        draft.write_text(json.dumps(asdict(order)))
        return draft.rename(folder / f"{name}.json")
    except OSError as error:
        raise LogUnreadable(f"{folder}: no order can be left there: {error.strerror}") from error


def waiting(log: Path) -> Iterator[tuple[Path, Order | str]]:
    """Yield the orders that were left, in their sequence: each file with its order, or with what is wrong with it.

    Whoever takes one up removes its file once the log holds it. Raises `LogUnreadable` if others could write there.
    """
    folder = orders_path(log)
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".json"))
    except FileNotFoundError:
        return
    if names:
        _check_owner(folder)
    for name in names:
        with suppress(FileNotFoundError):
            yield folder / name, _read(folder / name)


def _check_owner(folder: Path) -> None:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise LogUnreadable(f"{folder} must be a directory of this user's alone: chmod 700")


def _read(file: Path) -> Order | str:
    with file.open("rb") as opened:
        text = opened.read(MAX_ORDER_BYTES + 1)
    if len(text) > MAX_ORDER_BYTES or nests_deeper(text, 4):
        return "too large"
    try:
        order = json.loads(text)
    except ValueError:
        return "not JSON"
    names = {field.name for field in fields(Order)}
    if not isinstance(order, dict) or set(order) != names:
        return f"not an object of exactly {', '.join(sorted(names))}"
    if not all(isinstance(value, str) and len(value) <= MAX_WHY for value in order.values()):
        return "its values must be short texts"
    if order["action"] not in {Paused.kind, Resumed.kind, RELOAD}:
        return "its action is neither paused nor resumed nor reload"
    return Order(**order)
