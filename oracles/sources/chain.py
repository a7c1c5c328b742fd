"""What an on-chain source is: calls to make at one block, and a reading of their answers.

A source makes no call itself. Whoever follows the chain collects the calls of all
sources of a chain, makes them in one batch at each new head, and hands every source its
own answers back. So a price costs no request of its own, and `oracles` needs no node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from eth_utils import to_checksum_address

from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.origin import BadAnswer, Origin

Call: TypeAlias = tuple[str, bytes]
"""A contract's checksummed address and the calldata."""

_WORD = 32


class ChainReader(Protocol):
    """A price read from a chain in two pure halves, with the I/O left to the caller."""

    @property
    def origin(self) -> Origin:
        """Who answers."""

    @property
    def chain(self) -> str:
        """The chain's name in the settings."""

    def calls(self) -> list[Call]:
        """Return the calls to make at one block.

        A reading can change them (a proxy points to another contract): then ask once more at the same block.
        """

    def read(
        self, answers: Sequence[bytes | None], block_timestamp: int, now_ms: int
    ) -> Quote | QuoteFailure:
        """Return the quote in `answers`, one per call in order, None where a call reverted.

        `block_timestamp` is that of the block they were made at, in seconds. If no answer
        came at all (the node is down, the chain stands still), do not call this.
        """


def silent(source: ChainReader, now_ms: int) -> QuoteFailure:
    """Return the failure of a source whose chain has stopped: an unchanged feed proves nothing then."""
    return source.origin.failure(FailureKind.STALE, f"{source.chain} has no new head", now_ms)


def words(answer: bytes | None, count: int) -> list[int]:
    """Return an ABI answer of exactly `count` words as unsigned integers. Raises `BadAnswer`."""
    if answer is None:
        raise BadAnswer(FailureKind.REFUSED, "the call reverted")
    if len(answer) != count * _WORD:
        raise BadAnswer(FailureKind.MALFORMED, f"{len(answer)} bytes instead of {count * _WORD}")
    return [int.from_bytes(answer[at : at + _WORD]) for at in range(0, len(answer), _WORD)]


def is_absent(answer: bytes | None) -> bool:
    """Return whether a contract does not know a call: it reverts, or a fallback answers it with nothing."""
    return not answer


def signed(word: int, bits: int = 256) -> int:
    """Return a word as a two's complement integer of `bits`. Raises `BadAnswer` where it does not fit."""
    value = word - (1 << 256) if word >> 255 else word
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        raise BadAnswer(FailureKind.MALFORMED, f"a word does not fit int{bits}")
    return value


def unsigned(word: int, bits: int) -> int:
    """Return a word as an unsigned integer of `bits`. Raises `BadAnswer` where it does not fit."""
    if word >> bits:
        raise BadAnswer(FailureKind.MALFORMED, f"a word does not fit uint{bits}")
    return word


def address_in(word: int) -> str:
    """Return a word as a checksummed address that is not zero. Raises `BadAnswer`."""
    if not unsigned(word, 160):
        raise BadAnswer(FailureKind.MALFORMED, "the zero address")
    return to_checksum_address(word.to_bytes(20))
