"""Invariant 9: spending never passes a limit, failures and cancels included; and no call costs more than it should earn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.settings_used import SettingsUsed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class _Cost(NamedTuple):
    at_ms: int
    tx_hash: str
    cost_wei: int
    target: str


class SpendingAudit:
    """Adds up what was mined, per chain, window and contract; and holds every call against what it should earn."""

    def __init__(self, settings: SettingsUsed) -> None:
        self._settings = settings
        self._intents: dict[str, Mapping[str, Any]] = {}
        self._cancels: set[str] = set()
        self._day: dict[str, deque[_Cost]] = {}
        self._finding = Finding("spending", "no transaction, hour, day or contract passed its spending limit")
        self._worth = Finding("worth", "no call was offered more than it should earn")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "intent_signed":
            intent = entry.body["intent"]
            self._intents[intent["intent_id"]] = intent
            self._signed(entry.body["attempt"])
        elif entry.kind == "attempt_signed":
            self._signed(entry.body["attempt"])
        elif entry.kind == "receipt_seen":
            self._mined(entry)

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._finding, self._worth)

    def _signed(self, attempt: Mapping[str, Any]) -> None:
        if attempt["is_cancel"]:
            self._cancels.add(attempt["tx_hash"])
            return
        most = self._intents.get(attempt["intent_id"], {}).get("max_cost_wei")
        if most is None:
            return
        data_fee_wei = int(attempt.get("l1_fee_wei", 0))
        worst_wei = int(attempt["max_fee_per_gas_wei"]) * int(attempt["gas_limit"]) + data_fee_wei
        self._worth.expect(
            f"attempt {attempt['tx_hash']} may cost {worst_wei} wei, its intent {most}",
            holds=worst_wei <= int(most),
        )

    def _mined(self, entry: LoggedEntry) -> None:
        limits = self._settings.current.limits
        intent = self._intents.get(entry.body["intent_id"], {})
        chain, tx_hash = intent.get("chain", "?"), entry.body["tx_hash"]
        target = "" if tx_hash in self._cancels else str(intent.get("contract", "")).lower()
        day = self._day.setdefault(chain, deque())
        while day and entry.at_ms - day[0].at_ms >= DAY_MS:
            day.popleft()
        cost_wei = int(entry.body["cost_wei"])
        # The same transaction may be seen again in another block: it was paid once.
        if all(cost.tx_hash != tx_hash for cost in day):
            day.append(_Cost(entry.at_ms, tx_hash, cost_wei, target))
        if limits is None:
            return
        hour_wei = sum(cost.cost_wei for cost in day if entry.at_ms - cost.at_ms < HOUR_MS)
        target_wei = sum(cost.cost_wei for cost in day if target and cost.target == target)
        for what, spent, limit in (
            ("transaction", cost_wei, limits.max_per_transaction_wei),
            ("hour", hour_wei, limits.max_per_hour_wei),
            ("day", sum(cost.cost_wei for cost in day), limits.max_per_day_wei),
            (f"day and target {target}", target_wei, limits.max_per_target_per_day_wei),
        ):
            self._finding.expect(
                f"entry {entry.seq}: {spent} wei in one {what} on {chain} passes {limit}",
                holds=limit is None or spent <= limit,
            )
