"""What `keeper pause` and `keeper resume` share: the scope, who orders, and waiting until it is in the log."""

from __future__ import annotations

import getpass
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.domain.pause import ASSET, CHAIN, EVERYTHING
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from keeper.state.reader import LogReader

WAIT_S = 10.0
LOOK_S = 0.05


def holding_command(name: str, action: str, short_help: str, body: str) -> click.Command:
    """Return the command `name`, which orders `action` for one scope."""

    @log_options
    @click.option("--chain", metavar="NAME", help="One chain.")
    @click.option("--asset", metavar="NAME", help="One asset, on every chain.")
    @click.option("--everything", is_flag=True, help="All of it.")
    @click.option("--why", required=True, metavar="TEXT", help="What others should know about it.")
    @json_option
    def hold(
        config: Path,
        log: Path | None,
        chain: str | None,
        asset: str | None,
        why: str,
        *,
        everything: bool,
        as_json: bool,
    ) -> ExitCode:
        path = log_path(config, log)
        with open_log(path) as reader:
            scope = _scope(reader, chain, asset, everything=everything)
        at_ms = _order(path, action, scope, why)
        if as_json:
            show_json({"scope": scope, "action": action, "recorded_at_ms": at_ms})
        elif at_ms is None:
            show(f"nothing runs now: the next run begins with {scope} {action}")
        else:
            show(f"{scope} is {action}, and so it stands in the log")
        return ExitCode.FINE

    return click.command(name=name, short_help=short_help, help=body)(hold)


def _scope(log: LogReader, chain: str | None, asset: str | None, *, everything: bool) -> str:
    """Return the one scope that was named. Raises `CommandError` if it is none, several, or not known to the log."""
    if sum((chain is not None, asset is not None, everything)) != 1:
        raise CommandError("name exactly one of --chain, --asset and --everything")
    if everything:
        return EVERYTHING
    rows = log.select("SELECT text FROM configs ORDER BY first_used_at_ms DESC, rowid DESC LIMIT 1")
    used = json.loads(rows[0]["text"]) if rows else {}
    known = used.get("chains" if chain else "assets", {})
    name = chain or asset or ""
    if name not in known:
        raise CommandError(f"{name} is not configured", advice=f"there are: {', '.join(known)}")
    return (CHAIN if chain else ASSET) + name


def who() -> str:
    """Return the person who orders: the account, and who became it."""
    user = getpass.getuser()
    before = os.environ.get("SUDO_USER", "")
    return f"{user} (as {before})" if before and before != user else user


def _order(path: Path, action: str, scope: str, why: str) -> int | None:
    """Order it and return when it was recorded (UTC ms); None if no process runs that could: the next run obeys.

    Raises `CommandError` if a running process does not take it up.
    """
    from keeper.state.errors import LogUnreadable
    from keeper.state.orders import Order, give

    if not why.strip():
        raise CommandError("say why: it is what others read in the log", advice='--why "TEXT"')
    try:
        file = give(path.resolve(), Order(action, scope, who(), why.strip()[:400]), time.time_ns())
    except LogUnreadable as error:
        raise CommandError(str(error), ExitCode.PERSON, "mend the directory, then order again") from error
    give_up = time.monotonic() + WAIT_S
    while file.exists():
        if not runs(path.resolve()):
            return None
        if time.monotonic() > give_up:
            file.unlink(missing_ok=True)
            message = "the running process has not taken the order up; it was withdrawn"
            raise CommandError(
                message, ExitCode.DOWN, "see `keeper status`; stopping the process stops everything"
            )
        time.sleep(LOOK_S)
    return _recorded_at(path, action, scope)


def runs(path: Path) -> bool:
    """Whether a process writes the log at `path` now."""
    from keeper.state.errors import LogInUse
    from keeper.state.lockfile import LogLock

    try:
        LogLock(path).release()
    except LogInUse:
        return True
    return False


def _recorded_at(path: Path, action: str, scope: str) -> int:
    with open_log(path) as log:
        (row,) = log.select(
            "SELECT max(at_ms) AS at_ms FROM pause_history WHERE action = ? AND scope = ?", (action, scope)
        )
    if row["at_ms"] is None:
        raise CommandError("the order was refused", ExitCode.PERSON, "the log of the process says why")
    return int(row["at_ms"])
