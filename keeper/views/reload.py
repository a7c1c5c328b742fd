"""`keeper reload`: have the running process take up its changed configuration of sources and prices."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.views.exits import CommandError, ExitCode
from keeper.views.holding import LOOK_S, WAIT_S, runs, who
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from keeper.state.reader import LogReader

_OUTCOMES = ("reloaded", "reload_refused")


@click.command(name="reload", short_help="Take up changed sources without a restart.")
@log_options
@click.option("--why", default="", metavar="TEXT", help="What others should know about it.")
@json_option
def command(config: Path, log: Path | None, why: str, *, as_json: bool) -> ExitCode:
    """Have the running process read its configuration again: sources, and how prices are formed of them.

    All of it is checked first, and taken up whole or not at all. What else has changed in the file needs a
    restart, and then nothing is taken up. SIGHUP does the same, without telling what came of it.

    Exits 0 if it was taken up, 1 if it was refused, 3 if nothing runs.
    """
    path = log_path(config, log).resolve()
    with open_log(path) as reader:
        before = _newest(reader)
    _give(path, why)
    outcome, detail = _outcome(path, before)
    if as_json:
        show_json({"outcome": outcome, "detail": detail})
    elif outcome == "reloaded":
        show(f"taken up: {detail}")
    if outcome == "reloaded":
        return ExitCode.FINE
    if as_json:
        return ExitCode.USAGE
    raise CommandError(
        f"refused: {detail}", ExitCode.USAGE, "what ran before goes on; mend the file, ask again"
    )


def _give(path: Path, why: str) -> None:
    from keeper.state.errors import LogUnreadable
    from keeper.state.orders import RELOAD, Order, give

    if not runs(path):
        raise CommandError("nothing runs that could take it up", ExitCode.DOWN, "the next run reads the file")
    try:
        give(path, Order(RELOAD, "", who(), why.strip()[:400]), time.time_ns())
    except LogUnreadable as error:
        raise CommandError(str(error), ExitCode.PERSON, "mend the directory, then order again") from error


def _newest(reader: LogReader) -> int:
    (row,) = reader.select("SELECT coalesce(max(seq), 0) AS seq FROM operator_actions")
    return int(row["seq"])


def _outcome(path: Path, before: int) -> tuple[str, str]:
    """Wait until the log says what came of it."""
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        with open_log(path) as reader:
            rows = reader.select(
                "SELECT action, reason FROM operator_actions WHERE seq > ? AND action IN (?, ?) ORDER BY seq LIMIT 1",
                (before, *_OUTCOMES),
            )
        for row in rows:
            return str(row["action"]), str(row["reason"])
        if not runs(path):
            raise CommandError("the process has ended", ExitCode.DOWN, "the next run reads the file")
        time.sleep(LOOK_S)
    raise CommandError("the running process has not answered", ExitCode.DOWN, "see `keeper status`")
