"""What several commands are given: a configuration or a state log, and whether to answer in JSON."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from keeper.views.exits import CommandError, ExitCode

if TYPE_CHECKING:
    from config.settings import Settings
    from keeper.state.reader import LogReader

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_CONFIG = Path("keeper.toml")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")


def config_option(command: Command) -> Command:
    """Add ``-c FILE`` to a command that needs the whole configuration."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The configuration.",
    )(command)


def log_options(command: Command) -> Command:
    """Add ``-c FILE`` and ``--log FILE`` to a command that reads a state log."""
    command = click.option(
        "--log", type=click.Path(path_type=Path), help="A state log, without its configuration."
    )(command)
    return config_option(command)


def load_settings(config: Path) -> Settings:
    """Return the settings in `config`, checked as for use. Raises `CommandError` with every finding in it."""
    from oracles.sources.presets import PRESETS

    return _load(config, PRESETS)


def log_path(config: Path, log: Path | None) -> Path:
    """Return where the state log is: as named, or as the configuration says (an attestor's own if it is one's).

    Looks for nothing else in the file, so that status is told at once, and also while the file is being edited.
    Raises `CommandError` with every finding if the file does not say it.
    """
    if log is not None:
        return log
    return _told_path(config) or _load(config, None).state_log


def _told_path(config: Path) -> Path | None:
    try:
        values = tomllib.loads(config.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    holder = values.get("attestor", values)
    told = holder.get("state_log") if isinstance(holder, dict) else None
    return config.absolute().parent / told if isinstance(told, str) and told else None


def _load(config: Path, presets: Collection[str] | None) -> Settings:
    from config.errors import ConfigError
    from config.loader import load

    try:
        return load(config, presets)
    except ConfigError as error:
        findings = [asdict(finding) | {"severity": str(finding.severity)} for finding in error.findings]
        raise CommandError(str(error), ExitCode.USAGE, findings=findings) from error


@contextmanager
def open_log(path: Path) -> Iterator[LogReader]:
    """Open a state log for reading. Raises `CommandError` if there is none, or none that this program can read."""
    import sqlite3

    from keeper.state.errors import LogDamaged, LogTooNew, LogUnreadable
    from keeper.state.reader import LogReader

    try:
        with LogReader(path) as reader:
            yield reader
    except LogTooNew as error:
        raise CommandError(
            str(error), ExitCode.USAGE, "use the program that writes it, or a newer one"
        ) from error
    except LogUnreadable as error:
        raise CommandError(str(error), ExitCode.DOWN, "start it with: keeper run -c FILE") from error
    except (LogDamaged, sqlite3.DatabaseError) as error:
        advice = "stop the daemon, keep the file for inquiry, restore a backup (keeper backup makes them)"
        raise CommandError(f"{path}: {error}", ExitCode.PERSON, advice) from error
