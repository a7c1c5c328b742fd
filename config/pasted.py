"""Secrets in a configuration file: found wherever they stand, in values, keys and comments; never shown.

What is looked for: 32 bytes in hex or as a list (a private key), twelve or more words of
the BIP-39 list (a mnemonic), extended keys and PEM blocks. Block hashes have the form of a
key: they pass as `genesis_hash`, and in a comment that calls them a hash; so do Pyth's numbers of feeds as
`feed_id` and Morpho's of its markets as `market_ids`. A URL may hold an
access key of its provider; it is a secret of its own kind (`config.secrets.SecretUrl`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from config.errors import KeyPath, Remark
from config.positions import Positions

_WORD = re.compile(r"[0-9A-Za-z_]+")
_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]{60,}")
_HASH_WORDS = re.compile(r"hash|digest|root|block|\btx\b|transaction|salt|\bfeed_id\b", re.IGNORECASE)
_ARMOUR = re.compile(r"\b[xyz]prv[0-9A-Za-z]{90,}|BEGIN [A-Z ]*PRIVATE KEY")
_LETTERS = re.compile(r"[a-z]+")
_BETWEEN_WORDS = re.compile(r"[\s\"',\[\]#]+")
_KEY_BYTES = re.compile(r"\[\s*(?=(\d))(?:\d{1,3}\s*,\s*){31,63}\d{1,3}\s*,?\s*\]")

_FEWEST_DIGITS = 60
_LONGEST_GAP = 40
_FEWEST_WORDS = 12
_HASHES = frozenset({"genesis_hash", "feed_id", "market_ids"})
_MAY_HOLD_KEYS = frozenset({"url", "ws_url", "path"})

_MOVE_IT = (
    "take it out and treat it as known to others; put a key into a file of its own, readable by its owner only, "
    "and name that file: [signers.NAME] key_file or keystore"
)


def pasted_secrets(text: str, positions: Positions) -> list[tuple[Remark, int]]:
    """Return a remark and its line for each secret in the file's text, in its order."""
    found: dict[int, Remark] = {}
    for offset, code, message in (*_keys(text, positions), *_mnemonics(text)):
        line = positions.line_at(offset)
        value = positions.value_at(offset)
        found.setdefault(line, Remark(_of_array(value.key) if value else (), code, message, _MOVE_IT))
    return [(remark, line) for line, remark in sorted(found.items(), key=lambda item: item[0])]


def _keys(text: str, positions: Positions) -> Iterator[tuple[int, str, str]]:
    for word in _WORD.finditer(text):
        long = len(word.group()) >= _FEWEST_DIGITS
        if long and _HEX.fullmatch(word.group().replace("_", "")) and not _may_be_hash(text, word, positions):
            yield word.start(), "E201", "this has the form of a private key"
    for block in _ARMOUR.finditer(text):
        yield block.start(), "E201", "this has the form of a private key"
    for block in _KEY_BYTES.finditer(text):
        yield block.start(1), "E201", "this has the form of a private key"


def _may_be_hash(text: str, word: re.Match[str], positions: Positions) -> bool:
    value = positions.value_at(word.start())
    if value is not None:
        name = next((part for part in reversed(value.key) if isinstance(part, str)), "")
        return name in _HASHES or (name in _MAY_HOLD_KEYS and "/" in text[value.start : value.end])
    comment = positions.comment_at(word.start())
    return comment is not None and _HASH_WORDS.search(text, *comment) is not None


def _mnemonics(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the start of each run of twelve or more BIP-39 words with nothing but spaces and quotes between."""
    words = bip39_words()
    start = end = count = 0
    for word in _LETTERS.finditer(text.lower()):
        if word.group() not in words:
            count = 0
            continue
        gap = text[end : word.start()]
        if count == 0 or len(gap) > _LONGEST_GAP or not _BETWEEN_WORDS.fullmatch(gap):
            start, count = word.start(), 0
        count += 1
        end = word.end()
        if count == _FEWEST_WORDS:
            yield start, "E202", "this has the form of a mnemonic, the words that keys are made from"


def _of_array(key: KeyPath) -> KeyPath:
    """Return the key of the array that an element is in; any other key as it is."""
    while key and isinstance(key[-1], int):
        key = key[:-1]
    return key


@cache
def bip39_words() -> frozenset[str]:
    """Return the English words of BIP-39, as eth-account ships them."""
    package = find_spec("eth_account")
    if package is None or package.origin is None:
        return frozenset()
    path = Path(package.origin).parent / "hdaccount" / "wordlist" / "english.txt"
    return frozenset(path.read_text(encoding="utf-8").split()) if path.is_file() else frozenset()
