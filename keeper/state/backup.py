"""A copy of the log while it is being written, by SQLite's online backup."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from keeper.state.errors import LogUnreadable
from keeper.state.reader import LogReader


def backup(path: Path, target: Path) -> None:
    """Copy the log at `path` as of one moment to the new file `target`, complete or not at all.

    Does not hold the writer up. Raises `LogUnreadable` when `target` exists or there is no log.
    """
    if target.exists():
        message = f"{target} exists; a backup never overwrites"
        raise LogUnreadable(message)
    with LogReader(path):
        pass
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    source = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        copy = sqlite3.connect(partial)
        try:
            source.backup(copy)
        finally:
            copy.close()
    finally:
        source.close()
    _sync(partial)
    partial.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
