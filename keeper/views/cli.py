"""The `keeper` command: each subcommand is a module of this room, imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from keeper.views.exits import CommandError, ExitCode

COMMANDS = (
    "demo",
    "check",
    "rehearse",
    "run",
    "attest",
    "status",
    "accounts",
    "prices",
    "stress",
    "liquidations",
    "explain",
    "verify",
    "replay",
    "backup",
    "pause",
    "resume",
    "reload",
)

_INTERRUPTED = 130


class LazyCommands(click.Group):
    """A group that finds its commands in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import the command's module and return its command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"keeper.views.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - narrows what a module holds
        return command


@click.group(
    cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
def keeper() -> None:
    """Cross-chain collateral keeper: unified margin health over several chains, and honest liquidations.

    Exit codes: 0 fine, 1 usage or configuration, 2 degraded, 3 down, 4 a person is needed.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. What is expected to fail is shown without a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        result = keeper.main(given or ["--help"], prog_name="keeper", standalone_mode=False)
    except CommandError as error:
        return _report(error, as_json="--json" in given)
    except click.ClickException as error:
        return _report(_usage(error), as_json="--json" in given)
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return int(result or ExitCode.FINE)


def _usage(error: click.ClickException) -> CommandError:
    context = getattr(error, "ctx", None)
    advice = f"see {context.command_path} --help" if isinstance(context, click.Context) else ""
    return CommandError(error.format_message(), ExitCode.USAGE, advice)


def _report(error: CommandError, *, as_json: bool) -> int:
    if as_json:
        from keeper.views.output import show_json

        told = {"message": error.message, "advice": error.advice, "exit_code": int(error.code)}
        show_json({"error": told | ({"findings": error.findings} if error.findings else {})})
    else:
        click.echo(f"keeper: {error.message}", err=True)
        if error.advice:
            click.echo(f"  {error.advice}", err=True)
    return int(error.code)
