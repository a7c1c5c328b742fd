"""Writing: durable entries whole or not at all, observations as far as they fit, rules the file itself keeps."""

# ruff: noqa: ASYNC110 - what another thread does can only be polled, and a test may block

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keeper.domain.health import AccountState
from keeper.domain.intent import IntentState
from keeper.state.entries import (
    AlertClosed,
    AlertOpened,
    AttemptSigned,
    AttestationSigned,
    Entry,
    IntentMoved,
    IntentSigned,
    IntentSkipped,
    OperatorActed,
)
from keeper.state.errors import (
    Equivocation,
    IntentExists,
    IntentFinal,
    LogUnavailable,
    NonceTaken,
    PositionBusy,
    WriteRefused,
)
from keeper.state.log import StateLog
from keeper.state.observations import AlertRepeated, HeadSeen, HealthSeen, PriceSetSeen
from keeper.state.options import LogOptions, Retention
from keeper.state.reader import LogReader, Row
from keeper.state.verify import verify
from tests.keeper.state import samples

NOTE = OperatorActed("note", "x")


def rows(path: Path, sql: str) -> list[Row]:
    with LogReader(path) as reader:
        return reader.select(sql)


def assert_unavailable(log: StateLog) -> None:
    assert not log.available


def moved(number: int, state: IntentState) -> IntentMoved:
    return IntentMoved(samples.intent(number).intent_id, state, None, False, "", 9)


async def test_a_write_returns_when_its_entries_are_in_the_journal_in_order(
    log: StateLog, path: Path
) -> None:
    seq = await log.write(NOTE, OperatorActed("pause", "looking"))

    found = rows(path, "SELECT seq, kind, body FROM journal ORDER BY seq DESC LIMIT 2")
    assert [
        {"seq": seq, "kind": "operator_acted", "body": '{"action":"pause","reason":"looking"}'},
        {"seq": seq - 1, "kind": "operator_acted", "body": '{"action":"note","reason":"x"}'},
    ] == found


async def test_intent_slot_and_signed_bytes_are_one_commit(log: StateLog, path: Path) -> None:
    await log.write(IntentSigned(samples.intent(1), samples.attempt(1)))

    assert [
        {"state": "signed", "nonce": 1, "raw": "0x02f8", "value_wad": 1_234_500_000_000_000_000_000}
    ] == rows(
        path,
        "SELECT state, slots.nonce, raw, value_wad FROM intents JOIN slots USING (intent_id) "
        "JOIN attempts USING (intent_id)",
    )


@pytest.mark.parametrize(
    ("second", "refusal"),
    [
        (IntentSigned(samples.intent(2), samples.attempt(2)), PositionBusy),
        (IntentSigned(samples.intent(1), samples.attempt(1, tx="0xother", nonce=1)), IntentExists),
        (IntentSigned(samples.intent(2, position="other"), samples.attempt(2, nonce=1)), NonceTaken),
        (IntentSkipped(samples.intent(1), "dust", "too small"), IntentExists),
        (AttemptSigned(samples.attempt(1, tx="0xb", try_number=1, nonce=2), "bump"), WriteRefused),
    ],
)
async def test_what_contradicts_the_log_is_refused_by_the_file_itself(
    log: StateLog, path: Path, second: Entry, refusal: type[WriteRefused]
) -> None:
    await log.write(IntentSigned(samples.intent(1), samples.attempt(1)))
    before = log.head

    with pytest.raises(refusal):
        await log.write(NOTE, second)

    assert before == log.head
    assert [{"n": 1}] == rows(path, "SELECT count(*) AS n FROM attempts")


async def test_a_position_is_free_again_once_its_intent_is_final(log: StateLog) -> None:
    await log.write(IntentSigned(samples.intent(1), samples.attempt(1)))
    await log.write(moved(1, IntentState.FINAL_REVERTED))

    await log.write(IntentSigned(samples.intent(2), samples.attempt(2)))


async def test_an_end_is_an_end(log: StateLog) -> None:
    await log.write(IntentSigned(samples.intent(1), samples.attempt(1)), moved(1, IntentState.FINAL_OK))

    with pytest.raises(IntentFinal):
        await log.write(moved(1, IntentState.BROADCAST))


async def test_a_skipped_intent_may_be_taken_later(log: StateLog, path: Path) -> None:
    await log.write(IntentSkipped(samples.intent(1), "dust", "too small"))
    await log.write(IntentSigned(replace(samples.intent(1), gas_limit=7), samples.attempt(1)))

    assert [{"state": "signed", "reason": "", "gas_limit": 7}] == rows(
        path, "SELECT state, reason, gas_limit FROM intents"
    )


async def test_a_refused_write_does_not_take_others_in_the_same_commit_with_it(log: StateLog) -> None:
    results = await asyncio.gather(
        log.write(IntentSigned(samples.intent(1), samples.attempt(1))),
        log.write(IntentSigned(samples.intent(2), samples.attempt(2))),
        log.write(IntentSigned(samples.intent(3, position="c"), samples.attempt(3))),
        return_exceptions=True,
    )

    assert [int, PositionBusy, int] == [type(result) for result in results]


async def test_two_digests_are_never_signed_for_one_sequence(log: StateLog) -> None:
    first = AttestationSigned(1, samples.ACCOUNT, 5, "0xd1", samples.attestation(5))
    await log.write(first)
    await log.write(first)

    with pytest.raises(Equivocation):
        await log.write(replace(first, digest="0xd2"))
    await log.write(replace(first, sequence=6, digest="0xd2"))


async def test_an_alert_opens_once_counts_and_closes(log: StateLog, path: Path) -> None:
    opened = AlertOpened("funds/alpha", "critical", "no money", "0 wei", "top up")
    await log.write(opened)
    await log.write(opened)
    log.observe(AlertRepeated("funds/alpha"))
    await log.flush()
    await log.write(AlertClosed("funds/alpha", "topped up"))
    await log.write(opened)

    assert [(3, "topped up"), (1, None)] == [
        (row["count"], row["close_reason"]) for row in rows(path, "SELECT * FROM alerts ORDER BY seq")
    ]


async def test_the_journal_can_not_be_changed_through_sql(log: StateLog, path: Path) -> None:
    other = sqlite3.connect(path, timeout=1)
    for statement in ("UPDATE journal SET at_ms = 0", "DELETE FROM journal", "UPDATE slots SET nonce = 9"):
        if "slots" in statement:
            await log.write(IntentSigned(samples.intent(1), samples.attempt(1)))
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)
        other.rollback()
    other.close()


async def test_only_the_newest_health_of_an_account_is_kept(log: StateLog, path: Path) -> None:
    for mid in (90, 80, 70):
        log.observe(HealthSeen(AccountState.LIQUIDATABLE, samples.health(mid=mid * samples.WAD // 100)))
    assert log.observations_waiting <= 1
    await log.flush()

    assert [{"health_mid_wad": 70 * samples.WAD // 100}] == rows(path, "SELECT health_mid_wad FROM health")


async def test_under_pressure_the_oldest_observations_go_and_no_durable_entry_does(
    path: Path, now_ms: Callable[[], int]
) -> None:
    options = LogOptions(max_buffered_observations=10, flush_interval_s=60)
    async with StateLog.open(path, "live", now_ms, options=options) as log:
        log.observe(*(HeadSeen(samples.head(number), True) for number in range(25)))
        await asyncio.gather(*(log.write(NOTE) for _ in range(30)))
        assert 15 == log.observations_dropped

    assert list(range(15, 25)) == [row["number"] for row in rows(path, "SELECT number FROM heads ORDER BY 1")]
    assert [{"n": 30}] == rows(path, "SELECT count(*) AS n FROM operator_actions")


async def test_retention_forgets_observations_by_number_and_by_age_and_nothing_else(path: Path) -> None:
    now = [1_700_000_000_000]
    options = LogOptions(
        flush_interval_s=0.001,
        retention_interval_s=0.005,
        retention=Retention(max_age_ms=1_000, max_heads=100, max_price_sets=100),
    )
    async with StateLog.open(path, "live", lambda: now[0], options=options) as log:
        await log.write(NOTE)
        log.observe(PriceSetSeen(samples.price_set("0xold")))
        log.observe(*(HeadSeen(samples.head(number), True) for number in range(180)))
        async with asyncio.timeout(5):
            while [{"n": 100}] != rows(path, "SELECT count(*) AS n FROM heads"):
                await asyncio.sleep(0.005)
        now[0] += 2_000
        log.observe(PriceSetSeen(samples.price_set("0xnew")))
        async with asyncio.timeout(5):
            while [{"price_set": "0xnew"}] != rows(path, "SELECT price_set FROM price_sets"):
                await asyncio.sleep(0.005)

    assert [{"n": 1, "q": 2}] == rows(
        path, "SELECT (SELECT count(*) FROM prices) AS n, (SELECT count(*) FROM quotes) AS q"
    )
    assert [{"n": 1}] == rows(path, "SELECT count(*) AS n FROM operator_actions")


async def test_a_full_disk_refuses_writes_keeps_observations_and_recovers_by_itself(
    log: StateLog, path: Path
) -> None:
    connection = log._writer._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    big = OperatorActed("note", "x" * 20_000)

    with pytest.raises(LogUnavailable):
        await log.write(big)
    assert_unavailable(log)
    log.observe(HeadSeen(samples.head(1), True))
    with pytest.raises(LogUnavailable):
        await log.write(big)

    connection.execute("PRAGMA max_page_count = 1000000")
    async with asyncio.timeout(5):
        while not log.available:
            await asyncio.sleep(0.005)
    await log.write(big)
    await log.flush()
    assert [{"n": 1}] == rows(path, "SELECT count(*) AS n FROM heads")
    assert [{"n": 1}] == rows(path, "SELECT count(*) AS n FROM journal WHERE kind = 'log_recovered'")
    assert () == verify(path).findings


async def test_a_removed_file_stops_every_write(log: StateLog, path: Path) -> None:
    await log.write(NOTE)
    path.rename(path.with_name("elsewhere"))

    with pytest.raises(LogUnavailable, match="removed or replaced"):
        await log.write(NOTE)
    assert not log.available
    path.with_name("elsewhere").rename(path)
    await asyncio.sleep(0)
    await log.write(NOTE)


async def test_another_writer_of_the_file_is_waited_for_and_then_reported(
    path: Path, now_ms: Callable[[], int]
) -> None:
    async with StateLog.open(path, "live", now_ms, options=LogOptions(busy_timeout_ms=20)) as log:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="locked"):
            await log.write(NOTE)
        other.execute("ROLLBACK")
        other.close()
        await log.write(NOTE)


async def test_writing_to_a_closed_log_is_refused(log: StateLog) -> None:
    await log.close()

    with pytest.raises(LogUnavailable, match="closed"):
        await log.write(NOTE)
