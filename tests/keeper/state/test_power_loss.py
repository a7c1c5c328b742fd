"""Power lost at any write: the log opens with everything that was durable, or says that it is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from keeper.state.entries import OperatorActed
from keeper.state.errors import LogDamaged, LogTailLost
from keeper.state.log import StateLog
from keeper.state.observations import HeadSeen
from keeper.state.reader import LogReader
from keeper.state.verify import verify
from tests.keeper.state import samples
from tests.keeper.state.lost_writes import disks, traced

FRAME_BYTES = 24 + 4_096
WAL_HEADER_BYTES = 32
NOTE = OperatorActed("note", "x" * 300)


def lay_out(directory: Path, files: dict[str, bytes]) -> Path:
    """Put files where a log is; none is left of before."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory / "state.db"


def last_entry(path: Path) -> int:
    with LogReader(path) as reader:
        row = reader.one("SELECT max(seq) AS seq FROM journal")
    assert row is not None
    return int(row["seq"])


async def reopened(path: Path, now_ms: Callable[[], int]) -> int:
    """Open the log as a daemon does, write to it, check it whole, and return the last entry it had."""
    log = StateLog.open(path, "live", now_ms)
    had = last_entry(path)
    await log.write(NOTE)
    await log.close()
    assert () == verify(path).findings
    return had


def taken(path: Path) -> dict[str, bytes]:
    return {name: (path.parent / name).read_bytes() for name in ("state.db", "state.db-wal", "state.db.lock")}


async def written(path: Path, now_ms: Callable[[], int]) -> tuple[int, dict[str, bytes], dict[str, bytes]]:
    """Return the last durable entry, the files at that moment, and the files after more that was not synced."""
    path.parent.mkdir(exist_ok=True)
    log = StateLog.open(path, "live", now_ms)
    for number in range(12):
        log.observe(HeadSeen(samples.head(number), True))
        await log.write(NOTE)
    await log.flush()
    durable = await log.write(NOTE)
    synced = taken(path)
    log.observe(*(HeadSeen(samples.head(number), True) for number in range(100, 140)))
    await log.flush()
    after = taken(path)
    await log.close()
    return durable, synced, after


def damages(tail: bytes) -> list[bytes]:
    """Return what an unsynced tail may have become: cut at frames and in them, zeros, rubbish, holes."""
    frames = len(tail) // FRAME_BYTES
    cuts = {n * FRAME_BYTES + part for n in range(frames) for part in (0, 1, 23, 24, 512, 4_000)}
    cut = [tail[:at] for at in sorted(cuts)]
    zeros = [tail[: n * FRAME_BYTES].ljust(len(tail), b"\0") for n in range(frames)]
    rubbish = [
        tail[: n * FRAME_BYTES] + Random(n).randbytes(len(tail) - n * FRAME_BYTES) for n in range(frames)
    ]
    holes = [
        tail[: n * FRAME_BYTES] + bytes(FRAME_BYTES) + tail[(n + 1) * FRAME_BYTES :] for n in range(frames)
    ]
    return [*cut, *zeros, *rubbish, *holes]


async def test_whatever_becomes_of_a_tail_that_was_not_synced_all_that_was_durable_is_there(
    tmp_path: Path, now_ms: Callable[[], int]
) -> None:
    durable, synced, after = await written(tmp_path / "made" / "state.db", now_ms)
    kept = len(synced["state.db-wal"])
    tail = after["state.db-wal"][kept:]
    assert synced["state.db-wal"] == after["state.db-wal"][:kept]
    assert len(tail) >= 2 * FRAME_BYTES

    had = [
        await reopened(
            lay_out(tmp_path / "left", after | {"state.db-wal": synced["state.db-wal"] + damaged}), now_ms
        )
        for damaged in damages(tail)
    ]

    assert {durable} == set(had)


async def test_a_durable_tail_that_is_gone_is_told_at_every_cut(
    tmp_path: Path, now_ms: Callable[[], int]
) -> None:
    durable, synced, _ = await written(tmp_path / "made" / "state.db", now_ms)
    wal = synced["state.db-wal"]
    frames = (len(wal) - WAL_HEADER_BYTES) // FRAME_BYTES
    refused = 0

    for at in range(frames):
        cut = wal[: WAL_HEADER_BYTES + at * FRAME_BYTES + Random(at).choice((0, 1, 2_000, FRAME_BYTES - 1))]
        path = lay_out(tmp_path / "left", synced | {"state.db-wal": cut})
        with pytest.raises((LogTailLost, LogDamaged)):
            StateLog.open(path, "live", now_ms)
        refused += 1
        assert verify_tells(path, durable)

    assert frames == refused


def verify_tells(path: Path, durable: int) -> bool:
    """Whether what is left is less than what was durable, so that opening it was rightly refused."""
    try:
        return last_entry(path) < durable
    except Exception:  # noqa: BLE001 - not even readable is less, too
        return True


async def test_pages_torn_by_a_checkpoint_are_mended_from_the_wal(
    tmp_path: Path, now_ms: Callable[[], int]
) -> None:
    durable, synced, _ = await written(tmp_path / "made" / "state.db", now_ms)
    wal = synced["state.db-wal"]
    in_wal = {
        int.from_bytes(wal[at : at + 4], "big")
        for at in range(WAL_HEADER_BYTES, len(wal) - FRAME_BYTES + 1, FRAME_BYTES)
    }
    torn = bytearray(synced["state.db"].ljust(max(in_wal) * 4_096, b"\0"))
    for page in in_wal - {1}:
        torn[(page - 1) * 4_096 : page * 4_096 - 2_048] = Random(page).randbytes(2_048)

    path = lay_out(tmp_path / "left", synced | {"state.db": bytes(torn)})

    assert durable == await reopened(path, now_ms)


@pytest.mark.skipif(shutil.which("strace") is None, reason="asks strace what was written and synced")
@pytest.mark.parametrize(("chance", "every"), [(0.0, 7), (0.5, 5), (1.0, 11)])
async def test_power_lost_at_any_write_loses_nothing_that_was_announced(
    tmp_path: Path, now_ms: Callable[[], int], chance: float, every: int
) -> None:
    random, lost, crashes = Random(7), [], 0
    events = traced(tmp_path, entries=25, checkpoint_pages=40)
    assert {"write", "sync", "announced"} <= {event.kind for event in events}
    assert any(event.kind == "sync" and event.file == "state.db" for event in events), (
        "no checkpoint happened"
    )

    for announced, files in disks(events, random, chance, every):
        crashes += 1
        had = await reopened(lay_out(tmp_path / "left", files), now_ms)
        if had < announced:
            lost.append((announced, had))

    assert [] == lost
    assert crashes >= 20
