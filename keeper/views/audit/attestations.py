"""What was asked of the quorum and who really signed it, recovered from the signatures themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chains.hub.attestation import Attestation
from chains.hub.signatures import InvalidSignature, digest, recover, words
from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.settings_used import SettingsUsed
from keeper.views.audit.settlements import ACTIONS as SETTLEMENT_ACTIONS

AT_A_VENUE = "64"
"""The action of an intent at a venue: what is done there needs nobody's word but the venue's."""
AT_A_GAP = "0"
"""The action of an intent that does nothing but use a nonce up."""
WITHOUT_A_WORD = frozenset({AT_A_VENUE, AT_A_GAP}) | SETTLEMENT_ACTIONS
"""Actions that rest on no attestation."""
_SELECTOR_HEX = 8
_TEXTS = {each.name for each in fields(Attestation) if each.type == "str"}


@dataclass(slots=True)
class Asked:
    """An attestation, and the addresses whose signatures of it are in the log."""

    attestation: Attestation
    decision_id: str
    signers: set[str] = field(default_factory=set)


class AttestationsAudit:
    """Follows attestations from the question to the call that rests on them."""

    def __init__(self, settings: SettingsUsed) -> None:
        self._settings = settings
        self._asked: dict[str, Asked] = {}
        self._by_sequence: dict[tuple[str, str, str], str] = {}
        self._signatures = Finding(
            "signatures", "each attestor's signature is its own, of exactly what was asked"
        )
        self._quorum = Finding(
            "quorum", "every liquidation had a quorum for exactly the call that was signed"
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        body = entry.body
        match entry.kind:
            case "attestation_asked":
                self._ask(entry.seq, body)
            case "attestation_answered" if body["outcome"] == "signed":
                self._answer(entry.seq, body)
            case "intent_signed" if body["intent"]["action"] not in WITHOUT_A_WORD:
                self._rest(body["intent"])
            case _:
                return

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        return (self._signatures, self._quorum)

    def behind(self, intent: Mapping[str, Any]) -> Asked | None:
        """Return the attestation that an intent rests on, None if this log has none."""
        found = self._by_sequence.get((intent["chain_id"], intent["account_id"], intent["sequence"]))
        return None if found is None else self._asked[found]

    def _ask(self, seq: int, body: Mapping[str, Any]) -> None:
        attestation = _attestation(body["attestation"])
        own = "0x" + digest(attestation, int(body["chain_id"]), body["contract"]).hex()
        self._signatures.expect(
            f"entry {seq}: the attestation's digest is {own}", holds=own == body["digest"]
        )
        self._asked[body["digest"]] = Asked(attestation, body["decision_id"])
        self._by_sequence[body["chain_id"], body["account_id"], body["sequence"]] = body["digest"]

    def _answer(self, seq: int, body: Mapping[str, Any]) -> None:
        asked = self._asked.get(body["digest"])
        name = f"entry {seq}, {body['attestor']}"
        if asked is None:
            self._signatures.fail(f"{name}: signed what was never asked")
            return
        try:
            signer = recover(
                bytes.fromhex(body["digest"][2:]), bytes.fromhex((body["signature"] or "0x")[2:])
            )
        except InvalidSignature as error:
            self._signatures.expect(f"{name}: {error}", holds=False)
            return
        expected = self._settings.current.attestor(body["attestor"])
        self._signatures.expect(f"{name}: signed as {signer}, not {expected}", holds=signer == expected)
        if signer == expected:
            asked.signers.add(signer)

    def _rest(self, intent: Mapping[str, Any]) -> None:
        name = f"intent {intent['intent_id']}"
        asked = self.behind(intent)
        if asked is None:
            self._quorum.expect(f"{name} rests on no attestation of this log", holds=False)
            return
        threshold = self._settings.current.threshold
        self._quorum.expect(
            f"{name} has {len(asked.signers)} signatures, the quorum is {threshold}",
            holds=len(asked.signers) >= threshold,
        )
        called = intent["calldata"].removeprefix("0x")[_SELECTOR_HEX:]
        self._quorum.expect(
            f"{name} calls something else than was attested",
            holds=called.startswith(words(asked.attestation).hex()),
        )
        self._quorum.expect(
            f"{name} rests on another decision's attestation",
            holds=asked.decision_id == intent["decision_id"],
        )


def _attestation(body: Mapping[str, Any]) -> Attestation:
    values: dict[str, Any] = {name: value if name in _TEXTS else int(value) for name, value in body.items()}
    return Attestation(**values)
