"""What is written to the state log for ever: durable entries, journaled and hash-chained.

Each entry is one row of the journal. Its body, the canonical JSON of its fields, holds all
that its projection into the tables needs, so the tables can be rebuilt from the journal.
The log stamps every entry with the time it was handed over.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import ClassVar, TypeAlias

from chains.hub.attestation import Attestation
from keeper.domain.decision import Decision
from keeper.domain.intent import Attempt, Intent, IntentState
from keeper.risk.moving import ParameterChange

Body: TypeAlias = dict[str, object]


def plain(value: object) -> object:
    """Return `value` as canonical JSON can hold it: dataclasses as objects, integers as text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    message = f"{type(value).__name__} has no place in the state log"
    raise TypeError(message)


class Entry:
    """Base of everything the log takes. `kind` is the entry's stable name in the journal."""

    __slots__ = ()
    kind: ClassVar[str]

    def body(self) -> Body:
        """Return the entry's fields as canonical JSON can hold them."""
        body = plain(self)
        assert isinstance(body, dict)  # noqa: S101 - every entry is a dataclass
        return body


@dataclass(frozen=True, slots=True)
class LogCreated(Entry):
    """First entry of every log. A log is for one mode for ever."""

    kind: ClassVar[str] = "log_created"
    mode: str


@dataclass(frozen=True, slots=True)
class LogRecovered(Entry):
    """The log could not be written from `failed_at_ms` on, and can again."""

    kind: ClassVar[str] = "log_recovered"
    failed_at_ms: int
    error: str
    observations_dropped: int


@dataclass(frozen=True, slots=True)
class TailLossAccepted(Entry):
    """A person accepted that the entries after this one's predecessor, up to `lost_seq`, are gone."""

    kind: ClassVar[str] = "tail_loss_accepted"
    lost_seq: int
    lost_hash: str


@dataclass(frozen=True, slots=True)
class RunStarted(Entry):
    """A process began to use the log."""

    kind: ClassVar[str] = "run_started"
    run_id: str
    mode: str
    version: str
    pid: int
    config_digest: str


@dataclass(frozen=True, slots=True)
class RunEnded(Entry):
    """A process stopped in good order. A run without this crashed."""

    kind: ClassVar[str] = "run_ended"
    run_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigUsed(Entry):
    """The configuration as resolved, free of secrets."""

    kind: ClassVar[str] = "config_used"
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class ChainKnown(Entry):
    """A chain's identity, pinned at first use."""

    kind: ClassVar[str] = "chain_known"
    chain: str
    chain_id: int
    genesis_hash: str


@dataclass(frozen=True, slots=True)
class DecisionMade(Entry):
    """One evaluation that changed an account's state, with its inputs, its result and its plan."""

    kind: ClassVar[str] = "decision_made"
    decision: Decision

    def body(self) -> Body:
        """Return the decision; its health stands in the result text and as columns."""
        decision = self.decision
        health = decision.health
        return {
            "decision_id": decision.decision_id,
            "account_id": decision.account_id,
            "previous": None if decision.previous is None else str(decision.previous),
            "state": str(decision.state),
            "reason": decision.reason,
            "decided_at_ms": str(decision.at_ms),
            "price_set": health.price_set,
            "health_low_wad": None if health.health is None else str(health.health.low),
            "health_mid_wad": None if health.health is None else str(health.health.mid),
            "health_high_wad": None if health.health is None else str(health.health.high),
            "surplus_low_wad": str(health.surplus.low),
            "surplus_mid_wad": str(health.surplus.mid),
            "surplus_high_wad": str(health.surplus.high),
            "equity_mid_wad": str(health.equity.mid),
            "unknown_because": plain(health.unknown_because),
            "cut": plain(health.cut),
            "plan": [] if decision.plan is None else [plain(decision.plan)],
            "inputs": decision.inputs,
            "result": decision.result,
        }


@dataclass(frozen=True, slots=True)
class IntentSkipped(Entry):
    """An intent that never took a nonce. `reason_class` says when it may be tried again."""

    kind: ClassVar[str] = "intent_skipped"
    intent: Intent
    reason_class: str
    reason: str


@dataclass(frozen=True, slots=True)
class IntentSigned(Entry):
    """An intent, its slot and its first signed transaction: written before anything is sent."""

    kind: ClassVar[str] = "intent_signed"
    intent: Intent
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class AttemptSigned(Entry):
    """A further transaction at the intent's own nonce: a bump, or the cancel. Written before it is sent."""

    kind: ClassVar[str] = "attempt_signed"
    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class AttemptSent(Entry):
    """What became of handing an attempt to the nodes. `detail` is cut and free of secrets."""

    kind: ClassVar[str] = "attempt_sent"
    intent_id: str
    tx_hash: str
    send_class: str
    detail: str
    block_number: int


@dataclass(frozen=True, slots=True)
class IntentMoved(Entry):
    """The intent's whole state after a transition. `blocked` is None, ``funds``, ``fee`` or ``receipt``."""

    kind: ClassVar[str] = "intent_moved"
    intent_id: str
    state: IntentState
    blocked: str | None
    cancelling: bool
    reason: str
    block_number: int


@dataclass(frozen=True, slots=True)
class ReceiptSeen(Entry):
    """A receipt on a canonical block. `cost_wei` is all the sender paid, the L1 fee included."""

    kind: ClassVar[str] = "receipt_seen"
    intent_id: str
    tx_hash: str
    block_hash: str
    block_number: int
    status: int
    gas_used: int
    gas_price_wei: int
    cost_wei: int


@dataclass(frozen=True, slots=True)
class ReceiptGone(Entry):
    """The block of a receipt is no longer canonical."""

    kind: ClassVar[str] = "receipt_gone"
    intent_id: str
    tx_hash: str
    block_hash: str


@dataclass(frozen=True, slots=True)
class ClaimMoved(Entry):
    """A transfer of state between chains, keyed by its claim. `state` is open, paid or undone."""

    kind: ClassVar[str] = "claim_moved"
    claim: str
    state: str
    account_id: str
    source_chain: str
    target_chain: str
    target_token: str
    value_wad: int
    beneficiary: str
    chain: str
    block_number: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class AttestationAsked(Entry):
    """An attestation was proposed to the quorum. `digest` is what is to be signed."""

    kind: ClassVar[str] = "attestation_asked"
    digest: str
    decision_id: str
    chain: str
    chain_id: int
    contract: str
    attestation: Attestation

    def body(self) -> Body:
        """Return the attestation as one object beside what it is for."""
        return {
            "digest": self.digest,
            "decision_id": self.decision_id,
            "chain": self.chain,
            "chain_id": str(self.chain_id),
            "contract": self.contract,
            "account_id": self.attestation.account,
            "sequence": str(self.attestation.sequence),
            "action": str(self.attestation.action),
            "attestation": plain(self.attestation),
        }


@dataclass(frozen=True, slots=True)
class AttestationAnswered(Entry):
    """One attestor's answer. `outcome` is signed, refused or failed; both sides keep the reason."""

    kind: ClassVar[str] = "attestation_answered"
    digest: str
    attestor: str
    outcome: str
    reason: str
    signature: str | None


@dataclass(frozen=True, slots=True)
class AttestationSigned(Entry):
    """Attestor's side: this digest, and never another, is signed for (chain, account, sequence).

    Written before the signature is made. Writing the same digest again is allowed; another
    raises `Equivocation`.
    """

    kind: ClassVar[str] = "attestation_signed"
    chain_id: int
    account_id: str
    sequence: int
    digest: str
    attestation: Attestation


@dataclass(frozen=True, slots=True)
class AlertOpened(Entry):
    """Something a person should know. One open alert per `dedupe_key`; again only counts."""

    kind: ClassVar[str] = "alert_opened"
    dedupe_key: str
    severity: str
    title: str
    detail: str
    advice: str


@dataclass(frozen=True, slots=True)
class AlertClosed(Entry):
    """What the alert was about is over."""

    kind: ClassVar[str] = "alert_closed"
    dedupe_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoticeSent(Entry):
    """A margin-call notice. `kind_of_notice` is called, worsened or cleared."""

    kind: ClassVar[str] = "notice_sent"
    account_id: str
    kind_of_notice: str
    health_low_wad: int | None
    surplus_low_wad: int
    detail: str


@dataclass(frozen=True, slots=True)
class OperatorActed(Entry):
    """A person told the daemon something: pause, resume, reset of a guard."""

    kind: ClassVar[str] = "operator_acted"
    action: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParametersMoved(Entry):
    """What new risk in an asset needs was multiplied anew: every parameter that changed, before and after."""

    kind: ClassVar[str] = "parameters_moved"
    asset: str
    before_bps: int
    multiplier_bps: int
    why: str
    changes: tuple[ParameterChange, ...]


@dataclass(frozen=True, slots=True)
class Paused(Entry):
    """A person told the keeper to begin nothing in a scope (`keeper.domain.pause`). Again replaces the reason."""

    kind: ClassVar[str] = "paused"
    scope: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Resumed(Entry):
    """A person lifted the pause of a scope."""

    kind: ClassVar[str] = "resumed"
    scope: str
    who: str
    why: str
