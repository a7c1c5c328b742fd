"""What a seed's state log tells when all is over: what happened that is hard to see from outside."""

from __future__ import annotations

from pathlib import Path

from keeper.state.reader import LogReader

TOLD = {
    "a replacement was mined": (
        "SELECT count(*) AS n FROM receipts JOIN attempts USING (tx_hash)"
        " WHERE canonical = 1 AND attempts.number > 0 AND attempts.is_cancel = 0"
    ),
    "a cancel lost its race": (
        "SELECT count(DISTINCT intents.intent_id) AS n FROM intents JOIN attempts USING (intent_id)"
        " WHERE attempts.is_cancel = 1 AND intents.state IN ('final_ok', 'mined', 'final_reverted')"
    ),
    "a cancel won": "SELECT count(*) AS n FROM intents WHERE state = 'final_cancelled'",
    "a nonce was lost to another": "SELECT count(*) AS n FROM intents WHERE state = 'final_lost_nonce'",
    "a gap was filled": "SELECT count(*) AS n FROM intents WHERE action = 0",
    "a step was final": "SELECT count(*) AS n FROM intents WHERE state = 'final_ok'",
    "a mined step lost its block": "SELECT count(*) AS n FROM receipts WHERE canonical = 0",
    "the log came back": "SELECT count(*) AS n FROM journal WHERE kind = 'log_recovered'",
    "the process began anew": "SELECT count(*) - 1 AS n FROM journal WHERE kind = 'run_started'",
    "sent again": "SELECT count(*) AS n FROM attempts WHERE sends > 1",
    "an account was unknown": "SELECT count(*) AS n FROM decisions WHERE state = 'unknown'",
    "an account was at risk": "SELECT count(*) AS n FROM decisions WHERE state = 'at_risk'",
    "a receipt was hidden for long": "SELECT count(*) AS n FROM alerts WHERE dedupe_key LIKE 'hidden_receipt/%'",
    "an account was bankrupt": "SELECT count(*) AS n FROM decisions WHERE state = 'bankrupt'",
}


def told_by_the_log(path: Path) -> dict[str, int]:
    """Return how often each happened."""
    with LogReader(path) as log:
        found = {what: log.one(sql) for what, sql in TOLD.items()}
    return {what: int(row["n"]) for what, row in found.items() if row is not None}


def lost_to_others(path: Path) -> set[str]:
    """Return every transaction of the intents whose nonce counts as used by somebody else."""
    with LogReader(path) as log:
        rows = log.select(
            "SELECT tx_hash FROM attempts JOIN intents USING (intent_id) WHERE intents.state = 'final_lost_nonce'"
        )
    return {row["tx_hash"] for row in rows}


def missed_receipts(path: Path) -> list[str]:
    """Return the open alerts about receipts that nobody shows."""
    with LogReader(path) as log:
        rows = log.select(
            "SELECT dedupe_key FROM alerts WHERE dedupe_key LIKE 'hidden_receipt/%' AND closed_at_ms IS NULL"
        )
    return [row["dedupe_key"] for row in rows]


def twice_mined(path: Path) -> list[str]:
    """Return the intents of which two transactions are on the chain as the log has it."""
    with LogReader(path) as log:
        rows = log.select(
            "SELECT attempts.intent_id FROM receipts JOIN attempts USING (tx_hash) WHERE canonical = 1"
            " GROUP BY attempts.intent_id HAVING count(*) > 1"
        )
    return [row["intent_id"] for row in rows]
