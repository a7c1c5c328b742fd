"""What a start needs from the log: live intents with every attempt, the nonces used, open claims, pauses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from keeper.domain.intent import Attempt, Intent, IntentState
from keeper.domain.pause import Pause, Pauses
from keeper.state.entries import ClaimMoved
from keeper.state.reader import LogReader, Row
from keeper.state.schema import ENDED


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """An attempt with what is known of its sends."""

    attempt: Attempt
    sends: int
    last_send_class: str | None
    last_sent_block: int | None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """The canonical receipt an intent was mined with, as far as the log knows."""

    tx_hash: str
    block_hash: str
    block_number: int
    status: int


@dataclass(frozen=True, slots=True)
class LiveIntent:
    """An intent that has a slot and has not ended."""

    intent: Intent
    sender: str
    nonce: int
    state: IntentState
    blocked: str | None
    cancelling: bool
    reason: str
    attempts: tuple[StoredAttempt, ...]
    receipt: StoredReceipt | None


@dataclass(frozen=True, slots=True)
class StoredCost:
    """What a canonical receipt cost, when it was seen, who paid, and the contract that was called: none by a cancel."""

    tx_hash: str
    block_hash: str
    cost_wei: int
    seen_at_ms: int
    sender: str
    target: str


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """All of one (chain, sender) that still matters. `next_nonce` follows the highest slot, None without any.

    `costs` are the chain's, whoever sent: limits are for all signers together, also those that are not used any more.
    """

    live: tuple[LiveIntent, ...]
    costs: tuple[StoredCost, ...]
    next_nonce: int | None


def read_lane(path: Path, chain_id: int, sender: str, costs_since_ms: int) -> LaneRecord:
    """Return the live intents of a lane in nonce order, and its chain's costs since a time. Blocks; one consistent read."""
    with LogReader(path) as log, log.snapshot():
        rows = log.select(
            f"SELECT * FROM intents WHERE chain_id = ? AND sender = ? AND state NOT IN {ENDED} "  # noqa: S608 - fixed
            "ORDER BY nonce",
            (chain_id, sender),
        )
        top = log.one(
            "SELECT max(nonce) AS nonce FROM slots WHERE chain_id = ? AND sender = ?", (chain_id, sender)
        )
        next_nonce = None if top is None or top["nonce"] is None else int(top["nonce"]) + 1
        costs = log.select(
            "SELECT receipts.tx_hash, block_hash, cost_wei, seen_at_ms, attempts.sender, "
            "CASE WHEN is_cancel THEN '' ELSE lower(contract) END AS target FROM receipts "
            "JOIN attempts ON attempts.tx_hash = receipts.tx_hash "
            "JOIN intents ON intents.intent_id = receipts.intent_id "
            "WHERE canonical = 1 AND attempts.chain_id = ? AND seen_at_ms > ?",
            (chain_id, costs_since_ms),
        )
        return LaneRecord(
            tuple(_live(log, row) for row in rows), tuple(StoredCost(**cost) for cost in costs), next_nonce
        )


def read_live_senders(path: Path) -> set[tuple[int, str]]:
    """Return (chain id, address) of everyone who has an intent that has not ended. Blocks."""
    with LogReader(path) as log:
        rows = log.select(
            f"SELECT DISTINCT chain_id, sender FROM intents WHERE state NOT IN {ENDED}"  # noqa: S608 - fixed
        )
    return {(row["chain_id"], row["sender"]) for row in rows if row["sender"] is not None}


def read_pauses(path: Path) -> Pauses:
    """Return the pauses in force, the oldest first."""
    with LogReader(path) as log:
        rows = log.select("SELECT scope, since_ms, who, why FROM pauses ORDER BY since_ms, scope")
    return Pauses(tuple(Pause(row["scope"], row["since_ms"], row["who"], row["why"]) for row in rows))


def read_chain_stops(path: Path) -> dict[str, str]:
    """Return why chains are stopped until a person resumes them, by chain. Blocks."""
    with LogReader(path) as log:
        return {row["chain"]: row["reason"] for row in log.select("SELECT chain, reason FROM chain_stops")}


def read_last_prices(log: Path) -> dict[str, int]:
    """Return the middle of the newest price of each asset that had one in the last thousand sets, USD wad.

    Raises `LogUnreadable` like every reader.
    """
    with LogReader(log) as reader:
        rows = reader.select(
            "SELECT asset, mid_wad, max(seen_at_ms) FROM prices JOIN price_sets USING (price_set)"
            " WHERE mid_wad IS NOT NULL AND price_set IN"
            " (SELECT price_set FROM price_sets ORDER BY seen_at_ms DESC LIMIT 1000) GROUP BY asset"
        )
    return {row["asset"]: int(row["mid_wad"]) for row in rows}


def read_open_claims(path: Path) -> dict[str, dict[str, ClaimMoved]]:
    """Return the claims that are open as far as the log knows, by account and claim. Blocks."""
    found: dict[str, dict[str, ClaimMoved]] = {}
    with LogReader(path) as log:
        for row in log.select("SELECT * FROM claims WHERE state = 'open'"):
            found.setdefault(row["account_id"], {})[row["claim"]] = ClaimMoved(
                claim=row["claim"],
                state=row["state"],
                account_id=row["account_id"],
                source_chain=row["source_chain"],
                target_chain=row["target_chain"],
                target_token=row["target_token"],
                value_wad=row["value_wad"],
                beneficiary=row["beneficiary"],
                chain=row["last_chain"],
                block_number=row["last_block_number"],
                block_hash=row["last_block_hash"],
            )
    return found


def _live(log: LogReader, row: Row) -> LiveIntent:
    key = (row["intent_id"],)
    attempts = log.select("SELECT * FROM attempts WHERE intent_id = ? ORDER BY number", key)
    receipt = log.one(
        "SELECT tx_hash, block_hash, block_number, status FROM receipts WHERE intent_id = ? AND canonical = 1 "
        "ORDER BY rowid DESC LIMIT 1",
        key,
    )
    values = {field.name: row[field.name] for field in fields(Intent)}
    values["sequence"] = int(values["sequence"])
    return LiveIntent(
        intent=Intent(**values),
        sender=row["sender"],
        nonce=row["nonce"],
        state=IntentState(row["state"]),
        blocked=row["blocked"],
        cancelling=bool(row["cancelling"]),
        reason=row["reason"],
        attempts=tuple(_attempt(attempt) for attempt in attempts),
        receipt=None if receipt is None else StoredReceipt(**receipt),
    )


def _attempt(row: Row) -> StoredAttempt:
    values = {field.name: row[field.name] for field in fields(Attempt)}
    values["is_cancel"] = bool(values["is_cancel"])
    return StoredAttempt(Attempt(**values), row["sends"], row["last_send_class"], row["last_sent_block"])
