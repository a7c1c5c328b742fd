"""Each check of `keeper verify` holds on an honest log and fails on the one lie it is for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from keeper.planner.decide import replay as replay_decision
from keeper.views.audit.findings import Finding
from keeper.views.audit.whole import audit

Rows: TypeAlias = list[tuple[str, dict[str, Any]]]
WriteJournal: TypeAlias = Callable[..., Path]

AT_VENUES = {"verdicts", "verdict_figures", "venue_calls"}
"""What `test_venue_audit` is about: nobody in this story has anything at a venue."""


def check(path: Path, replay: Callable[[str], str] = replay_decision) -> dict[str, Finding]:
    return {finding.name: finding for finding in audit(path, replay)}


def broken(path: Path, replay: Callable[[str], str] = replay_decision) -> set[str]:
    return {name for name, finding in check(path, replay).items() if not finding.holds}


def body(rows: Rows, kind: str) -> dict[str, Any]:
    return next(found for name, found in rows if name == kind)


def test_an_honest_log_holds_and_every_check_looked_at_something(log: Path) -> None:
    findings = check(log)

    assert set() == {name for name, finding in findings.items() if not finding.holds}
    unlooked = {name for name, finding in findings.items() if not finding.checked}
    assert {"resumed", "one_digest", "settlements"} | AT_VENUES == unlooked


def test_a_changed_entry_breaks_the_hash_chain(rows: Rows, write_journal: WriteJournal) -> None:
    path = write_journal(rows)
    _alter(
        path,
        "UPDATE journal SET body = replace(body, 'refused', 'signed') WHERE kind = 'attestation_answered'",
    )

    assert "hash_chain" in broken(path)


def test_a_removed_entry_breaks_the_hash_chain(rows: Rows, write_journal: WriteJournal) -> None:
    path = write_journal(rows)
    _alter(path, "DELETE FROM journal WHERE seq = 5")

    assert "hash_chain" in broken(path)


def test_a_lost_tail_is_noticed_by_what_the_lock_file_remembers(
    rows: Rows, write_journal: WriteJournal
) -> None:
    path = write_journal(rows)
    path.with_name(path.name + ".lock").write_text(f"{len(rows) + 1:020d} 0x{'00' * 32}\n")

    assert {"hash_chain"} == broken(path)


def test_a_decision_that_comes_out_otherwise_is_noticed(log: Path) -> None:
    assert {"decisions"} == broken(log, lambda _inputs: "{}")


def test_a_decision_whose_inputs_can_not_be_read_is_noticed(log: Path) -> None:
    def refuse(inputs: str) -> str:
        raise ValueError(inputs)

    assert {"decisions"} == broken(log, refuse)


def test_a_decision_with_another_id_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    decision = body(rows, "decision_made")
    decision["result"] = decision["result"].replace("liquidatable", "at_risk")

    assert {"decisions", "decision_ids", "decision_figures"} == broken(write_journal(rows))


@pytest.mark.parametrize("name", ["reason", "health_high_wad", "surplus_low_wad", "cut", "plan", "price_set"])
def test_a_decision_told_otherwise_than_its_result_is_noticed(
    rows: Rows, write_journal: WriteJournal, name: str
) -> None:
    decision = body(rows, "decision_made")
    decision[name] = [] if isinstance(decision[name], list) else "1"

    assert {"decision_figures"} == broken(write_journal(rows))


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "UPDATE prices SET mid_wad = mid_wad || '0' WHERE asset = 'ETH'",
            "decided on another price than was seen",
        ),
        ("DELETE FROM prices WHERE asset = 'vETH'", "decided on another price than was seen"),
        ("UPDATE quotes SET used = 0 WHERE source = 'beta'", "1 sources of 1 groups, the quorum is 2 of 2"),
        ("UPDATE quotes SET source_group = 'a' WHERE source = 'beta'", "2 sources of 1 groups"),
        (
            "UPDATE quotes SET source_time_ms = source_time_ms - 29101 WHERE source = 'beta'",
            "beta was 30001 ms old",
        ),
        (
            "UPDATE quotes SET source_time_ms = source_time_ms + 30901 WHERE source = 'beta'",
            "beta was -30001 ms old",
        ),
        (
            "UPDATE quotes SET changed_at_ms = changed_at_ms - 29601 WHERE source = 'rate'",
            "rate was 30001 ms old",
        ),
        (
            "UPDATE quotes SET source = 'nobody' WHERE source = 'beta'",
            "nobody was 900 ms old, its limit is None ms",
        ),
    ],
)
def test_a_price_that_should_not_have_been_decided_on_is_noticed(log: Path, sql: str, told: str) -> None:
    _alter(log, sql)

    findings = check(log)

    assert {"evidence"} == {name for name, finding in findings.items() if not finding.holds}
    assert told in findings["evidence"].failures[0]


def test_quotes_that_retention_has_dropped_are_not_held_against_a_decision(log: Path) -> None:
    _alter(log, "DELETE FROM price_sets")

    assert set() == broken(log)


@pytest.mark.parametrize("state", ["healthy", "margin_call", "at_risk"])
def test_a_liquidation_of_an_account_that_was_not_liquidatable_is_noticed(
    rows: Rows, write_journal: WriteJournal, state: str
) -> None:
    body(rows, "decision_made")["state"] = state

    assert {"liquidatable", "decision_figures"} == broken(write_journal(rows))


def test_a_liquidation_attested_with_health_one_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "attestation_asked")["attestation"]["health"] = str(10**18)

    assert {"liquidatable", "signatures", "quorum"} == broken(write_journal(rows))


def test_a_liquidation_without_a_quorum_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "attestation_answered")["outcome"] = "refused"

    assert {"quorum"} == broken(write_journal(rows))


def test_a_liquidation_without_an_attestation_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    left = [row for row in rows if not row[0].startswith("attestation")]

    assert {"quorum"} == broken(write_journal(left))


def test_one_attestor_that_signs_under_two_names_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    answers = [found for kind, found in rows if kind == "attestation_answered"]
    answers[2]["signature"] = answers[0]["signature"]

    assert {"signatures", "quorum"} == broken(write_journal(rows))


@pytest.mark.parametrize("signature", [None, "0x", "0x" + "00" * 65])
def test_what_is_no_signature_is_noticed(
    rows: Rows, write_journal: WriteJournal, signature: str | None
) -> None:
    body(rows, "attestation_answered")["signature"] = signature

    assert {"signatures", "quorum"} == broken(write_journal(rows))


def test_a_call_that_is_not_what_was_attested_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    intent = body(rows, "intent_signed")["intent"]
    intent["calldata"] = intent["calldata"].replace("0" * 63 + "c", "0" * 63 + "d", 1)

    assert {"quorum", "signed_bytes"} == broken(write_journal(rows))


def test_an_attestation_for_another_decision_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "attestation_asked")["decision_id"] = "0x" + "44" * 32

    assert {"quorum"} == broken(write_journal(rows))


def test_a_seizure_for_a_claim_nobody_opened_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "intent_signed")["intent"]["action"] = "4"

    assert {"liquidatable"} == broken(write_journal(rows))


def test_a_seizure_for_an_open_claim_needs_no_state(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "intent_signed")["intent"]["action"] = "4"
    body(rows, "decision_made")["state"] = "healthy"
    claim = ("claim_moved", {"claim": "0x" + "00" * 32, "state": "open"})

    assert {"decision_figures"} == broken(write_journal([claim, *rows]))


def test_an_unknown_account_that_was_acted_on_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "decision_made")["state"] = "unknown"

    assert {"liquidatable", "unknown", "decision_figures"} == broken(write_journal(rows))


def test_missing_evidence_that_was_called_healthy_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    decision = body(rows, "decision_made") | {
        "state": "healthy",
        "unknown_because": ["birch is silent"],
        "plan": [],
    }
    quiet = [("decision_made", decision)]

    assert {"unknown", "decision_figures"} == broken(write_journal(quiet))


def test_an_intent_mined_twice_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    bump = body(rows, "intent_signed")["attempt"] | {"tx_hash": "0x" + "99" * 32, "number": "2"}
    receipt = body(rows, "receipt_seen") | {"tx_hash": bump["tx_hash"]}
    rows += [("attempt_signed", {"attempt": bump, "reason": "bump"}), ("receipt_seen", receipt)]

    assert "one_mined" in broken(write_journal(rows))


def test_a_transaction_mined_again_after_a_reorg_is_mined_once(
    rows: Rows, write_journal: WriteJournal
) -> None:
    receipt = body(rows, "receipt_seen")
    rows += [("receipt_gone", receipt), ("receipt_seen", receipt | {"block_hash": "0x" + "77" * 32})]

    assert set() == broken(write_journal(rows))


def test_two_live_intents_on_one_position_are_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    signed = body(rows, "intent_signed")
    other = {
        "intent": signed["intent"] | {"intent_id": "0x" + "88" * 32},
        "attempt": signed["attempt"] | {"intent_id": "0x" + "88" * 32, "nonce": "6"},
    }
    position = next(number for number, row in enumerate(rows) if row[0] == "intent_signed")
    rows.insert(position + 1, ("intent_signed", other))

    assert "one_live" in broken(write_journal(rows))


def test_two_intents_on_one_nonce_are_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    signed = body(rows, "intent_signed")
    other = {
        "intent": signed["intent"] | {"intent_id": "0x" + "88" * 32, "position_key": "debt"},
        "attempt": signed["attempt"] | {"intent_id": "0x" + "88" * 32},
    }

    assert "one_live" in broken(write_journal([*rows, ("intent_signed", other)]))


def test_a_transaction_sent_before_it_was_written_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    order = [row for row in rows if row[0] != "attempt_sent"]
    sent = next(row for row in rows if row[0] == "attempt_sent")
    position = next(number for number, row in enumerate(order) if row[0] == "intent_signed")
    order.insert(position, sent)

    assert {"written_first"} == broken(write_journal(order))


def test_a_receipt_of_a_transaction_that_was_never_written_is_noticed(
    rows: Rows, write_journal: WriteJournal
) -> None:
    body(rows, "receipt_seen")["tx_hash"] = "0x" + "66" * 32

    assert {"written_first"} == broken(write_journal(rows))


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("intent", "contract", "0x00000000000000000000000000000000000000ff"),
        ("intent", "calldata", "0xdeadbeee"),
        ("intent", "chain_id", "31199"),
        ("attempt", "max_fee_per_gas_wei", "4"),
        ("attempt", "gas_limit", "300001"),
        ("attempt", "tx_hash", "0x" + "55" * 32),
        ("attempt", "raw", "0x02c0"),
        ("attempt", "raw", "0x"),
        ("attempt", "is_cancel", True),
    ],
)
def test_signed_bytes_that_say_something_else_are_noticed(
    rows: Rows, write_journal: WriteJournal, part: str, name: str, value: object
) -> None:
    body(rows, "intent_signed")[part][name] = value

    assert "signed_bytes" in broken(write_journal(rows))


def test_bytes_signed_by_another_key_are_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "intent_signed")["attempt"]["sender"] = "0x00000000000000000000000000000000000000fe"

    assert {"signed_bytes"} == broken(write_journal(rows))


def test_an_intent_forgotten_after_a_restart_is_noticed(rows: Rows, write_journal: WriteJournal) -> None:
    crashed = [row for row in rows if row[0] != "intent_moved"]
    started = body(rows, "run_started") | {"run_id": "run-2"}
    alert = {"dedupe_key": "k", "severity": "warning", "title": "t", "detail": "", "advice": ""}
    later = [*crashed, ("run_started", started), *[("alert_opened", alert)] * 10]

    assert {"resumed"} == broken(write_journal(later, step_ms=20_000))
    assert set() == broken(write_journal(later, step_ms=1))


@pytest.mark.parametrize(("cost_wei", "times"), [(1_000_001, 1), (900_000, 6)])
def test_spending_past_a_limit_is_noticed(
    rows: Rows, write_journal: WriteJournal, cost_wei: int, times: int
) -> None:
    receipt = body(rows, "receipt_seen")
    receipt["cost_wei"] = str(cost_wei)
    for number in range(times - 1):
        rows.append(("receipt_seen", receipt | {"tx_hash": f"0x{number:064x}"}))

    assert "spending" in broken(write_journal(rows))


@pytest.mark.parametrize(("limit_wei", "finding"), [(1_000, set()), (999, {"spending"})])
def test_spending_on_one_contract_past_its_limit_is_noticed(
    rows: Rows, write_journal: WriteJournal, limit_wei: int, finding: set[str]
) -> None:
    used = json.loads(body(rows, "config_used")["text"])
    used["spending"]["max_per_target_per_day_wei"] = limit_wei
    body(rows, "config_used")["text"] = json.dumps(used)
    receipt = body(rows, "receipt_seen")
    receipt["cost_wei"] = "500"
    rows.append(("receipt_seen", receipt | {"tx_hash": "0x" + "66" * 32}))

    assert finding == broken(write_journal(rows)) & {"spending"}


@pytest.mark.parametrize(("worth", "finding"), [("900000", set()), ("899999", {"worth"}), (None, set())])
def test_a_call_that_was_offered_more_than_it_should_earn_is_noticed(
    rows: Rows, write_journal: WriteJournal, worth: str | None, finding: set[str]
) -> None:
    body(rows, "intent_signed")["intent"]["max_cost_wei"] = worth

    assert finding == broken(write_journal(rows))


def test_a_fee_for_data_counts_in_what_a_call_may_cost(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "intent_signed")["attempt"]["l1_fee_wei"] = "1"

    assert {"worth"} == broken(write_journal(rows))


def test_spending_up_to_the_limit_is_fine(rows: Rows, write_journal: WriteJournal) -> None:
    body(rows, "receipt_seen")["cost_wei"] = "1000000"

    assert set() == broken(write_journal(rows))


def test_an_attestor_that_signed_two_digests_for_one_sequence_is_noticed(
    rows: Rows, write_journal: WriteJournal
) -> None:
    signed = {"chain_id": "1", "account_id": "0xa1", "sequence": "12", "digest": "0x01", "attestation": {}}
    again, other = dict(signed), signed | {"digest": "0x02"}

    assert set() == broken(
        write_journal([*rows, ("attestation_signed", signed), ("attestation_signed", again)])
    )
    assert {"one_digest"} == broken(
        write_journal([*rows, ("attestation_signed", signed), ("attestation_signed", other)])
    )


def _alter(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()
