"""What the journal says is on chain: per chain and sender the nonces taken, with each transaction that may have taken it.

Read from the journal alone, as the other checks of `keeper verify`: no table and no code of the daemon is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry, read_journal

LOST = "final_lost_nonce"
ENDS = frozenset({"final_ok", "final_reverted", "final_cancelled", LOST, "skipped"})


@dataclass(frozen=True, slots=True)
class Mined:
    """A receipt that the journal holds for canonical."""

    tx_hash: str
    block_hash: str
    block_number: int
    succeeded: bool


@dataclass(slots=True)
class Slot:
    """One nonce: every transaction that was signed for it, what became of it, and whether it has ended."""

    nonce: int
    intent_id: str
    transactions: list[str] = field(default_factory=list)
    mined: dict[str, Mined] = field(default_factory=dict)
    state: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in ENDS


Claims = Mapping[tuple[str, str], Mapping[int, Slot]]
"""Slots by (chain, sender) and nonce."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the journal says: slots, and each chain's id and first block as they were pinned."""

    slots: Claims
    chains: Mapping[str, tuple[int, str]]


def claimed_by(path: Path) -> Claimed:
    """Read the journal of the log at `path`. Whether its hashes hold is another check's."""
    return collect(read_journal(path, Finding("hash_chain", "")))


def collect(entries: Iterable[LoggedEntry]) -> Claimed:
    """Fold the journal's entries."""
    slots: dict[tuple[str, str], dict[int, Slot]] = {}
    chains: dict[str, tuple[int, str]] = {}
    by_intent: dict[str, Slot] = {}
    for entry in entries:
        body = entry.body
        match entry.kind:
            case "chain_known":
                chains[body["chain"]] = (int(body["chain_id"]), body["genesis_hash"])
            case "intent_signed":
                attempt, nonce = body["attempt"], int(body["attempt"]["nonce"])
                lane = slots.setdefault((body["intent"]["chain"], attempt["sender"]), {})
                slot = lane.setdefault(nonce, Slot(nonce, attempt["intent_id"]))
                slot.transactions.append(attempt["tx_hash"])
                by_intent[attempt["intent_id"]] = slot
            case "attempt_signed":
                its = by_intent.get(body["attempt"]["intent_id"])
                if its is not None:
                    its.transactions.append(body["attempt"]["tx_hash"])
            case "receipt_seen" | "receipt_gone" | "intent_moved":
                _follow(by_intent.get(body["intent_id"]), entry)
    return Claimed(slots, chains)


def _follow(slot: Slot | None, entry: LoggedEntry) -> None:
    if slot is None:
        return
    body = entry.body
    if entry.kind == "intent_moved":
        slot.state = body["state"]
        return
    if entry.kind == "receipt_seen":
        slot.mined[body["tx_hash"]] = Mined(
            body["tx_hash"], body["block_hash"], int(body["block_number"]), str(body["status"]) == "1"
        )
        return
    mined = slot.mined.get(body["tx_hash"])
    if entry.kind == "receipt_gone" and mined is not None and mined.block_hash == body["block_hash"]:
        del slot.mined[body["tx_hash"]]
