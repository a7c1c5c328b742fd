"""What can happen to an intent, and what can follow from it: the words of its life cycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from chains.send_errors import SendClass


class AlertKind(StrEnum):
    """What a person should hear about."""

    FUNDS = "sender_funds"
    FEE_CEILING = "fee_ceiling"
    FOREIGN_NONCE = "foreign_nonce"
    FOREIGN_PENDING = "foreign_pending"
    NEVER_MINABLE = "never_minable"
    NODE_FEE_CAP = "node_fee_cap"
    KEY_RESERVED = "key_reserved"
    UNKNOWN_ANSWER = "unknown_answer"
    HIDDEN_RECEIPT = "hidden_receipt"


@dataclass(frozen=True, slots=True)
class Mined:
    """Which attempt is mined, in which canonical block, and whether it succeeded (`status` 1) or reverted (0)."""

    tx_hash: str
    block_hash: str
    block_number: int
    status: int


@dataclass(frozen=True, slots=True)
class Use:
    """Which transaction used a nonce up, in which canonical block."""

    tx_hash: str
    block_hash: str
    block_number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Policy, limits or the simulation said no before a nonce was taken."""

    reason: str


@dataclass(frozen=True, slots=True)
class SlotReserved:
    """The intent got its nonce."""

    nonce: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction was signed at `nonce`: the first, a bump, or the cancel."""

    tx_hash: str
    nonce: int
    is_cancel: bool


@dataclass(frozen=True, slots=True)
class SendAnswered:
    """An attempt was handed to the nodes, and this is the class of what they said."""

    tx_hash: str
    send_class: SendClass


@dataclass(frozen=True, slots=True)
class ReceiptSeen:
    """A receipt of one of our hashes, on a canonical block."""

    mined: Mined


@dataclass(frozen=True, slots=True)
class ReceiptGone:
    """The receipt's block is no longer canonical, and no other of our hashes is mined."""


@dataclass(frozen=True, slots=True)
class Finalised:
    """The receipt's block is canonical and deeper than reorgs go."""


@dataclass(frozen=True, slots=True)
class NonceUsed:
    """The chain's nonce at block `block_number` is past ours, and every one of our hashes was looked up in vain."""

    block_number: int


@dataclass(frozen=True, slots=True)
class NonceFree:
    """The chain's nonce is not past ours (any more)."""


@dataclass(frozen=True, slots=True)
class NonceUsedFinally:
    """As `NonceUsed`, in a block deeper than reorgs go, and by a transaction that is not ours."""


@dataclass(frozen=True, slots=True)
class ReceiptHidden:
    """As `NonceUsed`, in a block deeper than reorgs go: one of ours did (`use`), or for long nobody could tell who."""

    use: Use | None


@dataclass(frozen=True, slots=True)
class CancelDue:
    """The call can no longer succeed, or was bumped as often as allowed: free the nonce with a transfer to self."""

    reason: str


@dataclass(frozen=True, slots=True)
class BumpDue:
    """The lowest open nonce waited too long, or its fee fell under the base fee."""


@dataclass(frozen=True, slots=True)
class ResendDue:
    """The bytes may have been dropped: hand the same ones over again."""


@dataclass(frozen=True, slots=True)
class FeeCeilingHit:
    """The next fee would pass a ceiling or a limit, so no replacement was signed."""

    reason: str


Event: TypeAlias = (
    Refused
    | SlotReserved
    | Signed
    | SendAnswered
    | ReceiptSeen
    | ReceiptGone
    | Finalised
    | NonceUsed
    | NonceFree
    | NonceUsedFinally
    | ReceiptHidden
    | CancelDue
    | BumpDue
    | ResendDue
    | FeeCeilingHit
)


@dataclass(frozen=True, slots=True)
class Send:
    """Hand these bytes, as they are in the log, to the nodes."""

    tx_hash: str


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign a replacement at the same nonce with higher fees: the same call, or the cancel. Log it, then send it."""

    is_cancel: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """Tell a person."""

    kind: AlertKind


@dataclass(frozen=True, slots=True)
class ClearAlert:
    """What the alert was about is over."""

    kind: AlertKind


Effect: TypeAlias = Send | Sign | RaiseAlert | ClearAlert
