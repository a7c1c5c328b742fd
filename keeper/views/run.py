"""`keeper run`: the daemon."""

from __future__ import annotations

from pathlib import Path

import click

from keeper.views.options import config_option, json_option, load_settings


@click.command(name="run", short_help="Run the daemon.")
@config_option
@json_option
def command(config: Path, *, as_json: bool) -> int:
    """Watch, compute, decide and, in mode live, liquidate. Ends on SIGTERM or SIGINT; starts again where it was.
    On SIGHUP it reads its sources and prices again (see reload).

    With --json every line of its log is one JSON object (as always when its output is no terminal).
    """
    settings = load_settings(config)

    from keeper.runtime.daemon import run
    from keeper.views.logs import configure_logs

    configure_logs(as_json=as_json)
    return run(settings, config)
