"""`keeper attest`: this process as one attestor of the quorum."""

from __future__ import annotations

from pathlib import Path

import click

from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import config_option, json_option, load_settings


@click.command(name="attest", short_help="Run this process as one attestor of the quorum.")
@config_option
@json_option
def command(config: Path, *, as_json: bool) -> int:
    """Sign only what this process finds itself: own key, own nodes, own prices. Ends on SIGTERM or SIGINT.

    With --json every line of its log is one JSON object (as always when its output is no terminal).
    """
    settings = load_settings(config)
    if settings.attestor is None:
        raise CommandError(
            f"{config}: there is no section [attestor]",
            ExitCode.USAGE,
            "an attestor needs one: its signer, port and state log",
        )

    from keeper.runtime.attestor import run
    from keeper.views.logs import configure_logs

    configure_logs(as_json=as_json)
    return run(settings, config)
