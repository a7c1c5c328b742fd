"""Reading: views for people and programs, verification against the journal, backups beside a running writer."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from keeper.domain.health import AccountState
from keeper.domain.intent import IntentState
from keeper.state.backup import backup
from keeper.state.entries import (
    AttemptSent,
    AttestationAnswered,
    AttestationAsked,
    ClaimMoved,
    ConfigUsed,
    DecisionMade,
    Entry,
    IntentMoved,
    IntentSigned,
    NoticeSent,
    OperatorActed,
    ReceiptGone,
    ReceiptSeen,
    RunEnded,
    RunStarted,
)
from keeper.state.errors import LogUnreadable
from keeper.state.human import decimal_sql
from keeper.state.live import read_lane
from keeper.state.log import StateLog
from keeper.state.observations import ChainStatusSeen, HeadSeen, HealthSeen, LegsSeen, PriceSetSeen
from keeper.state.reader import LogReader
from keeper.state.verify import verify
from tests.keeper.state import samples

WAD = samples.WAD
TX = samples.attempt(1).tx_hash
INTENT = samples.intent(1).intent_id

EVERYTHING: tuple[Entry, ...] = (
    RunStarted("run-1", "live", "0.1.0", 4242, "0xc0"),
    ConfigUsed("0xc0", "{}"),
    DecisionMade(samples.decision(1)),
    AttestationAsked("0xd1", "0xdec1de1", "alpha", samples.CHAIN_ID, "0xhub", samples.attestation()),
    AttestationAnswered("0xd1", "att-1", "signed", "", "0xsig"),
    AttestationAnswered("0xd1", "att-2", "refused", "price outside my band", None),
    IntentSigned(samples.intent(1), samples.attempt(1)),
    AttemptSent(INTENT, TX, "published", "", 8),
    IntentMoved(INTENT, IntentState.BROADCAST, None, False, "", 8),
    ReceiptSeen(INTENT, TX, "0xb9", 9, 1, 50_000, 10**9, 50_000 * 10**9),
    IntentMoved(INTENT, IntentState.MINED, None, False, "", 9),
    ReceiptGone(INTENT, TX, "0xb9"),
    ReceiptSeen(INTENT, TX, "0xb9b", 9, 1, 50_000, 10**9, 50_000 * 10**9),
    ClaimMoved("0xc1", "open", samples.ACCOUNT, "alpha", "beta", "0xt", 7 * WAD, "0xme", "alpha", 9, "0xb9b"),
    ClaimMoved("0xc1", "paid", samples.ACCOUNT, "alpha", "beta", "0xt", 7 * WAD, "0xme", "beta", 4, "0xbb4"),
    NoticeSent(samples.ACCOUNT, "called", 107 * WAD // 100, 5 * WAD, "top up"),
    OperatorActed("pause", "looking"),
    RunEnded("run-1", "SIGTERM"),
)


@pytest.fixture
async def full(log: StateLog) -> StateLog:
    for entry in EVERYTHING:
        await log.write(entry)
    log.observe(
        HeadSeen(samples.head(9), True),
        ChainStatusSeen("alpha", "live", "", 9, "0xb9b", 1_700_000_009, 1_700_000_009_100),
        PriceSetSeen(samples.price_set()),
        LegsSeen(samples.account()),
        HealthSeen(AccountState.LIQUIDATABLE, samples.health()),
        HealthSeen(AccountState.HEALTHY, samples.health("0x" + "b2" * 32, None)),
        HealthSeen(AccountState.AT_RISK, samples.health("0x" + "c3" * 32, WAD)),
    )
    await log.flush()
    return log


@pytest.fixture
def reader(full: StateLog) -> LogReader:
    return LogReader(full.path)


async def test_the_tables_are_a_fold_of_the_journal(full: StateLog) -> None:
    verification = verify(full.path)

    assert () == verification.findings
    assert (len(EVERYTHING) + 1, 1, 1, 1) == (
        verification.entries,
        verification.decisions,
        verification.intents,
        verification.live_intents,
    )
    assert full.head.hash == verification.head_hash


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE decisions SET reason = 'nothing to see'", "decisions"),
        ("UPDATE receipts SET cost_wei = '1'", "receipts"),
        ("UPDATE steps SET size = '5'", "steps"),
        ("UPDATE intents SET state = 'final_ok'", "intents"),
        ("DELETE FROM notices", "notices"),
        (
            (
                "INSERT INTO claims SELECT 'x', account_id, state, source_chain, target_chain, target_token, value_wad, "
                "beneficiary, last_chain, last_block_number, last_block_hash, 0, 0 FROM claims"
            ),
            "claims",
        ),
    ],
)
async def test_a_row_changed_beside_the_journal_is_found(full: StateLog, change: str, found: str) -> None:
    await full.close()
    other = sqlite3.connect(full.path)
    other.execute(change)
    other.commit()
    other.close()

    findings = verify(full.path).findings

    assert findings
    assert findings[0].startswith(f"{found}: a row")


def test_status_says_how_things_stand(reader: LogReader) -> None:
    status = reader.status()

    assert "live" == status["mode"]
    assert "SIGTERM" == status["run"]["end_reason"]
    assert {"liquidatable": 1, "healthy": 1, "at_risk": 1} == status["accounts"]
    assert {"degraded": 1} == status["prices"]
    assert {"mined": 1} == status["intents"]
    assert [] == status["alerts"]


def test_accounts_come_least_healthy_first(reader: LogReader) -> None:
    assert [samples.ACCOUNT, "0x" + "c3" * 32, "0x" + "b2" * 32] == [
        row["account_id"] for row in reader.accounts()
    ]
    assert [samples.ACCOUNT] == [row["account_id"] for row in reader.accounts(["liquidatable"])]


def test_an_account_is_found_by_the_start_of_its_id_with_its_legs(reader: LogReader) -> None:
    account = reader.account(samples.ACCOUNT[:10])

    assert account is not None
    assert (samples.ACCOUNT, -WAD // 2) == (account["account_id"], account["surplus_high_wad"])
    assert ["ETH"] == [one["asset"] for one in account["legs"][0]["collateral"]]
    assert reader.account("0xdead") is None
    assert reader.account("0x") is None


def test_a_price_comes_with_the_quotes_it_was_made_from(reader: LogReader) -> None:
    newest = reader.prices()

    assert newest is not None
    (price,) = newest["prices"]
    assert (2_001 * WAD + 1, 1, 2) == (price["high_wad"], price["used"], price["seen"])
    assert [("kraken", None, 1), ("gemini", "stale", 0)] == [
        (quote["source"], quote["failure"], quote["used"]) for quote in price["quotes"]
    ]
    assert reader.prices("0xnone") is None


def test_a_decision_keeps_its_inputs_and_result_byte_for_byte(reader: LogReader) -> None:
    decision = reader.decision("0xdec1de1")

    assert decision is not None
    assert ('{"in":"1"}', '{"out":"2"}') == (decision["inputs"], decision["result"])
    assert ["beta: no pool"] == decision["plan"]["rejected"]
    assert [str(2**70)] == [step["size"] for step in decision["plan"]["steps"]]
    assert reader.decision("0xnone") is None


def test_explain_gathers_all_of_an_account(reader: LogReader) -> None:
    explained = reader.explain(samples.ACCOUNT)

    assert explained is not None
    assert "high 0.91 < 1" == explained["latest_decision"]["reason"]
    assert [("att-1", "signed"), ("att-2", "refused")] == [
        (answer["attestor"], answer["outcome"]) for answer in explained["attestations"][0]["answers"]
    ]
    assert [("0xb9", 0), ("0xb9b", 1)] == [
        (receipt["block_hash"], receipt["canonical"]) for receipt in explained["intents"][0]["receipts"]
    ]
    assert ["paid"] == [claim["state"] for claim in explained["claims"]]
    assert ["called"] == [notice["kind"] for notice in explained["notices"]]
    assert reader.explain("0xdead") is None


def test_a_reorged_receipt_is_not_spent(reader: LogReader) -> None:
    assert [50_000 * 10**9] == [row["cost_wei"] for row in reader.spending()]


def test_a_lane_gets_back_what_it_needs(full: StateLog) -> None:
    record = read_lane(full.path, samples.CHAIN_ID, samples.SENDER, 0)

    (live,) = record.live
    assert (samples.intent(1), samples.attempt(1)) == (live.intent, live.attempts[0].attempt)
    assert (IntentState.MINED, "0xb9b") == (live.state, live.receipt and live.receipt.block_hash)
    assert (2, 50_000 * 10**9) == (record.next_nonce, record.costs[0].cost_wei)
    assert read_lane(full.path, 1, samples.SENDER, 0).next_nonce is None


@pytest.mark.parametrize(
    ("scaled", "shown"),
    [
        ("0", "0.0000"),
        ("-1", "-0.0000"),
        ("1234567" + "0" * 12, "1.2345"),
        ("-" + "9" * 40, "-" + "9" * 22 + ".9999"),
    ],
)
def test_decimals_for_people_are_cut_from_the_text(scaled: str, shown: str) -> None:
    connection = sqlite3.connect(":memory:")

    assert (shown,) == connection.execute(
        f"SELECT {decimal_sql('x')} FROM (SELECT ? AS x)", (scaled,)
    ).fetchone()
    connection.close()


def test_every_view_can_be_read(reader: LogReader) -> None:
    views = [row["name"] for row in reader.select("SELECT name FROM sqlite_master WHERE type = 'view'")]
    empty = {name for name in views if not reader.select(f"SELECT * FROM {name}")}

    assert {"alerts_readable"} == empty


async def test_a_backup_is_whole_while_the_writer_writes(full: StateLog, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    writing = asyncio.gather(*(full.write(OperatorActed("note", "y" * 500)) for _ in range(200)))
    await asyncio.to_thread(backup, full.path, target)
    await writing

    assert () == verify(target).findings
    with pytest.raises(LogUnreadable, match="exists"):
        backup(full.path, target)


def test_reading_imports_nothing_heavy() -> None:
    code = "import sys, keeper.state.reader; print(sorted({'web3','numpy','aiohttp','sqlite_utils'} & set(sys.modules)))"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == shown.stdout.strip()


async def test_the_sqlite_utils_command_reads_a_log_in_use(full: StateLog) -> None:
    shown = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sqlite_utils", "rows", str(full.path), "intents_readable"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert '"value_usd": "1234.50"' in shown.stdout
    await full.write(OperatorActed("note", "still writing"))
    assert () == verify(full.path).findings
