"""Invariants 1 and 11: who was liquidated was certainly liquidatable, and an unknown account never was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chains.hub.attestation import Action
from config.units import WAD
from keeper.views.audit.attestations import WITHOUT_A_WORD, AttestationsAudit
from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry

_NEEDS_HEALTH_BELOW_ONE = (Action.CLOSE, Action.REPAY, Action.REPAY_CROSS, Action.OPTION_CLOSE)
_LIQUIDATABLE = ("liquidatable", "bankrupt")


class LiquidationsAudit:
    """Joins each signed intent with the decision and the attestation it rests on.

    Give it every entry after `attestations`. A seizure needs no state of its own: it is paid for a claim that
    was earned while the account was liquidatable.
    """

    def __init__(self, attestations: AttestationsAudit) -> None:
        self._attestations = attestations
        self._states: dict[str, str] = {}
        self._claims: set[str] = set()
        self._certain = Finding(
            "liquidatable", "who was liquidated was certainly liquidatable, in decision and attestation"
        )
        self._unknown = Finding(
            "unknown", "an unknown account is never healthy, never liquidatable, never planned for"
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        match entry.kind:
            case "decision_made":
                self._decision(entry.body)
            case "claim_moved":
                self._claims.add(entry.body["claim"])
            case "intent_signed" if entry.body["intent"]["action"] not in WITHOUT_A_WORD:
                self._intent(entry.body["intent"])
            case _:
                return

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._certain, self._unknown)

    def _decision(self, body: Mapping[str, Any]) -> None:
        self._states[body["decision_id"]] = body["state"]
        if body["unknown_because"]:
            self._unknown.expect(
                f"decision {body['decision_id']} misses evidence and says {body['state']}",
                holds=body["state"] == "unknown",
            )
        if body["state"] == "unknown":
            steps = [step for plan in body["plan"] for step in plan["steps"]]
            self._unknown.expect(
                f"decision {body['decision_id']} plans for an unknown account", holds=not steps
            )

    def _intent(self, intent: Mapping[str, Any]) -> None:
        name = f"intent {intent['intent_id']}"
        action = Action(int(intent["action"]))
        state = self._states.get(intent["decision_id"])
        self._unknown.expect(f"{name} acts on an unknown account", holds=state != "unknown")
        asked = self._attestations.behind(intent)
        if action is Action.SEIZE:
            claim = None if asked is None else asked.attestation.claim
            self._certain.expect(
                f"{name} seizes for claim {claim}, which this log never saw", holds=claim in self._claims
            )
            return
        self._certain.expect(f"{name} rests on a decision that says {state}", holds=state in _LIQUIDATABLE)
        if asked is not None and action in _NEEDS_HEALTH_BELOW_ONE:
            health = asked.attestation.health
            self._certain.expect(f"{name} was attested with health {health}", holds=health < WAD)
