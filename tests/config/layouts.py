"""TOML documents written in every way TOML allows, with the line that each key truly stands on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TypeAlias

from hypothesis import strategies as st

from config.errors import KeyPath

Value: TypeAlias = "bool | int | float | str | date | list[Value] | dict[str, Value]"

COMMENTS = ("", "", "", " # plain", ' # [not.a.table] key = "value"', " # ''' \"\"\" { [", " # a # b")

keys = st.one_of(
    st.text("abcXYZ019_-", min_size=1, max_size=5),
    st.sampled_from(
        ["", "a.b", "key with spaces", 'quo"te', "back\\slash", "[x]", "=", "#", "Ünïcödé", "'", "\t"]
    ),
)
texts = st.one_of(
    st.text("ab [{]}=#,\"'\\\n\t.é", max_size=12),
    st.sampled_from(["", "\n", '"""', "'''", "\n\n[table]\nkey = 1\n", "ends with \\"]),
)
scalars = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts, st.dates()
)
tables = st.recursive(
    st.dictionaries(keys, scalars, max_size=3),
    lambda inner: st.dictionaries(
        keys,
        st.one_of(
            scalars,
            inner,
            st.lists(inner, max_size=3),
            st.lists(st.one_of(scalars, inner, st.lists(scalars, max_size=3)), max_size=4),
        ),
        max_size=4,
    ),
    max_leaves=20,
)


@dataclass
class Layout:
    """Writes one document, choosing with `random`; `lines` is the truth about it."""

    random: Random
    text: str = ""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mentioned: dict[KeyPath, int] = field(default_factory=dict)

    def line_of(self, path: KeyPath) -> int:
        return self.lines.get(path) or self.mentioned[path]

    @property
    def here(self) -> int:
        return self.text.count("\n") + 1

    def document(self, table: Mapping[str, Value]) -> None:
        self.gap()
        self.body((), (), table)

    def body(
        self, names: tuple[str, ...], path: KeyPath, table: Mapping[str, Value], header: str = ""
    ) -> None:
        """Write a table: its own keys below `header`, and its inner tables by headers of their own."""
        by_header = {key for key, value in table.items() if self.may_have_header(value) and self.flip()}
        own = [(key, value) for key, value in table.items() if key not in by_header]
        inner = [(key, value) for key, value in table.items() if key in by_header]
        own_last = bool(header == "[" and inner and self.flip())
        silent = header == "[" and bool(inner) and not own and self.flip()
        if not own_last and not silent:
            self.own(names, path, own, header)
        for key, value in inner:
            self.headed((*names, key), (*path, key), value)
        if own_last:
            self.own(names, path, own, header)

    def own(
        self, names: tuple[str, ...], path: KeyPath, own: Sequence[tuple[str, Value]], header: str
    ) -> None:
        if header:
            self.put(self.random.choice(["", "  "]))
            self.mention(path)
            self.lines[path] = self.here
            dots = self.random.choice([".", " . ", ". "])
            close = "]" * len(header)
            self.put(f"{header}{self.blank()}{dots.join(map(self.key, names))}{self.blank()}{close}")
            self.end()
        for key, value in own:
            self.assignment(path, (key,), value)

    def headed(self, names: tuple[str, ...], path: KeyPath, value: Value) -> None:
        if isinstance(value, dict):
            self.body(names, path, value, "[")
            return
        assert isinstance(value, list)
        for number, element in enumerate(value):
            assert isinstance(element, dict)
            self.body(names, (*path, number), element, "[[")

    def assignment(self, base: KeyPath, parts: tuple[str, ...], value: Value) -> None:
        """Write ``key = value``, or several with dotted keys if the value is a table."""
        if isinstance(value, dict) and value and len(parts) < 4 and self.flip():
            for key, item in value.items():
                self.assignment(base, (*parts, key), item)
            return
        self.put(self.blank())
        self.mention((*base, *parts))
        self.lines[*base, *parts] = self.here
        self.put(self.random.choice([".", " . "]).join(map(self.key, parts)))
        self.put(f"{self.blank()}={self.blank()}")
        self.value((*base, *parts), value)
        self.end()

    def mention(self, path: KeyPath) -> None:
        for length in range(1, len(path) + 1):
            self.mentioned.setdefault(path[:length], self.here)

    def value(self, path: KeyPath, value: Value) -> None:
        match value:
            case bool():
                self.put("true" if value else "false")
            case str():
                self.put(self.string(value))
            case date():
                self.put(value.isoformat())
            case int() | float():
                self.put(repr(value))
            case list():
                self.array(path, value)
            case _:
                self.inline_table(path, value)

    def array(self, path: KeyPath, items: Sequence[Value]) -> None:
        self.put("[")
        for number, item in enumerate(items):
            self.fill()
            self.mentioned[*path, number] = self.lines[*path, number] = self.here
            self.value((*path, number), item)
            self.fill()
            if number + 1 < len(items) or self.flip():
                self.put(",")
        self.fill()
        self.put("]")

    def inline_table(self, path: KeyPath, table: Mapping[str, Value]) -> None:
        self.put("{")
        for number, (key, value) in enumerate(table.items()):
            self.put(f"{', ' if number else ''}{self.blank()}")
            self.inline_assignment(path, (key,), value)
        self.put(f"{self.blank()}}}")

    def inline_assignment(self, base: KeyPath, parts: tuple[str, ...], value: Value) -> None:
        if isinstance(value, dict) and len(value) == 1 and len(parts) < 4 and self.flip():
            [(key, item)] = value.items()
            self.inline_assignment(base, (*parts, key), item)
            return
        self.mention((*base, *parts))
        self.lines[*base, *parts] = self.here
        self.put(f"{'.'.join(map(self.key, parts))}{self.blank()}={self.blank()}")
        self.value((*base, *parts), value)

    def string(self, text: str) -> str:
        styles: list[Callable[[str], str]] = [lambda text: json.dumps(text, ensure_ascii=self.flip())]
        if "'" not in text and "\n" not in text:
            styles.append(lambda text: f"'{text}'")
        if "'''" not in text and not text.endswith("'"):
            styles.append(lambda text: f"'''\n{text}'''")
        styles.append(lambda text: '"""\n' + text.replace("\\", "\\\\").replace('"""', '""\\"') + '"""')
        return self.random.choice(styles)(text)

    def key(self, key: str) -> str:
        if key and all(
            character.isascii() and (character.isalnum() or character in "_-") for character in key
        ):
            return self.random.choice([key, key, f'"{key}"', f"'{key}'"])
        if "'" not in key and self.flip():
            return f"'{key}'"
        return json.dumps(key, ensure_ascii=self.flip())

    def fill(self) -> None:
        """Write what may stand between the elements of an array."""
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self.put(f"{self.random.choice(COMMENTS)}\n  ")
        self.put(self.blank())

    def end(self) -> None:
        self.put(f"{self.blank()}{self.random.choice(COMMENTS)}\n")
        self.gap()

    def gap(self) -> None:
        self.put(self.random.choice(["", "", "", "\n", "# comment\n", "\n# [a]\n\n", "#\n"]))

    def blank(self) -> str:
        return self.random.choice(["", "", " ", "\t "])

    def put(self, text: str) -> None:
        self.text += text

    def flip(self) -> bool:
        return self.random.random() < 0.5

    @staticmethod
    def may_have_header(value: Value) -> bool:
        if isinstance(value, list):
            return bool(value) and all(isinstance(item, dict) for item in value)
        return isinstance(value, dict)


def paths(path: KeyPath, value: Value) -> list[KeyPath]:
    """Every key and element below `path`."""
    match value:
        case dict():
            below: list[tuple[str | int, Value]] = list(value.items())
        case list():
            below = list(enumerate(value))
        case _:
            below = []
    return [found for part, item in below for found in ((*path, part), *paths((*path, part), item))]
