"""How keys and values of a configuration are shown: escaped, cut, and never a secret.

A file may hold a secret in any place, also where none belongs. What could be one is named
by its length only.
"""

from __future__ import annotations

import re

from config.errors import KeyPath

LONGEST_VALUE = 42
LONGEST_KEY = 64

HIDDEN = "***"

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PERHAPS_SECRET = re.compile(r"[0-9a-fA-F]{41,}|://|@|(?:\S+\s+){4}")
_LARGEST_SHOWN_BITS = 128


def key_text(path: KeyPath) -> str:
    """Return a key as it could be written in the file: ``chains.alpha.endpoints[0].url``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_part_text(part)}" if text else _part_text(part)
    return text


def _part_text(part: str) -> str:
    if len(part) > LONGEST_KEY or _PERHAPS_SECRET.search(part):
        return HIDDEN
    if _BARE.fullmatch(part):
        return part
    return '"' + printable(part).replace('"', '\\"') + '"'


def value_text(value: object) -> str:
    """Return a value as it could stand in the file, or only what it is if it may be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value.bit_length() <= _LARGEST_SHOWN_BITS else "a very large number"
        case float():
            return repr(value)
        case str():
            if len(value) > LONGEST_VALUE or _PERHAPS_SECRET.search(value):
                return f"a text of {len(value)} characters"
            return f'"{printable(value)}"'
        case dict():
            return "a table"
        case list():
            return "an array"
        case _:
            return "a date or time"


def printable(text: str) -> str:
    """Return the text in printable ASCII: nothing in it can move a cursor, reverse or look like another."""
    escaped = text.encode("ascii", "backslashreplace").decode()
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in escaped
    )
