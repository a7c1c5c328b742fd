"""Logs, real and made up, and the command line run in this process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from config.canonical import canonical_json
from keeper.state import entries as e
from keeper.state import observations as o
from keeper.state.journal import EMPTY, link
from keeper.state.journal import Head as JournalHead
from keeper.state.log import StateLog
from keeper.views.cli import main
from tests.views.story import Story


@pytest.fixture
def story() -> Story:
    return Story(time.time_ns() // 1_000_000)


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Write a real log and return where it is."""

    def write(
        entries: Sequence[e.Entry],
        observations: Sequence[o.Observation] = (),
        at_ms: int | None = None,
        mode: str = "live",
    ) -> Path:
        path = tmp_path / "keeper.db"
        moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms

        async def run() -> None:
            async with StateLog.open(path, mode, lambda: moment) as log:
                for entry in entries:
                    await log.write(entry)
                log.observe(*observations)

        asyncio.run(run())
        return path

    return write


@pytest.fixture
def log(story: Story, write_log: Callable[..., Path]) -> Path:
    return write_log(story.entries(), story.observations())


@pytest.fixture
def write_journal(tmp_path: Path) -> Callable[..., Path]:
    """Write only a journal, whatever it says: what the real log would refuse can be told here."""

    def write(rows: Sequence[tuple[str, dict[str, Any]]], at_ms: int = 1_000, step_ms: int = 1) -> Path:
        path = tmp_path / f"journal-{len(list(tmp_path.iterdir()))}.db"
        connection = sqlite3.connect(path)
        connection.execute(
            "CREATE TABLE journal (seq INTEGER, at_ms INTEGER, kind TEXT, body TEXT, prev_hash TEXT, hash TEXT)"
        )
        head = EMPTY
        for number, (kind, body) in enumerate(rows):
            row = link(head, at_ms + number * step_ms, kind, canonical_json(body))
            connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)", row)
            head = JournalHead(row.seq, row.hash)
        connection.commit()
        connection.close()
        return path

    return write


@pytest.fixture
def rows(story: Story) -> list[tuple[str, dict[str, Any]]]:
    """The story's journal as kinds and bodies, to be altered."""
    return [(entry.kind, json.loads(canonical_json(entry.body()))) for entry in story.entries()]


@pytest.fixture
def keeper(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; return exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
