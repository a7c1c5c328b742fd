"""From an entry's body to its rows: per kind, the statements that keep the tables in step.

A statement's parameters are the body's own names, beside ``seq`` and ``at_ms`` of the journal
row. Because nothing but the body is needed, the same statements rebuild every durable table
from the journal alone.
"""

# ruff: noqa: S608 - the statements are put together from names in this file
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from config.canonical import canonical_json
from keeper.state import observed_projection, settlement_projection, unified_projection, venue_projection
from keeper.state.statements import Statement, insert

Row: TypeAlias = "dict[str, str | int | bool | None]"


_INTENT_COLUMNS = (
    "intent_id, created_seq=:seq, decision_id, chain, chain_id, contract, account_id, position_key, action, item, "
    "sequence, calldata, gas_limit, value_wad, valid_until_s, max_cost_wei, created_at_ms=:at_ms, moved_at_ms=:at_ms"
)
_INTENT_AGAIN = (
    "ON CONFLICT (intent_id) DO UPDATE SET created_seq = :seq, decision_id = :decision_id, "
    "calldata = :calldata, gas_limit = :gas_limit, value_wad = :value_wad, valid_until_s = :valid_until_s, "
    "max_cost_wei = :max_cost_wei, "
    "moved_at_ms = :at_ms, "
)
_ATTEMPT_COLUMNS = (
    "tx_hash, intent_id, number, sender, nonce, raw, max_fee_per_gas_wei, max_priority_fee_per_gas_wei, "
    "gas_limit, is_cancel, l1_fee_wei, signed_seq=:seq, signed_at_ms=:at_ms"
)
_LATER_OF_INTENTS: Mapping[str, str | None] = {"max_cost_wei": None}
_LATER_OF_ATTEMPTS: Mapping[str, str | None] = {"l1_fee_wei": "0"}

DURABLE: Mapping[str, Sequence[Statement]] = {
    "log_created": (),
    "log_recovered": (),
    "tail_loss_accepted": (),
    "run_started": (
        Statement(insert("runs", "run_id, seq, mode, version, pid, config_digest, started_at_ms=:at_ms")),
    ),
    "run_ended": (
        Statement("UPDATE runs SET ended_at_ms = :at_ms, end_reason = :reason WHERE run_id = :run_id"),
    ),
    "config_used": (
        Statement(insert("configs", "digest, text, first_used_at_ms=:at_ms", "ON CONFLICT DO NOTHING")),
    ),
    "chain_known": (Statement(insert("chains", "chain, chain_id, genesis_hash, known_since_ms=:at_ms")),),
    "operator_acted": (Statement(insert("operator_actions", "seq, at_ms, action, reason")),),
    "paused": (
        Statement(
            insert(
                "pauses",
                "scope, since_ms=:at_ms, who, why",
                "ON CONFLICT (scope) DO UPDATE SET who = :who, why = :why",
            )
        ),
        Statement(insert("pause_history", "seq, at_ms, scope, action='paused', who, why")),
    ),
    "resumed": (
        Statement("DELETE FROM pauses WHERE scope = :scope"),
        Statement("DELETE FROM chain_stops WHERE 'chain:' || chain = :scope"),
        Statement(insert("pause_history", "seq, at_ms, scope, action='resumed', who, why")),
    ),
    "chain_stopped": (
        Statement(insert("chain_stops", "chain, seq, at_ms, reason", "ON CONFLICT (chain) DO NOTHING")),
    ),
    "logs_missed": (Statement(insert("missed_logs", "seq, at_ms, chain, first_block, last_block, logs")),),
    "parameters_moved": (
        Statement(
            insert(
                "multipliers",
                "asset, multiplier_bps, why, since_ms=:at_ms",
                "ON CONFLICT (asset) DO UPDATE SET multiplier_bps = :multiplier_bps, why = :why, since_ms = :at_ms",
            )
        ),
        Statement(
            insert(
                "parameter_history",
                "seq=:seq, number=:n, at_ms=:at_ms, asset=:parent_asset, name, before_bps, after_bps, why=:parent_why",
            ),
            each="changes",
        ),
    ),
    "decision_made": (
        Statement(
            insert(
                "decisions",
                "decision_id, seq, at_ms=:decided_at_ms, account_id, previous, state, reason, price_set, "
                "health_low_wad, health_mid_wad, health_high_wad, surplus_low_wad, surplus_mid_wad, "
                "surplus_high_wad, equity_mid_wad, unknown_because, cut",
                "ON CONFLICT DO NOTHING",
            )
        ),
        Statement(
            insert(
                "plans",
                "decision_id=:parent_decision_id, account_id, expected_health_wad, penalty_wad, whole_account, "
                "reason, rejected",
                "ON CONFLICT DO NOTHING",
            ),
            each="plan",
        ),
        Statement(
            insert(
                "steps",
                "decision_id=:parent_decision_id, number=:n, action, chain, item, asset, size, price_wad, value_wad, "
                "penalty_wad, target_chain, target_token, claim, reason",
                "ON CONFLICT DO NOTHING",
            ),
            each="plan",
            inside="steps",
        ),
    ),
    "notice_sent": (
        Statement(
            insert(
                "notices",
                "seq, at_ms, account_id, kind=:kind_of_notice, health_low_wad, surplus_low_wad, detail",
            )
        ),
    ),
    "claim_moved": (
        Statement(
            insert(
                "claims",
                "claim, account_id, state, source_chain, target_chain, target_token, value_wad, beneficiary, "
                "last_chain=:chain, last_block_number=:block_number, last_block_hash=:block_hash, "
                "opened_at_ms=:at_ms, moved_at_ms=:at_ms",
                "ON CONFLICT (claim) DO UPDATE SET state = :state, last_chain = :chain, "
                "last_block_number = :block_number, last_block_hash = :block_hash, moved_at_ms = :at_ms",
            )
        ),
    ),
    "intent_skipped": (
        Statement(
            insert(
                "intents",
                f"{_INTENT_COLUMNS}, state='skipped', reason_class=:parent_reason_class, reason=:parent_reason",
                f"{_INTENT_AGAIN} reason_class = :parent_reason_class, reason = :parent_reason",
            ),
            each="intent",
            later=_LATER_OF_INTENTS,
        ),
    ),
    "intent_signed": (
        Statement(
            insert(
                "intents",
                f"{_INTENT_COLUMNS}, state='signed', sender=:parent_sender, nonce=:parent_nonce",
                f"{_INTENT_AGAIN} state = 'signed', sender = :parent_sender, nonce = :parent_nonce, "
                "reason_class = '', reason = ''",
            ),
            each="intent",
            later=_LATER_OF_INTENTS,
        ),
        Statement(
            insert(
                "slots",
                "chain_id, sender=:parent_sender, nonce=:parent_nonce, intent_id",
            ),
            each="intent",
        ),
        Statement(
            insert("attempts", f"{_ATTEMPT_COLUMNS}, chain_id=:parent_chain_id, reason='first'"),
            each="attempt",
            later=_LATER_OF_ATTEMPTS,
        ),
    ),
    "attempt_signed": (
        Statement(
            insert(
                "attempts",
                f"{_ATTEMPT_COLUMNS}, chain_id=(SELECT chain_id FROM slots WHERE intent_id = :intent_id), "
                "reason=:parent_reason",
            ),
            each="attempt",
            later=_LATER_OF_ATTEMPTS,
        ),
    ),
    "attempt_sent": (
        Statement(
            "UPDATE attempts SET sends = sends + 1, last_send_class = :send_class, last_send_detail = :detail, "
            "last_sent_block = :block_number, last_sent_at_ms = :at_ms WHERE tx_hash = :tx_hash"
        ),
    ),
    "intent_moved": (
        Statement(
            "UPDATE intents SET state = :state, blocked = :blocked, cancelling = :cancelling, reason = :reason, "
            "block_number = :block_number, moved_at_ms = :at_ms WHERE intent_id = :intent_id"
        ),
    ),
    "receipt_seen": (
        Statement(
            insert(
                "receipts",
                "tx_hash, block_hash, intent_id, block_number, status, gas_used, gas_price_wei, cost_wei, canonical=1, "
                "seen_at_ms=:at_ms",
                "ON CONFLICT (tx_hash, block_hash) DO UPDATE SET canonical = 1, gone_at_ms = NULL",
            )
        ),
    ),
    "receipt_gone": (
        Statement(
            "UPDATE receipts SET canonical = 0, gone_at_ms = :at_ms "
            "WHERE tx_hash = :tx_hash AND block_hash = :block_hash"
        ),
    ),
    "attestation_asked": (
        Statement(
            insert(
                "attestations",
                "digest, decision_id, chain, chain_id, contract, account_id, sequence, action, attestation, "
                "asked_at_ms=:at_ms",
                "ON CONFLICT (digest) DO UPDATE SET asked_at_ms = :at_ms",
            )
        ),
    ),
    "attestation_answered": (
        Statement(
            insert("attestation_answers", "seq, digest, attestor, outcome, reason, signature, at_ms"),
        ),
    ),
    "attestation_signed": (
        Statement(
            insert(
                "signed_attestations",
                "chain_id, account_id, sequence, digest, attestation, first_at_ms=:at_ms, times=1",
                "ON CONFLICT (chain_id, account_id, sequence) DO UPDATE SET digest = :digest, times = times + 1",
            )
        ),
    ),
    "alert_opened": (
        Statement(
            insert(
                "alerts",
                "seq, dedupe_key, severity, title, detail, advice, opened_at_ms=:at_ms, last_at_ms=:at_ms, count=1",
                "ON CONFLICT (dedupe_key) WHERE closed_at_ms IS NULL "
                "DO UPDATE SET count = count + 1, last_at_ms = :at_ms",
            )
        ),
    ),
    "alert_closed": (
        Statement(
            "UPDATE alerts SET closed_at_ms = :at_ms, close_reason = :reason "
            "WHERE dedupe_key = :dedupe_key AND closed_at_ms IS NULL"
        ),
    ),
}

_ALL = {
    **DURABLE,
    **observed_projection.OBSERVED,
    **venue_projection.DURABLE,
    **settlement_projection.DURABLE,
    **venue_projection.OBSERVED,
    **unified_projection.DURABLE,
    **unified_projection.OBSERVED,
}


def project(
    connection: sqlite3.Connection, kind: str, bodies: Sequence[tuple[int, int, Mapping[str, object]]]
) -> None:
    """Bring the tables in step with entries of one `kind`, each (seq, at_ms, body), in order."""
    statements = _ALL[kind]
    if len(bodies) == 1 or len(statements) == 1:
        for statement in statements:
            connection.executemany(statement.sql, _all_rows(statement, bodies))
        return
    for body in bodies:
        project(connection, kind, (body,))


def _all_rows(statement: Statement, bodies: Sequence[tuple[int, int, Mapping[str, object]]]) -> Iterator[Row]:
    for seq, at_ms, body in bodies:
        yield from _rows(statement, body, {"seq": seq, "at_ms": at_ms})


def _rows(statement: Statement, body: Mapping[str, object], stamp: Row) -> Iterator[Row]:
    if statement.each is None:
        yield _columns(body) | stamp
        return
    parent: Row = {}
    for name, value in body.items():
        if isinstance(value, Mapping):
            parent |= {f"parent_{key}": column for key, column in _columns(value).items()}
        elif name != statement.each:
            parent[f"parent_{name}"] = _column(value)
    for number, item in enumerate(_items(body[statement.each])):
        if statement.inside is None:
            yield {**statement.later, **_columns(item), **parent, **stamp, "n": number}
            continue
        for inner_number, inner in enumerate(_items(item[statement.inside])):
            yield _columns(inner) | parent | stamp | {"n": inner_number}


def _items(value: object) -> Sequence[Mapping[str, object]]:
    if isinstance(value, Mapping):
        return (value,)
    assert isinstance(value, (list, tuple))  # noqa: S101 - bodies are objects and lists only
    return value


def _columns(body: Mapping[str, object]) -> Row:
    return {name: _column(value) for name, value in body.items()}


def _column(value: object) -> str | int | bool | None:
    if value is None or isinstance(value, (str, int)):
        return value
    return canonical_json(value)
