"""Keys that do not exist: which one was meant, or where the key belongs."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from unicodedata import normalize

from config.errors import KeyPath, Remark
from config.sections import homes, models_at
from config.shown import LONGEST_KEY

_NAMES_OF_SECRETS = (
    "private_key",
    "privkey",
    "mnemonic",
    "seed",
    "passphrase",
    "password",
    "secret",
    "api_key",
)


def unknown_key(path: KeyPath, document: Mapping[str, Any]) -> Remark:
    """Return the remark on a key that its table does not have. `path` ends with the key."""
    word = str(path[-1])[: LONGEST_KEY + 1]
    if any(part in word.lower() for part in _NAMES_OF_SECRETS):
        advice = "name a file that holds it: [signers.NAME] key_file, or keystore with password_file"
        return Remark(path, "E205", "a secret does not belong in this file", advice)
    table = value_of(document, path[:-1])
    written = table if isinstance(table, dict) else {}
    known = sorted({key for model in models_at(path[:-1], written.get("kind")) for key in model.model_fields})
    if (near := _near(word, known)) is not None:
        looks = "" if word.isascii() else ": a letter of it only looks like the right one"
        return Remark(path, "E101", f"no such key{looks}", f"did you mean {near}?")
    if elsewhere := homes(word):
        return Remark(path, "E101", "no such key here", f"it belongs into {' or '.join(elsewhere)}")
    unused = ", ".join(key for key in known if key not in written)
    return Remark(path, "E101", "no such key", f"remove it; not written here yet are: {unused or 'none'}")


def value_of(document: Mapping[str, Any], path: KeyPath) -> object:
    """Return what stands at `path` in the document; None if nothing does."""
    value: object = document
    for part in path:
        match value, part:
            case dict(), str():
                value = value.get(part)
            case list(), int() if part < len(value):
                value = value[part]
            case _:
                return None
    return value


def _near(word: str, known: list[str]) -> str | None:
    plain = normalize("NFKD", word.lower())
    if found := get_close_matches(plain, known, 1):
        return found[0]
    return next((key for key in known if len(plain) > 3 and key.startswith(plain)), None)
