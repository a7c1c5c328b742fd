"""Opening: what is refused and why, what a crash leaves, how an older log becomes a newer one."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from keeper.state import fault_points, migrations
from keeper.state.entries import OperatorActed
from keeper.state.errors import (
    LogDamaged,
    LogInUse,
    LogOfOtherChains,
    LogOfOtherMode,
    LogRefused,
    LogTailLost,
    LogTooNew,
    LogUnreadable,
)
from keeper.state.fault_points import FaultPoint
from keeper.state.log import ChainIdentity, StateLog
from keeper.state.reader import LogReader
from keeper.state.schema import SCHEMA_VERSION
from keeper.state.verify import verify

NOTE = OperatorActed("note", "x")
ALPHA = ChainIdentity("alpha", 31_101, "0x" + "a0" * 32)

WRITER = """
import asyncio, sys, time
from pathlib import Path
from keeper.state.entries import OperatorActed
from keeper.state.fault_points import arm_from_environment
from keeper.state.log import StateLog
from keeper.state.observations import HeadSeen
from chains.blocks import Head

async def main():
    arm_from_environment([31_101])
    log = StateLog.open(Path(sys.argv[1]), "live", lambda: time.time_ns() // 1_000_000)
    print("open", flush=True)
    for number in range(100_000):
        log.observe(HeadSeen(Head("alpha", number, hex(number), "0x", 0, 0), True))
        print(await log.write(OperatorActed("note", "x" * 300)), flush=True)

asyncio.run(main())
"""


async def started_writer(path: Path, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[3],
    )


async def killed_writer(path: Path, after_entries: int = 30) -> int:
    """Run a writer, kill it without warning, and return the last entry it was told is durable."""
    process = await started_writer(path)
    assert process.stdout is not None
    assert b"open\n" == await process.stdout.readline()
    last = 0
    while last < after_entries:
        last = int(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = (await process.stdout.read()).split(b"\n")
    await process.wait()
    return max([last, *(int(line) for line in rest[:-1] if line)])


async def written(path: Path, now_ms: Callable[[], int], *chains: ChainIdentity, notes: int = 3) -> None:
    async with StateLog.open(path, "live", now_ms, chains=chains) as log:
        for _ in range(notes):
            await log.write(NOTE)


def tampered(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_a_log_goes_on_where_it_ended(path: Path, now_ms: Callable[[], int]) -> None:
    await written(path, now_ms, ALPHA)
    await written(path, now_ms, ALPHA)

    with LogReader(path) as reader:
        assert list(range(1, 9)) == [row["seq"] for row in reader.select("SELECT seq FROM journal")]
    assert () == verify(path).findings


async def test_a_log_of_another_mode_is_refused(path: Path, now_ms: Callable[[], int]) -> None:
    await written(path, now_ms)

    with pytest.raises(LogOfOtherMode, match="'live'"):
        StateLog.open(path, "observe", now_ms)


@pytest.mark.parametrize(
    "other",
    [
        ChainIdentity("alpha", 31_101, "0x" + "ff" * 32),
        ChainIdentity("alpha", 31_102, "0x" + "a0" * 32),
        ChainIdentity("beta", 31_101, "0x" + "a0" * 32),
    ],
)
async def test_another_chain_under_a_known_name_or_id_is_refused(
    path: Path, now_ms: Callable[[], int], other: ChainIdentity
) -> None:
    await written(path, now_ms, ALPHA)

    with pytest.raises(LogOfOtherChains):
        StateLog.open(path, "live", now_ms, chains=[other])
    await written(path, now_ms, ALPHA, ChainIdentity("beta", 31_102, "0x" + "b0" * 32))


async def test_a_newer_schema_is_refused_and_left_alone(path: Path, now_ms: Callable[[], int]) -> None:
    await written(path, now_ms)
    tampered(path, "PRAGMA user_version = 99")
    before = path.read_bytes()

    with pytest.raises(LogTooNew, match="99"):
        StateLog.open(path, "live", now_ms)
    with pytest.raises(LogTooNew):
        LogReader(path)
    assert before == path.read_bytes()


async def test_a_second_process_is_refused_while_the_first_lives(
    path: Path, now_ms: Callable[[], int]
) -> None:
    process = await started_writer(path)
    assert process.stdout is not None
    await process.stdout.readline()

    with pytest.raises(LogInUse):
        StateLog.open(path, "live", now_ms)

    process.kill()
    await process.communicate()
    await StateLog.open(path, "live", now_ms).close()


async def test_the_same_process_can_not_open_a_log_twice(path: Path, now_ms: Callable[[], int]) -> None:
    async with StateLog.open(path, "live", now_ms):
        with pytest.raises(LogInUse):
            StateLog.open(path, "live", now_ms)


async def test_what_was_durable_survives_kill_9(path: Path, now_ms: Callable[[], int]) -> None:
    told = 0
    for _ in range(3):
        told = await killed_writer(path, after_entries=told + 30)

        async with StateLog.open(path, "live", now_ms) as log:
            assert log.head.seq >= told
        assert () == verify(path).findings


async def test_a_crash_amid_observations_loses_at_most_those(path: Path, now_ms: Callable[[], int]) -> None:
    process = await started_writer(path, KEEPER_FAULT_POINT=f"{FaultPoint.DURING_OBSERVATIONS}:2:kill")
    assert process.stdout is not None
    told = [int(line) for line in (await process.stdout.read()).split(b"\n")[1:-1]]

    assert -signal.SIGKILL == await process.wait()
    async with StateLog.open(path, "live", now_ms) as log:
        assert log.head.seq >= told[-1]
    assert () == verify(path).findings


@pytest.mark.parametrize("loss", ["wal deleted", "wal torn", "older copy"])
async def test_a_lost_tail_is_noticed_and_may_be_accepted(
    path: Path, tmp_path: Path, now_ms: Callable[[], int], loss: str
) -> None:
    await written(path, now_ms)
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    told = await killed_writer(path)
    wal = path.with_name(path.name + "-wal")
    if loss == "wal torn":
        os.truncate(wal, wal.stat().st_size // 2 + 1_500)
    else:
        wal.unlink()
    if loss == "older copy":
        shutil.copy(copy, path)

    with pytest.raises(LogTailLost):
        StateLog.open(path, "live", now_ms)
    async with StateLog.open(path, "live", now_ms, accept_tail_loss=True) as log:
        await log.write(NOTE)
    with LogReader(path) as reader:
        lost = reader.one(
            "SELECT json_extract(body, '$.lost_seq') AS seq FROM journal WHERE kind LIKE 'tail%'"
        )
    assert lost is not None
    assert told <= int(lost["seq"]) <= told + 1
    await StateLog.open(path, "live", now_ms).close()


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE journal SET body = \'{"action":"note","reason":"y"}\' WHERE seq = 3',
        "UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 1",
        "UPDATE journal SET seq = 17 WHERE seq = 5",
    ],
)
async def test_a_changed_journal_is_noticed_at_start_and_by_verify(
    path: Path, now_ms: Callable[[], int], change: str
) -> None:
    await written(path, now_ms, notes=4)
    tampered(path, "DROP TRIGGER journal_is_not_changed", "DROP TRIGGER journal_is_not_cut", change)

    assert verify(path).findings
    with pytest.raises(LogRefused):
        StateLog.open(path, "live", now_ms)


async def test_a_flipped_bit_is_found(path: Path, now_ms: Callable[[], int]) -> None:
    await written(path, now_ms)
    content = bytearray(path.read_bytes())
    at = content.rindex(b'"reason":"x"') + len(b'"reason":"')
    content[at] ^= 1
    path.write_bytes(content)

    with pytest.raises(LogDamaged, match="was changed"):
        StateLog.open(path, "live", now_ms)


@pytest.mark.parametrize("what", ["directory", "missing directory", "text", "other database", "header"])
async def test_what_is_no_log_is_refused_in_words(path: Path, now_ms: Callable[[], int], what: str) -> None:
    match what:
        case "directory":
            path.mkdir()
        case "missing directory":
            path = path / "x" / "state.db"
        case "text":
            path.write_text("hello" * 500)
        case "other database":
            tampered(path, "CREATE TABLE t (x)")
        case "header":
            await written(path, now_ms)
            path.write_bytes(b"\0" * 200 + path.read_bytes()[200:])

    with pytest.raises((LogUnreadable, LogDamaged)):
        StateLog.open(path, "live", now_ms)
    with pytest.raises((LogUnreadable, LogDamaged)):
        LogReader(path)


async def test_a_log_is_readable_by_its_owner_only(path: Path, now_ms: Callable[[], int]) -> None:
    await written(path, now_ms)

    assert 0o600 == path.stat().st_mode & 0o777


async def test_a_crash_in_the_first_migration_leaves_nothing_half_made(
    path: Path, now_ms: Callable[[], int]
) -> None:
    process = await started_writer(path, KEEPER_FAULT_POINT=f"{FaultPoint.DURING_MIGRATION}:1:kill")
    assert process.stdout is not None
    assert b"" == await process.stdout.read()
    assert -signal.SIGKILL == await process.wait()

    await written(path, now_ms)
    assert () == verify(path).findings


async def test_an_older_log_is_copied_and_migrated_atomically(
    path: Path, now_ms: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(path, now_ms)
    newer = Migrations("keeper_state")
    newer._migrations = list(migrations.MIGRATIONS._migrations)
    fails = [True]
    now, later = SCHEMA_VERSION, SCHEMA_VERSION + 1

    @newer(name="later_more")
    def _later(db: Database) -> None:
        db.execute("CREATE TABLE more (x)")
        db.execute(f"PRAGMA user_version = {later}")
        if fails[0]:
            raise sqlite3.OperationalError("disk I/O error")

    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(connection, path, later, newer)
    assert now == migrations.version_of(connection)
    fails[0] = False
    migrations.migrate(connection, path, later, newer)
    assert later == migrations.version_of(connection)
    connection.close()

    with LogReader(path.with_name(f"state.db.v{now}")) as copy:
        assert "live" == copy.status()["mode"]


async def test_a_log_of_version_1_becomes_one_of_today(path: Path, now_ms: Callable[[], int]) -> None:
    first = Migrations("keeper_state")
    first._migrations = migrations.MIGRATIONS._migrations[:1]
    connection = sqlite3.connect(path, isolation_level=None)
    first.apply(Database(connection))
    connection.close()

    await written(path, now_ms)

    assert () == verify(path).findings
    with LogReader(path) as log:
        assert [] == log.select("SELECT * FROM pauses")


def test_a_fault_point_is_armed_only_where_every_chain_is_a_test_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEEPER_FAULT_POINT", "cp6_during_send:1:kill")

    assert not fault_points.arm_from_environment([1, 31_101])
    assert not fault_points.arm_from_environment([])
    fault_points.fault_point(FaultPoint.DURING_SEND)
    monkeypatch.setenv("KEEPER_FAULT_POINT", "cp6_during_send:1:explode")
    with pytest.raises(ValueError, match="explode"):
        fault_points.arm_from_environment([31_101])
