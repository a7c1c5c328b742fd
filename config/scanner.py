"""Finding where each key of a TOML document stands.

A reader of TOML's shape only: tables, arrays of tables, dotted and quoted keys, inline
tables, arrays and strings over several lines. It does not judge: in a text that is not
TOML it stops early, and `tomllib` says why. It keeps its own stack and stops at
`MAX_DEPTH`, so no nesting can exhaust Python's, here or in `tomllib` after it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from config.errors import KeyPath
from config.positions import Positions, Value

MAX_DEPTH = 16
"""Levels of nesting, and parts of one key. The settings need five."""

_FILL = re.compile(r"[ \t\r\n]*")
_BLANK = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"#[^\n]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STOP_IN_BASIC = re.compile(r"\\.|[\"\n]", re.DOTALL)
_STOP_IN_LITERAL = re.compile(r"['\n]")
_STOP_IN_LONG_BASIC = re.compile(r'\\.|"""', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


class TooDeep(Exception):
    """The document is nested deeper than `MAX_DEPTH`, at `line`."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _NotToml(Exception):
    """The text goes on in a way that TOML does not."""


@dataclass(slots=True)
class _Open:
    """An array or inline table that is not closed yet; `count` numbers an array's elements."""

    path: KeyPath
    is_array: bool
    count: int = 0


def scan(text: str) -> Positions:
    """Return where the keys of `text` stand. Linear in its length.

    Raises `TooDeep`. For a text that is not TOML the result holds what came before the
    mistake and perhaps more.
    """
    scanner = _Scanner(text)
    with suppress(_NotToml):
        scanner.document()
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        newlines = [match.start() for match in re.finditer("\n", text)]
        self.found = Positions(newlines=newlines)
        self._text = text
        self._at = 0
        self._table: KeyPath = ()
        self._tables: dict[KeyPath, int] = {}
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        while self._skip_fill():
            if self._text[self._at] == "[":
                self._header()
            else:
                self._value(self._key_and_equals(self._table))

    def _skip_fill(self) -> bool:
        """Skip spaces, newlines and comments. Return whether anything follows."""
        while True:
            self._skip(_FILL)
            comment = _COMMENT.match(self._text, self._at)
            if comment is None:
                return self._at < len(self._text)
            self.found.comments.append(comment.span())
            self._at = comment.end()

    def _header(self) -> None:
        is_array = self._text.startswith("[[", self._at)
        line = self.found.line_at(self._at)
        self._at += 2 if is_array else 1
        *parents, last = self._key()
        self._expect("]]" if is_array else "]")
        path: KeyPath = ()
        for part in parents:
            path = (*path, part)
            self.found.implied.setdefault(path, line)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        path = (*path, last)
        if is_array:
            self.found.implied.setdefault(path, line)
            number = self._tables.get(path, 0)
            self._tables[path] = number + 1
            path = (*path, number)
        self.found.define(path, line)
        self._table = path

    def _key_and_equals(self, base: KeyPath) -> KeyPath:
        line = self.found.line_at(self._at)
        *parents, last = self._key()
        self._expect("=")
        path = base
        for part in parents:
            path = (*path, part)
            self.found.implied.setdefault(path, line)
        path = (*path, last)
        self._check_depth(len(path))
        self.found.define(path, line)
        return path

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            parts.append(self._key_part())
            self._check_depth(len(parts))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _key_part(self) -> str:
        start = self._at
        if self._text.startswith(('"', "'"), start):
            self._at = _string_end(self._text, start)
            inner = self._text[start + 1 : self._at - 1]
            return _unescaped(inner) if self._text[start] == '"' else inner
        bare = _BARE_KEY.match(self._text, start)
        if bare is None:
            raise _NotToml
        self._at = bare.end()
        return bare.group()

    def _value(self, path: KeyPath) -> None:
        """Skip one value, noting the keys and elements inside it."""
        self._skip(_BLANK)
        containers: list[_Open] = []
        at: KeyPath | None = path
        while at is not None:
            if self._text.startswith(("[", "{"), self._at):
                containers.append(_Open(at, self._text[self._at] == "["))
                self._check_depth(len(at) + 1)
                self._at += 1
            else:
                self._scalar(at)
            at = self._next_inside(containers)

    def _next_inside(self, containers: list[_Open]) -> KeyPath | None:
        """Go on to the next element or key of the innermost container. None when all are closed."""
        while containers:
            inside = containers[-1]
            if not self._skip_fill():
                raise _NotToml
            if self._text[self._at] == ("]" if inside.is_array else "}"):
                containers.pop()
                self._at += 1
            elif self._text[self._at] == ",":
                self._at += 1
            elif inside.is_array:
                path = (*inside.path, inside.count)
                inside.count += 1
                self.found.define(path, self.found.line_at(self._at))
                return path
            else:
                path = self._key_and_equals(inside.path)
                self._skip(_BLANK)
                return path
        return None

    def _scalar(self, path: KeyPath) -> None:
        start = self._at
        if self._text.startswith(('"', "'"), start):
            self._at = _string_end(self._text, start)
        else:
            self._skip(_BARE_VALUE)
            if self._at == start:
                raise _NotToml
        self.found.values.append(Value(start, self._at, path))

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _expect(self, sign: str) -> None:
        if not self._text.startswith(sign, self._at):
            raise _NotToml
        self._at += len(sign)

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TooDeep(self.found.line_at(self._at))


def _string_end(text: str, start: int) -> int:
    """Return the offset after the string that starts at `start`, whichever of the four kinds it is."""
    quote = text[start]
    if text.startswith(quote * 3, start):
        return _long_string_end(text, start, quote * 3)
    stop = _STOP_IN_BASIC if quote == '"' else _STOP_IN_LITERAL
    at = start + 1
    while (match := stop.search(text, at)) is not None:
        if match.group() == quote:
            return match.end()
        if match.group() == "\n":
            break
        at = match.end()
    raise _NotToml


def _long_string_end(text: str, start: int, quotes: str) -> int:
    at = start + 3
    while True:
        if quotes == "'''":
            at = text.find(quotes, at)
        else:
            match = _STOP_IN_LONG_BASIC.search(text, at)
            at = -1 if match is None else match.start()
            if match is not None and match.group() != quotes:
                at = match.end()
                continue
        if at < 0:
            raise _NotToml
        # Up to two quotes may stand before the three that close it.
        end = at + 3
        while end < at + 5 and text.startswith(quotes[0], end):
            end += 1
        return end


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    short, long, byte, letter = escape.groups()
    if letter is not None:
        return _ESCAPED.get(letter, letter)
    code = int(short or long or byte, 16)
    return chr(code) if code <= 0x10FFFF else escape.group()
