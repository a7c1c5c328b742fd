"""Margin-call notices: once when called, again when it gets worse, and when it is over."""

from __future__ import annotations

from collections.abc import Mapping

from config.units import format_wad
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.margin.parameters import RiskPolicy
from keeper.state.entries import NoticeSent

_SEVERITY: Mapping[AccountState, int] = {
    AccountState.HEALTHY: 0,
    AccountState.MARGIN_CALL: 1,
    AccountState.AT_RISK: 2,
    AccountState.LIQUIDATABLE: 3,
    AccountState.BANKRUPT: 4,
}


class Notices:
    """Turns changes of state into notices. Unknown says nothing, so what was known before still counts."""

    def __init__(self, policy: RiskPolicy) -> None:
        self._threshold = format_wad(policy.margin_call_health_wad, 2)
        self._known: dict[str, AccountState] = {}

    def of(self, decision: Decision) -> list[NoticeSent]:
        """Return the notice that this decision calls for, if any. It counts once `told` was called."""
        state = decision.state
        if state is AccountState.UNKNOWN:
            return []
        before = _SEVERITY[self._known.get(decision.account_id, AccountState.HEALTHY)]
        after = _SEVERITY[state]
        if after == before:
            return []
        kind = (
            "cleared"
            if after == 0
            else "called"
            if before == 0
            else "worsened"
            if after > before
            else "eased"
        )
        if kind == "eased":
            return []
        health = decision.health
        low = None if health.health is None else health.health.low
        shown = "no requirement" if low is None else f"health {format_wad(low)} at the low end"
        detail = f"{state}: {shown}, notice below {self._threshold}; surplus {format_wad(health.surplus.low, 2)} USD"
        return [NoticeSent(decision.account_id, kind, low, health.surplus.low, detail)]

    def told(self, decision: Decision) -> None:
        """Note that what this decision called for is in the log."""
        if decision.state is AccountState.HEALTHY:
            self._known.pop(decision.account_id, None)
        elif decision.state is not AccountState.UNKNOWN:
            self._known[decision.account_id] = decision.state
