"""Where everything in a TOML document stands, which `tomllib` does not say."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from config.errors import KeyPath


class Value(NamedTuple):
    """The part of the text that is the value of `key` (or one element of an array)."""

    start: int
    end: int
    key: KeyPath


@dataclass(slots=True)
class Positions:
    """Lines (from 1) of the keys of one document, and which part of its text is what.

    `repeated` are the keys written twice with both lines; such a document is not TOML.
    `comments` are starts and ends, `newlines` offsets into the text.
    """

    explicit: dict[KeyPath, int] = field(default_factory=dict)
    implied: dict[KeyPath, int] = field(default_factory=dict)
    repeated: list[tuple[KeyPath, int, int]] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Return the line of a key or array element; of what holds it if it is not there itself."""
        while path:
            if (found := self.explicit.get(path) or self.implied.get(path)) is not None:
                return found
            path = path[:-1]
        return 1

    def line_at(self, offset: int) -> int:
        """Return the line of an offset into the text."""
        return bisect_left(self.newlines, offset) + 1

    def value_at(self, offset: int) -> Value | None:
        """Return the value (no table or array) that covers an offset, or None."""
        index = bisect_right(self.values, offset, key=itemgetter(0)) - 1
        return self.values[index] if index >= 0 and offset < self.values[index].end else None

    def comment_at(self, offset: int) -> tuple[int, int] | None:
        """Return the start and end of the comment that covers an offset, or None."""
        index = bisect_right(self.comments, offset, key=itemgetter(0)) - 1
        return self.comments[index] if index >= 0 and offset < self.comments[index][1] else None

    def define(self, path: KeyPath, line: int) -> None:
        """Note that a key is written on a line."""
        if path in self.explicit:
            self.repeated.append((path, self.explicit[path], line))
        else:
            self.explicit[path] = line
