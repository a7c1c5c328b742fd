"""Parsing TOML, with mistakes told in words an operator knows. What the file says is never quoted."""

from __future__ import annotations

import re
import tomllib
from typing import Any, NamedTuple

from config.errors import KeyPath, Remark
from config.positions import Positions
from config.shown import key_text

_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONG_NUMBER = re.compile(r"[0-9_]{4000,}")
_QUOTES_OF_TEXT = re.compile("[\u2018\u2019\u201c\u201d\u00ab\u00bb]")
_COLON_FOR_EQUALS = re.compile(r"""\s*[\w."'-]+\s*:\s""")
_BARE_TEXT = re.compile(r"[^=#]*=\s*(?!true|false|inf|nan)[A-Za-z/~.$<]")
_OTHER_LANGUAGES_WORDS = re.compile(r"=\s*(?:True|False|None|null|yes|no|on|off)\s*(?:#|$)")

_GENERAL = "TOML is written key = value, tables as [name], text in double quotes"


class SyntaxRefused(Exception):
    """The text is not TOML. `line` and `column` count from 1; `key` is known for what is written twice."""

    def __init__(self, remark: Remark, line: int, column: int | None) -> None:
        super().__init__(remark.message)
        self.remark = remark
        self.line = line
        self.column = column


class _Mistake(NamedTuple):
    """How a message of `tomllib` starts, and what is said instead."""

    start: str
    message: str
    advice: str


_MISTAKES = (
    _Mistake(
        "Unterminated string", "a text has no closing quote", 'close it with the quote it starts with: "..."'
    ),
    _Mistake(
        'Expected "', "a text in single quotes is not closed", "close it with the quotes it starts with"
    ),
    _Mistake(
        "Illegal character", "a text in quotes does not end on its line", 'close it with a quote: "..."'
    ),
    _Mistake(
        "Found invalid character", "a character that can not stand here", "remove it; it may be invisible"
    ),
    _Mistake(
        "Unescaped", "a backslash that means nothing", "write \\\\ for a backslash, or use single quotes"
    ),
    _Mistake(
        "Invalid hex value",
        "a \\u that is not followed by a character's number",
        "write \\\\ for a backslash",
    ),
    _Mistake("Escaped character", "a \\u that names no character", "write \\\\ for a backslash"),
    _Mistake(
        "Unclosed array", "an array is not closed", "separate its elements with commas and close it with ]"
    ),
    _Mistake(
        "Unclosed inline table",
        "an inline table is not closed",
        "separate its keys with commas, close it with }",
    ),
    _Mistake("Expected '='", "a key without =", "write key = value; a table's name goes into [ ]"),
    _Mistake("Expected ']", "a table's name is not closed", "write [name], or [[name]] for one of several"),
    _Mistake("Expected newline", "more follows after the value", "write one key = value per line"),
    _Mistake("Invalid initial character", "a key does not start with a letter", "write key = value"),
    _Mistake(
        "Invalid date", "a date or time that does not exist", "a number or a text in quotes is meant here"
    ),
    _Mistake("Invalid statement", "neither key = value nor [table]", _GENERAL),
    _Mistake("Invalid value", "not a value", 'text needs quotes: key = "value"'),
)

_TWICE = ("Cannot declare", "Cannot overwrite", "Cannot mutate", "Cannot redefine", "Duplicate inline")


def parse(text: str, positions: Positions) -> dict[str, Any]:
    """Return the document. Raises `SyntaxRefused`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused(str(error), text, positions) from None
    except ValueError:
        # Python refuses to read whole numbers of thousands of digits.
        found = _LONG_NUMBER.search(text)
        line = positions.line_at(found.start()) if found else 1
        remark = Remark((), "E008", "a number of thousands of digits", "write the number that is meant")
        raise SyntaxRefused(remark, line, None) from None


def _refused(said: str, text: str, positions: Positions) -> SyntaxRefused:
    place = _PLACE.search(said)
    line, column = text.count("\n") + 1, None
    if place is not None and place[1] is not None:
        line, column = int(place[1]), int(place[2])
    if said.startswith(_TWICE):
        return _twice(positions, line, column)
    written = text.split("\n")[line - 1]
    message, advice = "not TOML", _GENERAL
    for mistake in _MISTAKES:
        if said.startswith(mistake.start):
            message, advice = mistake.message, mistake.advice
            break
    return SyntaxRefused(Remark((), "E008", message, _guess(written) or advice), line, column)


def _twice(positions: Positions, line: int, column: int | None) -> SyntaxRefused:
    key: KeyPath = ()
    advice = "keep one of them; a table's keys all stand under its one header"
    message = "a key or table is written twice"
    if positions.repeated:
        key, first, line = positions.repeated[0]
        message = f"{key_text(key)} is written twice: first on line {first}"
        column = None
    return SyntaxRefused(Remark(key, "E010", message, advice), line, column)


def _guess(written: str) -> str | None:
    """Return an advice for a slip that the line itself shows."""
    if _QUOTES_OF_TEXT.search(written):
        return 'use the straight quotes of a keyboard: "..."'
    if _COLON_FOR_EQUALS.match(written) and "=" not in written.partition(":")[0]:
        return "TOML writes key = value, with = and not :"
    if _OTHER_LANGUAGES_WORDS.search(written):
        return "TOML knows only true and false; leave out a key that has no value"
    if _BARE_TEXT.match(written) and '"' not in written and "'" not in written:
        return 'text needs quotes: key = "value"'
    return None
