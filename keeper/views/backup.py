"""`keeper backup`: a complete copy of the state log while the daemon writes it."""

from __future__ import annotations

from pathlib import Path

import click

from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json


@click.command(name="backup", short_help="Copy the state log while the daemon writes it.")
@log_options
@click.argument("target", type=click.Path(path_type=Path))
@json_option
def command(config: Path, log: Path | None, target: Path, *, as_json: bool) -> ExitCode:
    """Copy the state log to the new file TARGET, as of one moment, complete or not at all."""
    from keeper.state.backup import backup
    from keeper.state.errors import LogUnreadable

    path = log_path(config, log)
    with open_log(path):
        pass
    try:
        backup(path, target)
    except (LogUnreadable, OSError) as error:
        raise CommandError(
            f"no backup was made: {error}", ExitCode.USAGE, "name a new file in a directory that exists"
        ) from error
    with open_log(target) as copy:
        newest = copy.status()["newest_entry"]
    if as_json:
        show_json(
            {
                "backup": str(target),
                "bytes": target.stat().st_size,
                "seq": newest["seq"],
                "hash": newest["hash"],
            }
        )
    else:
        show(
            f"{target}: {target.stat().st_size:,} bytes, up to entry {newest['seq']}",
            f"hash {newest['hash']}",
        )
    return ExitCode.FINE
