"""What the demo shows: a timeline of what happened, with a progress bar while it is watched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


class Mark(StrEnum):
    """What kind of line it is; the colour only repeats what the word says."""

    STEP = "step"
    SEEN = "seen"
    HELD = "held"
    ACTED = "acted"
    CHECK = "check"
    FAILED = "failed"


_STYLES = {
    Mark.STEP: "bold cyan",
    Mark.SEEN: "white",
    Mark.HELD: "yellow",
    Mark.ACTED: "magenta",
    Mark.CHECK: "green",
    Mark.FAILED: "bold red",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold, and whether it did."""

    text: str
    held: bool
    why: str = ""
    """If it did not hold: what was found instead."""


@dataclass
class Timeline:
    """Prints lines as they happen and keeps the checks. Times count from the demo's start."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=False))
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._started = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the progress bar at the bottom while the block runs (only on a terminal)."""
        with self._progress:
            yield

    def line(self, mark: Mark, text: str) -> None:
        """Print one line of the timeline."""
        elapsed = time.monotonic() - self._started
        stamp = f"{int(elapsed) // 60:02d}:{elapsed % 60:04.1f}"
        # A grid, so that a long line goes on under its own text.
        row = Table.grid(padding=(0, 2))
        for _ in range(2):
            row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(Text(stamp, style="dim"), Text(f"{mark:<6}", style=_STYLES[mark]), Text(text))
        self.console.print(row)

    def check(self, text: str, *, held: bool, why: str = "") -> None:
        """Record and print something that had to hold; `why` is told only if it did not."""
        self.add(Check(text, held, "" if held else why))

    def add(self, check: Check) -> None:
        """Record and print a check that was made elsewhere."""
        self.checks.append(check)
        told = f"{check.text} ({check.why})" if check.why else check.text
        if check.held:
            self.line(Mark.CHECK, f"holds: {told}")
        else:
            self.line(Mark.FAILED, f"DOES NOT HOLD: {told}")

    def paragraph(self, title: str, text: str) -> None:
        """Print a titled paragraph, wrapped to the terminal."""
        self.console.print()
        self.console.print(Text(title, style="bold"))
        self.console.print(Text(text))
        self.console.print()

    @contextmanager
    def progress(self, description: str, total: int) -> Iterator[Bar]:
        """Show a bar of `total` steps while the block runs."""
        task = self._progress.add_task(description, total=max(total, 1))
        try:
            yield Bar(self._progress, task)
        finally:
            self._progress.remove_task(task)

    @property
    def all_held(self) -> bool:
        """Whether every check so far held, and there was at least one."""
        return bool(self.checks) and all(check.held for check in self.checks)


@dataclass(frozen=True, slots=True)
class Bar:
    """Moves one progress bar."""

    progress: Progress
    task: TaskID

    def to(self, completed: int) -> None:
        """Set how many steps are done."""
        self.progress.update(self.task, completed=completed)
