"""The command line itself: quick, quiet about what is expected, and honest in its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import click
import pytest

from keeper.views.cli import COMMANDS
from keeper.views.cli import keeper as group
from keeper.views.exits import ExitCode
from keeper.views.output import show

Keeper: TypeAlias = Callable[..., tuple[int, str, str]]

HEAVY = ("web3", "aiohttp", "numpy", "scipy", "coincurve", "sqlite_utils", "structlog", "pydantic", "asyncio")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_answers_in_json(keeper: Keeper, name: str) -> None:
    code, out, _ = keeper(name, "--help")

    assert ExitCode.FINE == code
    assert "--json" in out


def test_every_command_has_a_line_of_its_own_in_the_help(keeper: Keeper) -> None:
    _, out, _ = keeper()

    assert all(f"  {name} " in out for name in COMMANDS)
    assert not any(line.endswith("...") for line in out.splitlines()[1:])


@pytest.mark.parametrize(
    "arguments",
    [("nonesuch",), ("status", "--nonesuch"), ("explain",), ("accounts", "--state", "sad"), ("backup",)],
)
def test_wrong_usage_is_one_line_and_exit_code_one(keeper: Keeper, arguments: tuple[str, ...]) -> None:
    code, out, err = keeper(*arguments)

    assert (ExitCode.USAGE, "") == (code, out)
    assert err.startswith("keeper: ")
    assert "--help" in err


def test_wrong_usage_in_json_is_a_document(keeper: Keeper) -> None:
    code, out, err = keeper("status", "--nonesuch", "--json")

    assert (ExitCode.USAGE, "") == (code, err)
    assert ExitCode.USAGE == json.loads(out)["error"]["exit_code"]


def test_commands_are_found_only_when_asked_for() -> None:
    context = click.Context(group)

    assert list(COMMANDS) == group.list_commands(context)
    assert None is group.get_command(context, "options")


def test_reading_the_log_loads_nothing_heavy(log: Path) -> None:
    code = (
        "import sys; from keeper.views.cli import main; "
        f"code = main(['status', '--log', {str(log)!r}]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (ExitCode.FINE, "[]") == (done.returncode, done.stderr.strip())


def test_a_reader_that_goes_away_is_no_error(log: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "keeper", "accounts", "--log", str(log), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)

    assert (ExitCode.FINE, b"") == (process.returncode, err)


def test_what_a_venue_says_is_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show("status 502: [bold]down[/bold] :warning:")

    assert "status 502: [bold]down[/bold] :warning:" == capsys.readouterr().out.strip()
