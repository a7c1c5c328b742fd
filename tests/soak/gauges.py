"""What a process holds, read again and again: memory, files, tasks, queues, the state log. Slopes of it, and a plot."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20
PER_BLOCKS = 10_000
WARM_UP = 0.2
"""The part of a life that is not counted: buffers fill up to their bounds and the allocator to what it keeps."""
KEPT_FOR_EVER = ("journal", "decisions", "intents", "attempts")
BOUNDED = ("heads", "price_sets", "prices", "quotes")


def rss_bytes(pid: int | str = "self") -> int:
    """Return how much memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE_BYTES


def open_files(pid: int | str = "self") -> int:
    """Return how many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def threads(pid: int | str = "self") -> int:
    """Return how many threads a process has."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def objects() -> int:
    """Return how many containers Python knows in this process, after a collection."""
    gc.collect()
    return len(gc.get_objects())


def log_gauges(path: Path) -> dict[str, float]:
    """Return sizes of a state log's files, its rows, and how much of its file is bounded and how much is for ever."""
    found: dict[str, float] = {"log file, MiB": path.stat().st_size / MIB}
    wal = path.with_name(path.name + "-wal")
    found["WAL, MiB"] = wal.stat().st_size / MIB if wal.exists() else 0.0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        for table in (*BOUNDED, *KEPT_FOR_EVER):
            (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            found[f"rows of {table}"] = rows
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        found["free in the log file, MiB"] = free * page_bytes / MIB
    return found


def bytes_by_lifetime(path: Path) -> tuple[int, int]:
    """Return how many bytes of a log hold observations, which are bounded, and how many all the rest."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(
                "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) GROUP BY tbl_name"
            ).fetchall()
        except sqlite3.OperationalError:
            return 0, 0
    bounded = sum(size for table, size in rows if table in BOUNDED)
    return bounded, sum(size for _, size in rows) - bounded


@dataclass
class Record:
    """Readings in order. Each is taken at a number of blocks."""

    blocks: list[int] = field(default_factory=list)
    readings: dict[str, list[float]] = field(default_factory=dict)

    def take(self, blocks: int, gauges: Mapping[str, float]) -> None:
        """Add one reading of every gauge."""
        self.blocks.append(blocks)
        for name, value in gauges.items():
            self.readings.setdefault(name, []).append(float(value))

    def slope(self, name: str) -> float:
        """Return by how much a gauge grows in ten thousand blocks, once warm: least squares. 0 where that says nothing."""
        first = int(len(self.blocks) * WARM_UP)
        if len(set(self.blocks[first:])) <= 2:
            return 0.0
        line = np.polyfit(self.blocks[first:], self.readings[name][first:], 1)
        return float(line[0]) * PER_BLOCKS

    def rows(self) -> list[str]:
        """Return a table: each gauge at its first warm reading and its last, its highest, and its slope."""
        first = int(len(self.blocks) * WARM_UP)
        head = f"{'gauge':34}{'warm':>12}{'end':>12}{'highest':>12}{'per 10,000 blocks':>20}"
        return [head] + [
            f"{name:34}{values[first]:>12,.2f}{values[-1]:>12,.2f}{max(values):>12,.2f}{self.slope(name):>+20,.3f}"
            for name, values in self.readings.items()
        ]

    def csv(self) -> str:
        """Return all readings."""
        lines = [",".join(["blocks", *(f'"{name}"' for name in self.readings)])]
        for at, blocks in enumerate(self.blocks):
            lines.append(",".join([str(blocks), *(f"{values[at]:g}" for values in self.readings.values())]))
        return "\n".join(lines) + "\n"


def _panel(name: str, blocks: Sequence[int], values: Sequence[float], top: int) -> list[str]:
    width, height, left = 820, 90, 60
    highest = max(*values, 1e-9)
    last = max(blocks)
    points = " ".join(
        f"{left + width * block / last:.1f},{top + height - height * value / highest:.1f}"
        for block, value in zip(blocks, values, strict=True)
    )
    return [
        f'<text x="{left}" y="{top - 6}">{name}: {values[-1]:,.2f} at the end, {max(values):,.2f} at most</text>',
        f'<path d="M{left},{top} V{top + height} H{left + width}" fill="none" stroke="#999"/>',
        f'<polyline points="{points}" fill="none" stroke="#06c" stroke-width="1.5"/>',
        f'<text x="{left + width}" y="{top + height + 13}" text-anchor="end">{last:,} blocks</text>',
    ]


def plot(record: Record, title: str) -> str:
    """Return an SVG with one panel per gauge, each from zero up."""
    lines: list[str] = []
    for at, (name, values) in enumerate(record.readings.items()):
        lines += _panel(name, record.blocks, values, 60 + at * 135)
    height = 60 + len(record.readings) * 135
    size = f'width="920" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
            f'<rect {size} fill="#fff"/><text x="60" y="28" font-size="16">{title}</text>',
            *lines,
            "</svg>\n",
        ]
    )
