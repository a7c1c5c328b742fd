"""What keeper and attestors say to each other, and the strict reading of it.

One batch names one cut (a block of every chain, by hash) and proposes attestations that
rest on it. The answer has one line per proposal, in order: a signature or a refusal.
JSON, integers as decimal strings. Reading is strict because an attestor's port is
reachable by whoever can reach the machine: anything else is ``WireError``.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, cast

from chains.hub.attestation import Attestation

MAX_PROPOSALS = 256
MAX_CHAINS = 64
MAX_DETAIL_CHARACTERS = 300
MAX_OPENINGS = 3 + MAX_CHAINS + 2 * MAX_PROPOSALS

_UINT = re.compile(r"(?a:0|[1-9][0-9]{0,77})")
_BYTES32 = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")

_BYTES32_FIELDS = frozenset({"account", "claim", "blocks_root", "policy_hash", "price_set"})
_OPENING = re.compile(rb"[\[{]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"')

_ADDRESS_FIELDS = frozenset({"target", "beneficiary"})


class WireError(ValueError):
    """The message is not one of ours. The text names the field and is safe to show."""


class RefusalReason(StrEnum):
    """Why an attestor would not sign."""

    UNREACHABLE = "unreachable"
    BAD_ANSWER = "bad_answer"
    NOT_READY = "not_ready"
    UNKNOWN_CHAIN = "unknown_chain"
    POLICY = "policy"
    EPOCH = "epoch"
    TIME = "time"
    CUT = "cut"
    UNKNOWN_ACCOUNT = "unknown_account"
    VERSION = "version"
    SEQUENCE = "sequence"
    PRICE = "price"
    NO_PRICE = "no_price"
    UNKNOWN_HEALTH = "unknown_health"
    HEALTHY = "healthy"
    HEALTH_FIGURE = "health_figure"
    SIZE = "size"
    CLAIM = "claim"
    MARGIN = "margin"
    ACTION = "action"
    EQUIVOCATION = "equivocation"


OTHER_AMOUNTS = frozenset(
    {
        RefusalReason.UNKNOWN_ACCOUNT,
        RefusalReason.VERSION,
        RefusalReason.SEQUENCE,
        RefusalReason.HEALTHY,
        RefusalReason.SIZE,
        RefusalReason.CLAIM,
    }
)
"""Reasons of an attestor that agrees on prices and sees other amounts than whoever asks."""


@dataclass(frozen=True, slots=True)
class CutBlock:
    """The block of one chain that the proposals rest on."""

    chain_id: int
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One attestation for the hub of one chain."""

    chain_id: int
    attestation: Attestation


@dataclass(frozen=True, slots=True)
class Batch:
    """Proposals over one cut."""

    cut: tuple[CutBlock, ...]
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """The attestor's 65 bytes, 0x hex."""

    signature: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No signature, and why, with figures a person can check."""

    reason: RefusalReason
    detail: str


Answer: TypeAlias = Signed | Refused


def read_json(raw: bytes) -> object:
    """Parse a message. Raises ``WireError``, also for one with more openings than any of ours has.

    The reader recurses into each: how deep it may go before the process dies is not this program's to know.
    """
    if len(_OPENING.findall(_STRING.sub(b"", raw))) > MAX_OPENINGS:
        raise WireError("message: nested too deep or too long")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError("message: not JSON") from error


def encode_batch(batch: Batch) -> dict[str, object]:
    """Return the batch as JSON-ready values."""
    return {
        "cut": [_texts(dataclasses.asdict(block)) for block in batch.cut],
        "proposals": [
            {
                "chain_id": str(proposal.chain_id),
                "attestation": _texts(dataclasses.asdict(proposal.attestation)),
            }
            for proposal in batch.proposals
        ],
    }


def decode_batch(message: object) -> Batch:
    """Read a batch. Raises ``WireError``."""
    body = _mapping(message, "batch", {"cut", "proposals"})
    cut = tuple(_cut_block(item) for item in _sequence(body["cut"], "cut", MAX_CHAINS))
    proposals = tuple(_proposal(item) for item in _sequence(body["proposals"], "proposals", MAX_PROPOSALS))
    return Batch(cut, proposals)


def encode_answers(answers: Sequence[Answer]) -> dict[str, object]:
    """Return the answers as JSON-ready values."""
    return {"answers": [_answer_texts(answer) for answer in answers]}


def decode_answers(message: object, expected: int) -> tuple[Answer, ...]:
    """Read exactly `expected` answers. Raises ``WireError``."""
    body = _mapping(message, "answer", {"answers"})
    items = _sequence(body["answers"], "answers", MAX_PROPOSALS)
    if len(items) != expected:
        message_text = f"{len(items)} answers to {expected} proposals"
        raise WireError(message_text)
    return tuple(_answer(item) for item in items)


def _answer_texts(answer: Answer) -> dict[str, str]:
    match answer:
        case Signed(signature):
            return {"signature": signature}
        case Refused(reason, detail):
            return {"refused": reason.value, "detail": detail[:MAX_DETAIL_CHARACTERS]}


def _answer(item: object) -> Answer:
    if isinstance(item, dict) and set(item) == {"signature"}:
        return Signed(_text(item["signature"], _SIGNATURE, "signature"))
    body = _mapping(item, "answer", {"refused", "detail"})
    detail = body["detail"]
    if not isinstance(detail, str):
        raise WireError("detail: not a text")
    try:
        reason = RefusalReason(str(body["refused"]))
    except ValueError as error:
        raise WireError("refused: unknown reason") from error
    return Refused(reason, "".join(c if c.isprintable() else "?" for c in detail[:MAX_DETAIL_CHARACTERS]))


def _cut_block(item: object) -> CutBlock:
    body = _mapping(item, "cut", {"chain_id", "number", "hash"})
    return CutBlock(
        _uint(body["chain_id"], "chain_id"),
        _uint(body["number"], "number"),
        _text(body["hash"], _BYTES32, "hash"),
    )


def _proposal(item: object) -> Proposal:
    body = _mapping(item, "proposal", {"chain_id", "attestation"})
    names = {field.name for field in dataclasses.fields(Attestation)}
    fields = _mapping(body["attestation"], "attestation", names)
    return Proposal(
        _uint(body["chain_id"], "chain_id"),
        Attestation(**{name: _attestation_field(name, value) for name, value in fields.items()}),
    )


def _attestation_field(name: str, value: object) -> Any:  # noqa: ANN401 - each field has its own type
    if name in _BYTES32_FIELDS:
        return _text(value, _BYTES32, name)
    if name in _ADDRESS_FIELDS:
        return _text(value, _ADDRESS, name)
    number = _uint(value, name)
    if number >= 2**256:
        message = f"{name}: over 256 bits"
        raise WireError(message)
    return number


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _mapping(value: object, what: str, names: set[str]) -> Mapping[str, object]:
    if not isinstance(value, dict) or set(value) != names:
        message = f"{what}: not an object with exactly {', '.join(sorted(names))}"
        raise WireError(message)
    return cast("Mapping[str, object]", value)


def _sequence(value: object, what: str, most: int) -> Sequence[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        message = f"{what}: not a list of 1 to {most}"
        raise WireError(message)
    return value


def _uint(value: object, what: str) -> int:
    return int(_text(value, _UINT, what))


def _text(value: object, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        message = f"{what}: not of the form {pattern.pattern}"
        raise WireError(message)
    return value
