"""Answers and logs of contracts as words: read strictly, nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.hub.codec import selector, word


def topic(signature: str) -> str:
    """Return the first topic of an event."""
    return "0x" + bytes(keccak(signature.encode())).hex()


def address_word(address: str) -> bytes:
    """Return an address as one word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\x00")


def read_words(answer: bytes, count: int) -> tuple[int, ...]:
    """Return an answer's words. Raises ``ValueError`` if they are not `count`."""
    if len(answer) != 32 * count:
        raise ValueError(f"{len(answer)} bytes instead of {32 * count}")
    return tuple(int.from_bytes(answer[at : at + 32]) for at in range(0, len(answer), 32))


def read_address_word(value: int) -> str:
    """Return a word as a checksummed address. Raises ``ValueError`` if it is none."""
    if value >> 160:
        raise ValueError("an address word with something before the address")
    return to_checksum_address(value.to_bytes(20))


def read_addresses(answer: bytes) -> tuple[str, ...]:
    """Return an answer that is one ``address[]``."""
    count, rest = divmod(len(answer) - 64, 32)
    if rest or count < 0 or answer[:64] != word(32) + word(count):
        raise ValueError(f"{len(answer)} bytes are not one list of addresses")
    return tuple(map(read_address_word, read_words(answer[64:], count)))


_ERROR = selector("Error(string)")
PANIC = selector("Panic(uint256)")


def revert_text(data: bytes) -> str:
    """Return the text a contract reverted with, "" if it gave none or another kind of reason."""
    if data[:4] != _ERROR or len(data) < 68:
        return ""
    length = int.from_bytes(data[36:68])
    return data[68 : 68 + length].decode("utf-8", "replace") if length <= len(data) - 68 else ""


def log_words(log: Mapping[str, Any], topics: int, words: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a log's topics after the first, and its data. Raises ``ValueError`` for other numbers of them."""
    found = [int(each, 16) for each in log["topics"][1:]]
    if len(found) != topics:
        raise ValueError(f"a log with {len(found)} indexed fields instead of {topics}")
    return tuple(found), read_words(bytes.fromhex(log["data"][2:]), words)
