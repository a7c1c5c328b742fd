"""The hub's wire format, laid out once: topics to events, calls to bytes, words to rows.

No contract objects: a log is a few slices, a call is a selector and its words. Everything
that comes from a chain is read strictly and raises ``ValueError`` when it does not fit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.hub.attestation import Attestation
from chains.hub.events import (
    AccountOpened,
    BadDebtRecorded,
    ClaimOpened,
    ClaimPaid,
    CollateralSet,
    CrossMarginSet,
    DebtSet,
    HubEvent,
    Liquidated,
    OptionSet,
    PositionSet,
    SettlementFixed,
)
from chains.hub.signatures import words as attestation_words

LEGS_PER_CALL = 800
MAX_TOKENS = 6
MAX_MARKETS = 4
WORDS_PER_LEG = 6 + MAX_TOKENS + 2 * MAX_MARKETS
"""Version, cross margin, debt, last sequence, two spare; a balance per token; size and entry price per market."""
_LEG = struct.Struct("32s" * WORDS_PER_LEG)

ATTESTATION_TYPE = (
    "(uint256,bytes32,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "bytes32,address,address,bytes32,bytes32,bytes32,uint256,uint256)"
)
_ATTESTATION_WORDS = 18


def selector(signature: str) -> bytes:
    """Return the four bytes that name a function."""
    return bytes(keccak(signature.encode())[:4])


LIQUIDATE = selector(f"liquidate({ATTESTATION_TYPE},bytes[])")
SEIZE = selector(f"seize({ATTESTATION_TYPE},bytes[])")
WRITE_OFF = selector(f"write_off({ATTESTATION_TYPE},bytes[])")
KEEPER_SELECTORS = (LIQUIDATE, SEIZE, WRITE_OFF)
LEGS = selector("legs(bytes32[])")

DEPOSIT = selector("deposit(uint256,uint256,uint256)")
WITHDRAW = selector(f"withdraw(uint256,uint256,uint256,{ATTESTATION_TYPE},bytes[])")
BORROW = selector(f"borrow(uint256,uint256,{ATTESTATION_TYPE},bytes[])")
REPAY = selector("repay(bytes32,uint256)")
CHANGE_POSITION = selector(f"change_position(uint256,uint256,int256,uint256,{ATTESTATION_TYPE},bytes[])")
TRADE_OPTION = selector(f"trade_option(uint256,bytes32,int256,uint256,{ATTESTATION_TYPE},bytes[])")
SET_CROSS_MARGIN = selector(f"set_cross_margin(uint256,bool,{ATTESTATION_TYPE},bytes[])")

NO_ATTESTATION = b"\x00" * (32 * _ATTESTATION_WORDS)


def word(value: int) -> bytes:
    """Return an integer as one word, negative ones in two's complement."""
    return (value % (1 << 256)).to_bytes(32)


def attested_call(
    function: bytes,
    leading: Sequence[int],
    attestation: Attestation | None,
    signatures: Sequence[bytes],
) -> bytes:
    """Return calldata of a function that ends in ``(attestation, signatures)``.

    `leading` are the arguments before them. Without an attestation (local margin) all its words
    are zero and `signatures` must be empty.
    """
    head_words = len(leading) + _ATTESTATION_WORDS + 1
    body = NO_ATTESTATION if attestation is None else attestation_words(attestation)
    return b"".join(
        (function, *(word(value) for value in leading), body, word(32 * head_words), _signatures(signatures))
    )


def _signatures(signatures: Sequence[bytes]) -> bytes:
    """Return ``bytes[]``: count, offsets, then each as length and padded bytes."""
    offsets: list[bytes] = []
    tails: list[bytes] = []
    at = 32 * len(signatures)
    for signature in signatures:
        padded = signature + b"\x00" * (-len(signature) % 32)
        offsets.append(word(at))
        tails.append(word(len(signature)) + padded)
        at += 32 + len(padded)
    return b"".join((word(len(signatures)), *offsets, *tails))


def legs_call(accounts: Sequence[str]) -> bytes:
    """Return calldata of ``legs`` for at most `LEGS_PER_CALL` accounts (0x hex of 32 bytes)."""
    if len(accounts) > LEGS_PER_CALL:
        raise ValueError(f"{len(accounts)} accounts in one call, at most {LEGS_PER_CALL}")
    return b"".join((LEGS, word(32), word(len(accounts)), bytes.fromhex("".join(a[2:] for a in accounts))))


def read_legs(answer: bytes, count: int) -> list[tuple[int, ...]]:
    """Return the 20 words of each of `count` accounts. Raises ``ValueError`` for another length."""
    expected = 64 + 32 * WORDS_PER_LEG * count
    if len(answer) != expected or int.from_bytes(answer[32:64]) != WORDS_PER_LEG * count:
        raise ValueError(f"{len(answer)} bytes for {count} legs instead of {expected}")
    return [tuple(map(int.from_bytes, row)) for row in _LEG.iter_unpack(memoryview(answer)[64:])]


def _hex32(data: bytes) -> str:
    return "0x" + data.hex()


@lru_cache(maxsize=4_096)  # a checksum is a hash, and the same few addresses come again and again
def _address(data: bytes) -> str:
    if any(data[:12]):
        raise ValueError("an address word with something before the address")
    return to_checksum_address(data[12:])


def _uint(data: bytes) -> int:
    return int.from_bytes(data)


def _int(data: bytes) -> int:
    return int.from_bytes(data, signed=True)


def _bool(data: bytes) -> bool:
    if (value := int.from_bytes(data)) > 1:
        raise ValueError(f"a truth word of {value}")
    return bool(value)


Reader: TypeAlias = Callable[[bytes], Any]
_READERS: Mapping[str, Reader] = {
    "bytes32": _hex32,
    "address": _address,
    "uint256": _uint,
    "int256": _int,
    "bool": _bool,
}

# Event type, and its ABI arguments in the order of the dataclass; "*" marks the indexed ones.
_EVENTS: Mapping[type[Any], str] = {
    AccountOpened: "bytes32*,address*,uint256",
    CollateralSet: "bytes32*,address*,uint256,uint256",
    DebtSet: "bytes32*,uint256,uint256",
    PositionSet: "bytes32*,uint256*,int256,uint256,uint256",
    OptionSet: "bytes32*,bytes32*,bytes32,bool,uint256,uint256,int256,uint256",
    CrossMarginSet: "bytes32*,bool,uint256",
    ClaimOpened: "bytes32*,bytes32*,uint256,address,uint256,address",
    ClaimPaid: "bytes32*,bytes32*,address,uint256",
    Liquidated: "bytes32*,uint256,uint256,uint256,uint256,uint256,uint256,uint256,address,uint256,bytes32",
    BadDebtRecorded: "bytes32*,uint256,uint256",
    SettlementFixed: "bytes32*,uint256,uint256,uint256,uint256",
}


def _topic(event: type[Any], arguments: str) -> str:
    return "0x" + keccak(f"{event.__name__}({arguments.replace('*', '')})".encode()).hex()


_BY_TOPIC: Mapping[str, tuple[type[Any], tuple[Reader, ...], int]] = {
    _topic(event, arguments): (
        event,
        tuple(_READERS[argument.rstrip("*")] for argument in arguments.split(",")),
        arguments.count("*"),
    )
    for event, arguments in _EVENTS.items()
}
TOPICS: Mapping[type[Any], str] = {event: topic for topic, (event, _, _) in _BY_TOPIC.items()}
"""The first topic of each event of the book."""


def decode(log: Mapping[str, Any]) -> HubEvent | None:
    """Return the event in a log of the hub or its desk, None if it is not one of the book's.

    The log's place and address are the caller's to check. Raises ``ValueError`` if it has an event's
    topic and not its shape: another number or length of topics, or another length of data.
    """
    topics = log["topics"]
    known = _BY_TOPIC.get(topics[0].lower()) if topics else None
    if known is None:
        return None
    event, readers, indexed = known
    data = bytes.fromhex(log["data"][2:])
    parts = [bytes.fromhex(topic[2:]) for topic in topics[1:]]
    if [32] * indexed != [len(part) for part in parts] or len(data) != 32 * (len(readers) - indexed):
        raise ValueError(f"{event.__name__} with {len(parts)} topics and {len(data)} bytes")
    parts += [data[at : at + 32] for at in range(0, len(data), 32)]
    found: HubEvent = event(*(read(part) for read, part in zip(readers, parts, strict=True)))
    return found
