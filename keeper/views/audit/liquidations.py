"""Invariants 1 and 11: who was liquidated was certainly liquidatable, and an unknown account never was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chains.hub.attestation import Action
from config.units import WAD
from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.settings_used import SettingsUsed

_NEEDS_HEALTH_BELOW_ONE = (Action.CLOSE, Action.REPAY, Action.REPAY_CROSS)
_LIQUIDATABLE = ("liquidatable", "bankrupt")


@dataclass(slots=True)
class _Asked:
    """An attestation and who signed it."""

    attestation: Mapping[str, Any]
    signers: set[str] = field(default_factory=set)


class LiquidationsAudit:
    """Joins each signed intent with the decision and the attestation it rests on."""

    def __init__(self, settings: SettingsUsed) -> None:
        self._settings = settings
        self._states: dict[str, str] = {}
        self._asked: dict[str, _Asked] = {}
        self._by_sequence: dict[tuple[str, str, str], str] = {}
        self._claims: set[str] = set()
        self._certain = Finding(
            "liquidatable", "who was liquidated was certainly liquidatable, in decision and attestation"
        )
        self._quorum = Finding(
            "quorum", "every liquidation had the signatures of a quorum, each asked for before"
        )
        self._unknown = Finding(
            "unknown", "an unknown account is never healthy, never liquidatable, never planned for"
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        body = entry.body
        match entry.kind:
            case "decision_made":
                self._decision(body)
            case "attestation_asked":
                self._asked[body["digest"]] = _Asked(body["attestation"])
                self._by_sequence[body["chain_id"], body["account_id"], body["sequence"]] = body["digest"]
            case "attestation_answered":
                asked = self._asked.get(body["digest"])
                if asked is not None and body["outcome"] == "signed":
                    asked.signers.add(body["attestor"])
            case "claim_moved":
                self._claims.add(body["claim"])
            case "intent_signed":
                self._intent(body["intent"])
            case _:
                return

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._certain, self._quorum, self._unknown)

    def _decision(self, body: Mapping[str, Any]) -> None:
        self._states[body["decision_id"]] = body["state"]
        if body["unknown_because"]:
            self._unknown.expect(
                f"decision {body['decision_id']} misses evidence and says {body['state']}",
                holds=body["state"] == "unknown",
            )
        if body["state"] == "unknown":
            self._unknown.expect(
                f"decision {body['decision_id']} plans for an unknown account", holds=not body["plan"]
            )

    def _intent(self, intent: Mapping[str, Any]) -> None:
        name = f"intent {intent['intent_id']}"
        action = Action(int(intent["action"]))
        state = self._states.get(intent["decision_id"])
        self._unknown.expect(f"{name} acts on an unknown account", holds=state != "unknown")
        digest = self._by_sequence.get((intent["chain_id"], intent["account_id"], intent["sequence"]))
        if digest is None:
            self._quorum.fail(f"{name} rests on no attestation of this log")
            return
        asked = self._asked[digest]
        attestation = asked.attestation
        threshold = self._settings.threshold
        self._quorum.expect(
            f"{name} has {len(asked.signers)} signatures, the quorum is {threshold}",
            holds=len(asked.signers) >= threshold,
        )
        same = all(int(attestation[key]) == int(intent[key]) for key in ("action", "item", "sequence"))
        self._quorum.expect(f"{name} is not what was attested", holds=same)
        if action in _NEEDS_HEALTH_BELOW_ONE:
            self._certain.expect(
                f"{name} rests on a decision that says {state}", holds=state in _LIQUIDATABLE
            )
            self._certain.expect(
                f"{name} was attested with health {attestation['health']}",
                holds=int(attestation["health"]) < WAD,
            )
        elif action is Action.SEIZE:
            self._certain.expect(
                f"{name} seizes for claim {attestation['claim']}, which this log never saw opened",
                holds=attestation["claim"] in self._claims,
            )
        else:
            self._certain.expect(
                f"{name} rests on a decision that says {state}", holds=state in _LIQUIDATABLE
            )
