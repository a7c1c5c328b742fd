"""The tables of the state log. Amounts are text (they pass 63 bits), times UTC integers.

`DURABLE` tables are folds of the journal and can be rebuilt from it; `OBSERVED` tables are
bounded by retention. Rules that must hold whatever the code does are constraints and
triggers here: the journal only grows, an intent's nonce never changes, an end is an end, a
position has at most one live intent, a sequence has one digest.
"""

from __future__ import annotations

SCHEMA_VERSION = 10
APPLICATION_ID = 0x6B_65_65_70  # "keep"

_FINAL = "('final_ok', 'final_reverted', 'final_cancelled', 'final_lost_nonce')"
ENDED = "('final_ok', 'final_reverted', 'final_cancelled', 'final_lost_nonce', 'skipped')"
"""The states in which an intent is no longer live, as an SQL list."""

JOURNAL = (
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
        prev_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT""",
    """CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END""",
    """CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END""",
)

RUNS = (
    """CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, mode TEXT NOT NULL, version TEXT NOT NULL,
        pid INTEGER NOT NULL, config_digest TEXT NOT NULL, started_at_ms INTEGER NOT NULL,
        ended_at_ms INTEGER, end_reason TEXT) STRICT""",
    """CREATE TABLE configs (
        digest TEXT PRIMARY KEY, text TEXT NOT NULL, first_used_at_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE chains (
        chain TEXT PRIMARY KEY, chain_id INTEGER NOT NULL UNIQUE, genesis_hash TEXT NOT NULL,
        known_since_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE operator_actions (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL) STRICT""",
)

DECISIONS = (
    """CREATE TABLE decisions (
        decision_id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, at_ms INTEGER NOT NULL,
        account_id TEXT NOT NULL, previous TEXT, state TEXT NOT NULL, reason TEXT NOT NULL,
        price_set TEXT NOT NULL, health_low_wad TEXT, health_mid_wad TEXT, health_high_wad TEXT,
        surplus_low_wad TEXT NOT NULL, surplus_mid_wad TEXT NOT NULL, surplus_high_wad TEXT NOT NULL,
        equity_mid_wad TEXT NOT NULL, unknown_because TEXT NOT NULL, cut TEXT NOT NULL) STRICT""",
    "CREATE INDEX decisions_by_account ON decisions (account_id, seq)",
    """CREATE TABLE plans (
        decision_id TEXT PRIMARY KEY, account_id TEXT NOT NULL, expected_health_wad TEXT,
        penalty_wad TEXT NOT NULL, whole_account INTEGER NOT NULL, reason TEXT NOT NULL,
        rejected TEXT NOT NULL) STRICT""",
    """CREATE TABLE steps (
        decision_id TEXT NOT NULL REFERENCES plans, number INTEGER NOT NULL, action INTEGER NOT NULL,
        chain TEXT NOT NULL, item INTEGER NOT NULL, asset TEXT NOT NULL, size TEXT NOT NULL,
        price_wad TEXT NOT NULL, value_wad TEXT NOT NULL, penalty_wad TEXT NOT NULL,
        target_chain TEXT, target_token TEXT, claim TEXT, reason TEXT NOT NULL,
        PRIMARY KEY (decision_id, number)) STRICT""",
    """CREATE TABLE notices (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, account_id TEXT NOT NULL, kind TEXT NOT NULL,
        health_low_wad TEXT, surplus_low_wad TEXT NOT NULL, detail TEXT NOT NULL) STRICT""",
    """CREATE TABLE claims (
        claim TEXT PRIMARY KEY, account_id TEXT NOT NULL, state TEXT NOT NULL, source_chain TEXT NOT NULL,
        target_chain TEXT NOT NULL, target_token TEXT NOT NULL, value_wad TEXT NOT NULL,
        beneficiary TEXT NOT NULL, last_chain TEXT NOT NULL, last_block_number INTEGER NOT NULL,
        last_block_hash TEXT NOT NULL, opened_at_ms INTEGER NOT NULL, moved_at_ms INTEGER NOT NULL) STRICT""",
)

TRANSACTIONS = (
    """CREATE TABLE intents (
        intent_id TEXT PRIMARY KEY, created_seq INTEGER NOT NULL, decision_id TEXT NOT NULL,
        chain TEXT NOT NULL, chain_id INTEGER NOT NULL, contract TEXT NOT NULL, account_id TEXT NOT NULL,
        position_key TEXT NOT NULL, action INTEGER NOT NULL, item INTEGER NOT NULL, sequence TEXT NOT NULL,
        calldata TEXT NOT NULL, gas_limit INTEGER NOT NULL, value_wad TEXT NOT NULL,
        valid_until_s INTEGER NOT NULL, sender TEXT, nonce INTEGER, state TEXT NOT NULL,
        blocked TEXT, cancelling INTEGER NOT NULL DEFAULT 0, reason_class TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '', block_number INTEGER,
        created_at_ms INTEGER NOT NULL, moved_at_ms INTEGER NOT NULL) STRICT""",
    f"""CREATE UNIQUE INDEX one_live_intent_per_position ON intents (chain_id, account_id, position_key)
        WHERE state NOT IN {ENDED}""",
    f"CREATE INDEX live_intents ON intents (chain_id, sender, nonce) WHERE state NOT IN {ENDED}",
    "CREATE INDEX intents_by_account ON intents (account_id)",
    """CREATE TRIGGER intent_is_made_once BEFORE UPDATE OF created_seq ON intents
        WHEN old.state <> 'skipped' BEGIN SELECT RAISE(ABORT, 'intent exists'); END""",
    f"""CREATE TRIGGER intent_end_is_an_end BEFORE UPDATE ON intents
        WHEN old.state IN {_FINAL} BEGIN SELECT RAISE(ABORT, 'intent is final'); END""",
    """CREATE TRIGGER intent_keeps_its_nonce BEFORE UPDATE OF nonce, sender ON intents
        WHEN old.nonce IS NOT NULL AND (new.nonce IS NOT old.nonce OR new.sender IS NOT old.sender)
        BEGIN SELECT RAISE(ABORT, 'an intent keeps its nonce'); END""",
    """CREATE TABLE slots (
        chain_id INTEGER NOT NULL, sender TEXT NOT NULL, nonce INTEGER NOT NULL,
        intent_id TEXT NOT NULL UNIQUE REFERENCES intents,
        PRIMARY KEY (chain_id, sender, nonce)) STRICT""",
    """CREATE TRIGGER slot_is_not_changed BEFORE UPDATE ON slots
        BEGIN SELECT RAISE(ABORT, 'a slot never changes'); END""",
    """CREATE TRIGGER slot_is_not_freed BEFORE DELETE ON slots
        BEGIN SELECT RAISE(ABORT, 'a slot is never freed'); END""",
    """CREATE TABLE attempts (
        tx_hash TEXT PRIMARY KEY, intent_id TEXT NOT NULL REFERENCES intents, number INTEGER NOT NULL,
        chain_id INTEGER NOT NULL, sender TEXT NOT NULL, nonce INTEGER NOT NULL, raw TEXT NOT NULL,
        max_fee_per_gas_wei TEXT NOT NULL, max_priority_fee_per_gas_wei TEXT NOT NULL,
        gas_limit INTEGER NOT NULL, is_cancel INTEGER NOT NULL, reason TEXT NOT NULL,
        signed_seq INTEGER NOT NULL, signed_at_ms INTEGER NOT NULL, sends INTEGER NOT NULL DEFAULT 0,
        last_send_class TEXT, last_send_detail TEXT, last_sent_block INTEGER, last_sent_at_ms INTEGER,
        UNIQUE (intent_id, number),
        FOREIGN KEY (chain_id, sender, nonce) REFERENCES slots) STRICT""",
    """CREATE TABLE receipts (
        tx_hash TEXT NOT NULL REFERENCES attempts, block_hash TEXT NOT NULL,
        intent_id TEXT NOT NULL REFERENCES intents, block_number INTEGER NOT NULL, status INTEGER NOT NULL,
        gas_used INTEGER NOT NULL, gas_price_wei TEXT NOT NULL, cost_wei TEXT NOT NULL,
        canonical INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL, gone_at_ms INTEGER,
        PRIMARY KEY (tx_hash, block_hash)) STRICT""",
    "CREATE INDEX receipts_by_intent ON receipts (intent_id)",
    "CREATE INDEX receipts_by_time ON receipts (seen_at_ms)",
)

ATTESTATIONS = (
    """CREATE TABLE attestations (
        digest TEXT PRIMARY KEY, decision_id TEXT NOT NULL, chain TEXT NOT NULL, chain_id INTEGER NOT NULL,
        contract TEXT NOT NULL, account_id TEXT NOT NULL, sequence TEXT NOT NULL, action INTEGER NOT NULL,
        attestation TEXT NOT NULL, asked_at_ms INTEGER NOT NULL) STRICT""",
    "CREATE INDEX attestations_by_account ON attestations (account_id)",
    """CREATE TABLE attestation_answers (
        seq INTEGER PRIMARY KEY, digest TEXT NOT NULL REFERENCES attestations, attestor TEXT NOT NULL,
        outcome TEXT NOT NULL, reason TEXT NOT NULL, signature TEXT, at_ms INTEGER NOT NULL) STRICT""",
    "CREATE INDEX attestation_answers_by_digest ON attestation_answers (digest)",
    """CREATE TABLE signed_attestations (
        chain_id INTEGER NOT NULL, account_id TEXT NOT NULL, sequence INTEGER NOT NULL,
        digest TEXT NOT NULL, attestation TEXT NOT NULL, first_at_ms INTEGER NOT NULL,
        times INTEGER NOT NULL, PRIMARY KEY (chain_id, account_id, sequence)) STRICT""",
    """CREATE TRIGGER one_digest_per_sequence BEFORE UPDATE ON signed_attestations
        WHEN old.digest <> new.digest BEGIN SELECT RAISE(ABORT, 'equivocation'); END""",
    """CREATE TRIGGER signed_is_not_forgotten BEFORE DELETE ON signed_attestations
        BEGIN SELECT RAISE(ABORT, 'a signed sequence is never forgotten'); END""",
)

ALERTS = (
    """CREATE TABLE alerts (
        seq INTEGER PRIMARY KEY, dedupe_key TEXT NOT NULL, severity TEXT NOT NULL, title TEXT NOT NULL,
        detail TEXT NOT NULL, advice TEXT NOT NULL, opened_at_ms INTEGER NOT NULL,
        last_at_ms INTEGER NOT NULL, count INTEGER NOT NULL, closed_at_ms INTEGER,
        close_reason TEXT) STRICT""",
    "CREATE UNIQUE INDEX one_open_alert_per_key ON alerts (dedupe_key) WHERE closed_at_ms IS NULL",
)

OBSERVATIONS = (
    """CREATE TABLE heads (
        chain TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL, parent_hash TEXT NOT NULL,
        timestamp_s INTEGER NOT NULL, base_fee_wei TEXT NOT NULL, canonical INTEGER NOT NULL,
        seen_at_ms INTEGER NOT NULL, PRIMARY KEY (chain, hash)) STRICT""",
    "CREATE INDEX heads_by_time ON heads (seen_at_ms)",
    "CREATE INDEX heads_by_number ON heads (chain, number)",
    """CREATE TABLE chain_status (
        chain TEXT PRIMARY KEY, state TEXT NOT NULL, detail TEXT NOT NULL, head_number INTEGER NOT NULL,
        head_hash TEXT NOT NULL, head_timestamp_s INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
        at_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE price_sets (
        price_set TEXT PRIMARY KEY, as_of_ms INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL) STRICT""",
    "CREATE INDEX price_sets_by_time ON price_sets (seen_at_ms)",
    """CREATE TABLE prices (
        price_set TEXT NOT NULL REFERENCES price_sets ON DELETE CASCADE, asset TEXT NOT NULL,
        status TEXT NOT NULL, reason TEXT NOT NULL, low_wad TEXT, mid_wad TEXT, high_wad TEXT,
        oldest_ms INTEGER, via_asset TEXT, used INTEGER NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY (price_set, asset)) STRICT""",
    """CREATE TABLE quotes (
        price_set TEXT NOT NULL REFERENCES price_sets ON DELETE CASCADE, asset TEXT NOT NULL,
        number INTEGER NOT NULL, source TEXT NOT NULL, source_group TEXT NOT NULL, pair TEXT NOT NULL,
        used INTEGER NOT NULL, reason TEXT NOT NULL, value_wad TEXT, failure TEXT, detail TEXT NOT NULL,
        source_time_ms INTEGER, received_at_ms INTEGER NOT NULL, changed_at_ms INTEGER,
        PRIMARY KEY (price_set, asset, number)) STRICT""",
    """CREATE TABLE accounts (
        account_id TEXT PRIMARY KEY, owner TEXT NOT NULL, subaccount TEXT NOT NULL,
        at_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE legs (
        account_id TEXT NOT NULL, chain TEXT NOT NULL, version INTEGER NOT NULL,
        cross_margin INTEGER NOT NULL, collateral TEXT NOT NULL, debt TEXT, positions TEXT NOT NULL,
        claims TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (account_id, chain)) STRICT""",
    """CREATE TABLE health (
        account_id TEXT PRIMARY KEY, state TEXT NOT NULL,
        surplus_low_wad TEXT NOT NULL, surplus_mid_wad TEXT NOT NULL, surplus_high_wad TEXT NOT NULL,
        initial_surplus_low_wad TEXT NOT NULL, initial_surplus_mid_wad TEXT NOT NULL,
        initial_surplus_high_wad TEXT NOT NULL,
        health_low_wad TEXT, health_mid_wad TEXT, health_high_wad TEXT,
        equity_low_wad TEXT NOT NULL, equity_mid_wad TEXT NOT NULL, equity_high_wad TEXT NOT NULL,
        assets_mid_wad TEXT NOT NULL, requirement_mid_wad TEXT NOT NULL, maintenance_mid_wad TEXT NOT NULL,
        cut TEXT NOT NULL, price_set TEXT NOT NULL, unknown_because TEXT NOT NULL,
        at_ms INTEGER NOT NULL) STRICT""",
)

TABLES_V1 = (*JOURNAL, *RUNS, *DECISIONS, *TRANSACTIONS, *ATTESTATIONS, *ALERTS, *OBSERVATIONS)
CHANGES_V2 = (
    """CREATE TABLE pauses (
        scope TEXT PRIMARY KEY, since_ms INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL) STRICT""",
    """CREATE TABLE pause_history (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, scope TEXT NOT NULL, action TEXT NOT NULL,
        who TEXT NOT NULL, why TEXT NOT NULL) STRICT""",
)
"""What version 2 adds: who has told the keeper to hold back, where and why."""

CHANGES_V3 = ("ALTER TABLE legs ADD COLUMN options TEXT NOT NULL DEFAULT '[]'",)
"""What version 3 adds: the options of a leg."""

CHANGES_V4 = (
    """CREATE TABLE multipliers (
        asset TEXT PRIMARY KEY, multiplier_bps INTEGER NOT NULL, why TEXT NOT NULL, since_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE parameter_history (
        seq INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, asset TEXT NOT NULL,
        name TEXT NOT NULL, before_bps INTEGER NOT NULL, after_bps INTEGER NOT NULL, why TEXT NOT NULL,
        PRIMARY KEY (seq, number)) STRICT""",
)
"""What version 4 adds: how much stricter than configured new risk is asked for now, and every change of it."""

CHANGES_V5 = (
    "ALTER TABLE prices ADD COLUMN holds TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE prices ADD COLUMN paths TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE quotes ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE quotes ADD COLUMN confidence_wad TEXT",
    """CREATE TABLE sources (
        source TEXT PRIMARY KEY, circuit TEXT NOT NULL, failures_in_a_row INTEGER NOT NULL, quotes INTEGER NOT NULL,
        changes INTEGER NOT NULL, failed INTEGER NOT NULL, report TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT""",
)
"""What version 5 adds: what holds a price, which paths lead to it, how sure quotes are, and how each source does."""

CHANGES_V6 = (
    "ALTER TABLE intents ADD COLUMN max_cost_wei TEXT",
    "ALTER TABLE attempts ADD COLUMN l1_fee_wei TEXT NOT NULL DEFAULT '0'",
)
"""What version 6 adds: what an intent may cost at most, and what a rollup charges for a transaction's data."""

CHANGES_V7 = (
    """CREATE TABLE venue_verdicts (
        verdict_id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, at_ms INTEGER NOT NULL, chain TEXT NOT NULL,
        venue TEXT NOT NULL, account_id TEXT NOT NULL, borrower TEXT NOT NULL, market TEXT NOT NULL,
        block_number INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, health_wad TEXT,
        collateral_value TEXT NOT NULL, debt_value TEXT NOT NULL, plan TEXT) STRICT""",
    "CREATE INDEX venue_verdicts_by_account ON venue_verdicts (account_id, seq)",
    """CREATE TABLE venue_endings (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, chain TEXT NOT NULL, venue TEXT NOT NULL,
        account_id TEXT NOT NULL, borrower TEXT NOT NULL, market TEXT NOT NULL, ending TEXT NOT NULL,
        detail TEXT NOT NULL, block_number INTEGER NOT NULL, verdict_id TEXT NOT NULL, tx_hash TEXT NOT NULL,
        liquidator TEXT NOT NULL, debt_token TEXT NOT NULL, collateral_token TEXT NOT NULL, repaid TEXT NOT NULL,
        seized TEXT NOT NULL, bad_debt TEXT NOT NULL, expected_repaid TEXT, expected_seized TEXT) STRICT""",
    "CREATE INDEX venue_endings_by_account ON venue_endings (account_id, seq)",
    """CREATE TABLE venue_accounts (
        chain TEXT NOT NULL, venue TEXT NOT NULL, borrower TEXT NOT NULL, market TEXT NOT NULL,
        account_id TEXT NOT NULL, health_wad TEXT, collateral_value TEXT NOT NULL, debt_value TEXT NOT NULL,
        obstacle TEXT, holdings TEXT NOT NULL, block_number INTEGER NOT NULL, block_timestamp_s INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, PRIMARY KEY (chain, venue, borrower, market)) STRICT""",
    "CREATE INDEX venue_accounts_by_account ON venue_accounts (account_id)",
)
"""What version 7 adds: verdicts on borrowers at venues, what became of them, and how each stands."""

_UNIFIED = """owner TEXT NOT NULL, state TEXT NOT NULL,
        surplus_low_wad TEXT NOT NULL, surplus_mid_wad TEXT NOT NULL, surplus_high_wad TEXT NOT NULL,
        health_low_wad TEXT, health_mid_wad TEXT, health_high_wad TEXT,
        equity_low_wad TEXT NOT NULL, equity_mid_wad TEXT NOT NULL, equity_high_wad TEXT NOT NULL,
        cut TEXT NOT NULL, price_set TEXT NOT NULL, unknown_because TEXT NOT NULL, venues TEXT NOT NULL"""

CHANGES_V8 = (
    f"CREATE TABLE unified (account_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, {_UNIFIED}) STRICT",
    f"""CREATE TABLE unified_changes (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, account_id TEXT NOT NULL, previous TEXT, {_UNIFIED}) STRICT""",
    "CREATE INDEX unified_changes_by_account ON unified_changes (account_id, seq)",
)
"""What version 8 adds: how accounts with legs at venues stand over all their legs, and each change of it."""

CHANGES_V9 = (
    """CREATE TABLE settlements (
        settlement_id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, at_ms INTEGER NOT NULL, chain TEXT NOT NULL,
        market TEXT NOT NULL, expiry_s INTEGER NOT NULL, account_id TEXT NOT NULL, series TEXT NOT NULL,
        size_wad TEXT NOT NULL, settlement_wad TEXT NOT NULL, value_wad TEXT NOT NULL, round_id TEXT NOT NULL,
        block_number INTEGER NOT NULL, reason TEXT NOT NULL) STRICT""",
    "CREATE INDEX settlements_by_account ON settlements (account_id, seq)",
)
"""What version 9 adds: what was due for options that expired."""

CHANGES_V10 = (
    "ALTER TABLE chain_status ADD COLUMN since_ms INTEGER",
    """CREATE TABLE chain_stops (
        chain TEXT PRIMARY KEY, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, reason TEXT NOT NULL) STRICT""",
    """CREATE TABLE missed_logs (
        seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, chain TEXT NOT NULL, first_block INTEGER NOT NULL,
        last_block INTEGER NOT NULL, logs TEXT NOT NULL) STRICT""",
    """CREATE TABLE log_passes (
        chain TEXT PRIMARY KEY, first_block INTEGER NOT NULL, last_block INTEGER NOT NULL, logs INTEGER NOT NULL,
        at_ms INTEGER NOT NULL) STRICT""",
    """CREATE TABLE endpoints (
        chain TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, standing TEXT NOT NULL,
        reason TEXT NOT NULL, height INTEGER, failures INTEGER NOT NULL, abilities TEXT NOT NULL,
        at_ms INTEGER NOT NULL, PRIMARY KEY (chain, number)) STRICT""",
)
"""What version 10 adds: since when a chain is as it is, who stopped, logs found late, how its endpoints stand."""

TABLES = (
    *(*TABLES_V1, *CHANGES_V2, *CHANGES_V3, *CHANGES_V4),
    *(*CHANGES_V5, *CHANGES_V6, *CHANGES_V7, *CHANGES_V8),
    *(*CHANGES_V9, *CHANGES_V10),
)
"""Every table of the newest version."""

DURABLE = (
    "runs",
    "configs",
    "chains",
    "operator_actions",
    "pauses",
    "pause_history",
    "decisions",
    "plans",
    "steps",
    "notices",
    "claims",
    "intents",
    "slots",
    "attempts",
    "receipts",
    "attestations",
    "attestation_answers",
    "signed_attestations",
    "alerts",
    "multipliers",
    "parameter_history",
    "venue_verdicts",
    "venue_endings",
    "unified_changes",
    "settlements",
    "chain_stops",
    "missed_logs",
)
"""Tables that are folds of the journal: rebuilding them must give the same rows."""

OBSERVED = (
    "heads",
    "chain_status",
    "price_sets",
    "prices",
    "quotes",
    "sources",
    "accounts",
    "legs",
    "health",
    "venue_accounts",
    "unified",
    "log_passes",
    "endpoints",
)
"""Tables of observations, bounded by retention, not in the journal."""
