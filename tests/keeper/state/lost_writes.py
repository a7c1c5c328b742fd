"""What a disk may hold after power was lost: what was synced, and of what was not, any part or none.

A writer is run under strace; every write to the log's files is taken down in order, with the syncs between.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[3]
CALLS = "trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink"
LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)$")
WRITE = re.compile(r'^(\d+)<([^>]*)>, "([^"]*)"(\.*), (\d+)(?:, (\d+))?')
FILE = re.compile(r"^\d+<([^>]*)>(?:, (\d+))?")
SECTOR = 512

WRITER = """
import asyncio, sys, time
from pathlib import Path
from chains.blocks import Head
from keeper.state.entries import OperatorActed
from keeper.state.log import StateLog
from keeper.state.observations import HeadSeen

async def main():
    log = StateLog.open(Path(sys.argv[1]), "live", lambda: time.time_ns() // 1_000_000)
    log._writer._store._connection.execute(f"PRAGMA wal_autocheckpoint = {sys.argv[2]}")
    for number in range(int(sys.argv[3])):
        log.observe(HeadSeen(Head("alpha", number, hex(number), "0x", 0, 0), True))
        if number % 3 == 0:
            await log.flush()
        print(await log.write(OperatorActed("note", "x" * 300)), flush=True)
    await log.close()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Event:
    """A write at an offset, a cut to a length (`data` None), a sync or an unlink of a file, or what was announced."""

    kind: str
    file: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass
class File:
    """A file's synced bytes and the writes since."""

    synced: bytes = b""
    pending: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        self.synced = _applied(self.synced, self.pending)
        self.pending = []

    def after_the_loss(self, random: Random, chance: float) -> bytes:
        """Return what may be there: each sector of each unsynced write by chance, in any order but in place."""
        kept: list[Event] = []
        for event in self.pending:
            if event.kind == "cut":
                kept += [event] if random.random() < chance else []
                continue
            for at in range(0, len(event.data), SECTOR):
                if random.random() < chance:
                    kept.append(Event("write", event.file, event.offset + at, event.data[at : at + SECTOR]))
        return _applied(self.synced, kept)


def traced(directory: Path, entries: int, checkpoint_pages: int) -> list[Event]:
    """Run a writer over so many durable entries and return what it did to its files."""
    log, trace = directory / "state.db", directory / "strace.txt"
    subprocess.run(
        [
            *("strace", "-f", "-y", "-xx", "-s", "100000", "-e", CALLS, "-o", str(trace)),
            *(sys.executable, "-c", WRITER, str(log), str(checkpoint_pages), str(entries)),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    return list(_events(trace.read_text("ascii"), log.name))


def disks(
    events: list[Event], random: Random, chance: float, every: int
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """Yield, for power lost after every so many events, the last entry announced as durable and the files left."""
    files: dict[str, File] = {}
    announced = 0
    for number, event in enumerate(events):
        match event.kind:
            case "announced":
                announced = event.offset
            case "write" | "cut":
                files.setdefault(event.file, File()).pending.append(event)
            case "sync":
                files.setdefault(event.file, File()).sync()
            case _:
                files.pop(event.file, None)
        if announced and number % every == 0:
            yield announced, {name: one.after_the_loss(random, chance) for name, one in files.items()}


def _applied(content: bytes, events: list[Event]) -> bytes:
    buffer = bytearray(content)
    for event in events:
        if event.kind == "cut":
            del buffer[event.offset :]
            buffer.extend(bytes(event.offset - len(buffer)))
        else:
            end = event.offset + len(event.data)
            buffer.extend(bytes(max(end - len(buffer), 0)))
            buffer[event.offset : end] = event.data
    return bytes(buffer)


def _events(text: str, log_name: str) -> Iterator[Event]:
    syncing: dict[str, str] = {}
    wanted = {log_name, f"{log_name}-wal", f"{log_name}.lock"}
    for line in text.splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        process, call, rest = found.groups()
        if "resumed>" in line:
            if call in {"fdatasync", "fsync"} and syncing.get(process) in wanted:
                yield Event("sync", syncing[process])
            continue
        if call == "unlink":
            name = Path(_text(rest.split('"')[1])).name
            if name in wanted:
                yield Event("unlink", name)
            continue
        written = WRITE.match(rest)
        if call in {"pwrite64", "write"} and written is not None:
            yield from _written(written, wanted)
        elif (other := FILE.match(rest)) is not None:
            name = Path(_text(other[1])).name
            if call == "ftruncate" and name in wanted:
                yield Event("cut", name, int(other[2]))
            elif call in {"fdatasync", "fsync"}:
                syncing[process] = name
                if "unfinished" not in line and name in wanted:
                    yield Event("sync", name)


def _written(written: re.Match[str], wanted: set[str]) -> Iterator[Event]:
    number, path, data, cut_short, _, offset = written.groups()
    assert not cut_short, "strace showed only a part of a write"
    name, content = Path(_text(path)).name, bytes.fromhex(data.replace("\\x", ""))
    if offset is not None and name in wanted:
        yield Event("write", name, int(offset), content)
    elif number == "1" and content.strip().isdigit():
        yield Event("announced", offset=int(content))


def _text(escaped: str) -> str:
    return bytes.fromhex(escaped.replace("\\x", "")).decode() if escaped.startswith("\\x") else escaped
