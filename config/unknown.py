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
    word = _word(path)
    if any(part in word.lower() for part in _NAMES_OF_SECRETS):
        advice = "name a file that holds it: [signers.NAME] key_file, or keystore with password_file"
        return Remark(path, "E205", "a secret does not belong in this file", advice)
    if (near := meant_key(path, document)) is not None:
        looks = "" if word.isascii() else ": a letter of it only looks like the right one"
        return Remark(path, "E101", f"no such key{looks}", f"did you mean {near}?")
    if elsewhere := homes(word):
        return Remark(path, "E101", "no such key here", f"it belongs into {' or '.join(elsewhere)}")
    written, known = _keys(path, document)
    unused = ", ".join(key for key in known if key not in written)
    return Remark(path, "E101", "no such key", f"remove it; not written here yet are: {unused or 'none'}")


def meant_key(path: KeyPath, document: Mapping[str, Any]) -> str | None:
    """Return the key of the same table that is most like the last part of `path`, if one is."""
    _, known = _keys(path, document)
    plain = normalize("NFKD", _word(path).lower())
    if found := get_close_matches(plain, known, 1):
        return found[0]
    return next((key for key in known if len(plain) > 3 and key.startswith(plain)), None)


def _word(path: KeyPath) -> str:
    return str(path[-1])[: LONGEST_KEY + 1]


def _keys(path: KeyPath, document: Mapping[str, Any]) -> tuple[Mapping[str, object], list[str]]:
    """Return the table that `path` leads into, and the keys that such a table may have."""
    table = value_of(document, path[:-1])
    written = table if isinstance(table, dict) else {}
    models = models_at(path[:-1], written.get("kind"))
    return written, sorted({key for model in models for key in model.model_fields})


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
