"""What was sent for options that expired rests on what was written of them before, to the last byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chains.hub.options import market_key
from chains.hub.settlement import fix_call, settle_call
from keeper.domain.settlement import SETTLEMENTS
from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry

ACTIONS = frozenset(str(action) for action in SETTLEMENTS)
"""Actions of intents that need nobody's word but the option desk's."""


class SettlementsAudit:
    """Joins each signed intent of a settlement with what was due."""

    def __init__(self) -> None:
        self._due: dict[str, Mapping[str, Any]] = {}
        self._finding = Finding("settlements", "what was sent for expired options was due, and nothing else")

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind == "settlement_due":
            self._due[entry.body["settlement_id"]] = entry.body
        elif entry.kind == "intent_signed" and entry.body["intent"]["action"] in ACTIONS:
            self._intent(entry.body["intent"])

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._finding,)

    def _intent(self, intent: Mapping[str, Any]) -> None:
        name = f"intent {intent['intent_id']}"
        its = self._due.get(intent["decision_id"])
        if its is None:
            self._finding.expect(f"{name} rests on no settlement of this log", holds=False)
            return
        same = (its["account_id"], its["chain"]) == (intent["account_id"], intent["chain"])
        self._finding.expect(f"{name} is of another account than was due", holds=same)
        expected = (
            settle_call(its["series"], [its["account_id"]])
            if its["series"]
            else fix_call(market_key(its["market"]), int(its["expiry_s"]), int(its["round_id"]))
        )
        self._finding.expect(
            f"{name} calls something else than was due", holds=intent["calldata"] == "0x" + expected.hex()
        )
