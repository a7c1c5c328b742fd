"""Invariant 9: spending never passes a limit, failures and cancels included."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.settings_used import SettingsUsed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class _Cost(NamedTuple):
    at_ms: int
    tx_hash: str
    cost_wei: int


class SpendingAudit:
    """Adds up what was mined, per chain and window."""

    def __init__(self, settings: SettingsUsed) -> None:
        self._settings = settings
        self._chain_of: dict[str, str] = {}
        self._day: dict[str, deque[_Cost]] = {}
        self._finding = Finding("spending", "no transaction, hour or day passed its spending limit")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "intent_signed":
            intent = entry.body["intent"]
            self._chain_of[intent["intent_id"]] = intent["chain"]
        elif entry.kind == "receipt_seen":
            self._mined(entry)

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._finding,)

    def _mined(self, entry: LoggedEntry) -> None:
        limits = self._settings.current.limits
        chain = self._chain_of.get(entry.body["intent_id"], "?")
        day = self._day.setdefault(chain, deque())
        while day and entry.at_ms - day[0].at_ms >= DAY_MS:
            day.popleft()
        cost_wei = int(entry.body["cost_wei"])
        # The same transaction may be seen again in another block: it was paid once.
        if all(cost.tx_hash != entry.body["tx_hash"] for cost in day):
            day.append(_Cost(entry.at_ms, entry.body["tx_hash"], cost_wei))
        if limits is None:
            return
        hour_wei = sum(cost.cost_wei for cost in day if entry.at_ms - cost.at_ms < HOUR_MS)
        day_wei = sum(cost.cost_wei for cost in day)
        for what, spent, limit in (
            ("transaction", cost_wei, limits.max_per_transaction_wei),
            ("hour", hour_wei, limits.max_per_hour_wei),
            ("day", day_wei, limits.max_per_day_wei),
        ):
            self._finding.expect(
                f"entry {entry.seq}: {spent} wei in one {what} on {chain} passes {limit}",
                holds=spent <= limit,
            )
