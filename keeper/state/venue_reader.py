"""Reading what the log knows of accounts at venues, and of accounts over hubs and venues together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chains.venues.venue import Borrower, Obstacle, VenueHealth
from keeper.domain.health import AccountState
from keeper.planner.codec import decode
from keeper.state.errors import LogUnreadable
from keeper.state.reader import LogReader, Row
from keeper.venues.identity import VENUE_LIQUIDATION
from keeper.venues.view import Holding, VenueAccount


@dataclass(frozen=True, slots=True)
class Unended:
    """A verdict whose call was sent, and of which no ending was told yet: its event may have come while nobody listened."""

    venue: str
    borrower: Borrower
    verdict_id: str
    health_wad: int | None
    block_number: int


def read_unended(path: Path, chain: str) -> tuple[list[Unended], list[tuple[str, Borrower]]]:
    """Return what a chain's venues still owe an ending, oldest first, and the endings told since, by transaction."""
    try:
        with LogReader(path) as log:
            rows = log.select(
                "SELECT venue, borrower, market, verdict_id, health_wad, venue_verdicts.block_number "
                "FROM venue_verdicts JOIN intents ON intents.decision_id = verdict_id "
                "WHERE venue_verdicts.chain = ? AND venue_verdicts.reason = 'send' AND nonce IS NOT NULL "
                "AND intents.state NOT IN ('final_reverted', 'final_cancelled', 'final_lost_nonce') "
                "AND verdict_id NOT IN (SELECT verdict_id FROM venue_endings) ORDER BY venue_verdicts.seq",
                (chain,),
            )
            first = min((int(row["block_number"]) for row in rows), default=0)
            told = log.select(
                "SELECT tx_hash, borrower, market FROM venue_endings "
                "WHERE chain = ? AND block_number >= ? AND tx_hash != ''",
                (chain, first),
            )
    except LogUnreadable:
        return [], []
    unended = [
        Unended(
            row["venue"],
            Borrower(row["borrower"], row["market"]),
            row["verdict_id"],
            row["health_wad"],
            int(row["block_number"]),
        )
        for row in rows
    ]
    return unended, [(row["tx_hash"], Borrower(row["borrower"], row["market"])) for row in told]


def read_unified_states(path: Path) -> dict[str, AccountState]:
    """Return each account's last told state over all its legs; none while there is no log."""
    try:
        with LogReader(path) as log:
            rows = log.select("SELECT account_id, state, max(seq) FROM unified_changes GROUP BY account_id")
    except LogUnreadable:
        return {}
    return {row["account_id"]: AccountState(row["state"]) for row in rows}


def unified(log: LogReader, account_id: str | None = None, limit: int = 1_000) -> list[Row]:
    """Return how accounts stand over all their legs, the least healthy first; who owes nothing comes last."""
    rows = log.select(
        "SELECT * FROM unified" if account_id is None else "SELECT * FROM unified WHERE account_id = ?",
        () if account_id is None else (account_id,),
    )
    return sorted(rows, key=lambda row: (row["health_mid_wad"] is None, row["health_mid_wad"] or 0))[:limit]


def changes(log: LogReader, account_id: str) -> list[Row]:
    """Return an account's changes over all its legs, newest first."""
    return log.select("SELECT * FROM unified_changes WHERE account_id = ? ORDER BY seq DESC", (account_id,))


def at_venues(log: LogReader, account_id: str | None = None) -> list[VenueAccount]:
    """Return the accounts at venues, as last told."""
    rows = log.select(
        "SELECT * FROM venue_accounts ORDER BY chain, venue, borrower, market"
        if account_id is None
        else "SELECT * FROM venue_accounts WHERE account_id = ? ORDER BY chain, venue, market",
        () if account_id is None else (account_id,),
    )
    return [_account(row) for row in rows]


def verdicts(log: LogReader, account_id: str) -> list[Row]:
    """Return what was found of an account at venues, newest first; `plan` is an object."""
    rows = log.select("SELECT * FROM venue_verdicts WHERE account_id = ? ORDER BY seq DESC", (account_id,))
    return [row | {"plan": None if row["plan"] is None else json.loads(row["plan"])} for row in rows]


def endings(log: LogReader, account_id: str) -> list[Row]:
    """Return what became of an account at venues, newest first."""
    return log.select("SELECT * FROM venue_endings WHERE account_id = ? ORDER BY seq DESC", (account_id,))


def calls(log: LogReader, account_id: str) -> list[Row]:
    """Return our calls at venues for an account that were mined with effect, newest first."""
    return log.select(
        "SELECT intents.chain, position_key, decision_id, receipts.block_number, receipts.tx_hash FROM intents "
        "JOIN receipts ON receipts.intent_id = intents.intent_id WHERE account_id = ? AND action = ? "
        "AND receipts.canonical = 1 AND receipts.status = 1 AND intents.state IN ('mined', 'final_ok') "
        "ORDER BY created_seq DESC",
        (account_id, VENUE_LIQUIDATION),
    )


def known_at_venues(log: LogReader, start: str) -> Sequence[str]:
    """Return the ids of accounts at venues that begin so."""
    rows = log.select(
        "SELECT DISTINCT account_id FROM venue_accounts WHERE substr(account_id, 1, ?) = ?",
        (len(start), start.lower()),
    )
    return [row["account_id"] for row in rows]


def _account(row: Row) -> VenueAccount:
    health = None if row["health_wad"] is None else int(row["health_wad"])
    obstacle = None if row["obstacle"] is None else Obstacle(row["obstacle"])
    return VenueAccount(
        row["chain"],
        row["venue"],
        row["account_id"],
        Borrower(row["borrower"], row["market"]),
        VenueHealth(health, int(row["collateral_value"]), int(row["debt_value"]), obstacle),
        tuple(decode(Holding, each) for each in json.loads(row["holdings"])),
        int(row["block_number"]),
        int(row["block_timestamp_s"]),
    )
