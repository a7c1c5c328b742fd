"""Invariants 2, 3 and 7: one nonce and one mined transaction per intent, written before sent, none forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.signed_bytes import read_transaction

_ENDS = ("final_ok", "final_reverted", "final_cancelled", "final_lost_nonce", "skipped")

RESUME_WITHIN_MS = 60_000
"""How long after a start a live intent may wait for its first sign of life."""


@dataclass(slots=True)
class _Intent:
    """What the journal says of one intent."""

    position: tuple[str, str, str]
    slot: tuple[str, str, str]
    fields: Mapping[str, Any]
    mined: set[tuple[str, str]] = field(default_factory=set)
    touched_seq: int = 0
    ended: bool = False


class TransactionsAudit:
    """Follows every intent from its first signature to its end."""

    def __init__(self) -> None:
        self._intents: dict[str, _Intent] = {}
        self._attempts: dict[str, str] = {}
        self._live: dict[tuple[str, str, str], str] = {}
        self._slots: dict[tuple[str, str, str], str] = {}
        self._run: LoggedEntry | None = None
        self._last: LoggedEntry | None = None
        self._one_mined = Finding("one_mined", "an intent has at most one mined transaction")
        self._one_live = Finding(
            "one_live", "a position has at most one live intent, a nonce only one intent"
        )
        self._written_first = Finding(
            "written_first", "nothing was sent or mined that was not in the log before"
        )
        self._signed = Finding(
            "signed_bytes", "the signed bytes are what was meant: chain, nonce, contract, call, sender"
        )
        self._resumed = Finding("resumed", "every live intent was resumed after the last start")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        self._last = entry
        match entry.kind:
            case "run_started":
                self._run = entry
            case "intent_signed":
                self._open(entry)
                self._sign(entry.body["attempt"])
            case "attempt_signed":
                self._sign(entry.body["attempt"])
            case "attempt_sent" | "receipt_seen" | "receipt_gone":
                self._sent_or_mined(entry)
            case "intent_moved":
                self._move(entry)
            case _:
                return
        self._touch(entry)

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        for intent_id, intent in self._intents.items():
            transactions = {tx_hash for tx_hash, _ in intent.mined}
            self._one_mined.expect(
                f"intent {intent_id} was mined {len(transactions)} times", holds=len(transactions) <= 1
            )
            if not intent.ended:
                self._expect_resumed(intent_id, intent)
        return (self._one_mined, self._one_live, self._written_first, self._signed, self._resumed)

    def _open(self, entry: LoggedEntry) -> None:
        intent, attempt = entry.body["intent"], entry.body["attempt"]
        intent_id = intent["intent_id"]
        position = (intent["chain_id"], intent["account_id"], intent["position_key"])
        slot = (intent["chain_id"], attempt["sender"], attempt["nonce"])
        other = self._live.get(position, intent_id)
        self._one_live.expect(
            f"entry {entry.seq}: {intent_id} and {other} are live on one position", holds=other == intent_id
        )
        unmined = self._unmined(position)
        self._one_live.expect(
            f"entry {entry.seq}: {intent_id} begins while {unmined} may still be mined", holds=unmined is None
        )
        owner = self._slots.setdefault(slot, intent_id)
        self._one_live.expect(
            f"entry {entry.seq}: {intent_id} takes the nonce of {owner}", holds=owner == intent_id
        )
        self._live[position] = intent_id
        self._intents[intent_id] = _Intent(position, slot, intent)

    def _unmined(self, position: tuple[str, str, str]) -> str | None:
        """Return the live intent of this position, whatever number its key has, that was not mined."""
        *place, key = position
        for (*other, its), intent_id in self._live.items():
            same = other == place and its.partition("~")[0] == key.partition("~")[0] and its != key
            if same and not self._intents[intent_id].mined:
                return intent_id
        return None

    def _sign(self, attempt: Mapping[str, Any]) -> None:
        intent = self._intents.get(attempt["intent_id"])
        if intent is None:
            self._written_first.fail(f"attempt {attempt['tx_hash']} belongs to no intent of this log")
            return
        self._attempts[attempt["tx_hash"]] = attempt["intent_id"]
        same_slot = (attempt["sender"], attempt["nonce"]) == intent.slot[1:]
        self._one_live.expect(f"attempt {attempt['tx_hash']} left its intent's nonce", holds=same_slot)
        wrong = read_transaction(attempt["raw"]).differences(attempt, intent.fields)
        self._signed.expect(f"attempt {attempt['tx_hash']}: {'; '.join(wrong)}", holds=not wrong)

    def _sent_or_mined(self, entry: LoggedEntry) -> None:
        body = entry.body
        known = self._attempts.get(body["tx_hash"]) == body["intent_id"]
        self._written_first.expect(
            f"entry {entry.seq}: {body['tx_hash']} was {entry.kind} before it was signed in the log",
            holds=known,
        )
        if not known:
            return
        mined = self._intents[body["intent_id"]].mined
        place = (body["tx_hash"], body.get("block_hash", ""))
        if entry.kind == "receipt_seen":
            mined.add(place)
        elif entry.kind == "receipt_gone":
            mined.discard(place)

    def _move(self, entry: LoggedEntry) -> None:
        intent = self._intents.get(entry.body["intent_id"])
        if intent is None:
            self._written_first.fail(f"entry {entry.seq} moves an intent that this log never opened")
        elif entry.body["state"] in _ENDS:
            intent.ended = True
            self._live.pop(intent.position, None)

    def _touch(self, entry: LoggedEntry) -> None:
        body = entry.body
        inner = body.get("attempt") or body
        intent = self._intents.get(inner.get("intent_id", ""))
        if intent is not None:
            intent.touched_seq = entry.seq

    def _expect_resumed(self, intent_id: str, intent: _Intent) -> None:
        if self._run is None or self._last is None or self._last.at_ms - self._run.at_ms < RESUME_WITHIN_MS:
            return
        self._resumed.expect(
            f"intent {intent_id} was live at the start in entry {self._run.seq} and nothing happened to it since",
            holds=intent.touched_seq > self._run.seq,
        )
