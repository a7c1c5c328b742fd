"""Where output goes: text through rich, JSON as one document, and a closed pipe is no error."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_TEXT_NUMBERS = ("_wad", "_wei")
_CUT_NUMBERS = ("number", "timestamp", "age_ms")
_WIDTH_OF_A_FILE = 200
_WIDTH_OF_PROSE = 100


def show_json(document: Mapping[str, object]) -> None:
    """Write one JSON document to standard output."""
    _write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show(*parts: RenderableType) -> None:
    """Write text, tables and trees to standard output, coloured only on a terminal."""
    out = console()
    with out.capture() as captured:
        for part in parts:
            out.print(part)
    _write(captured.get())


def prose(text: str) -> str:
    """Return a paragraph broken into lines that are comfortable to read."""
    return textwrap.fill(text, min(_WIDTH_OF_PROSE, console().width), break_long_words=False)


def console() -> Console:
    """Return a console as wide as the terminal; a file or pipe is wide enough for every table."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    # What is shown comes from nodes and venues too: nothing in it is markup.
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, width=width)


def pick(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return `names` of a row as JSON can hold them: amounts (`_wad`, `_wei`) as decimal text."""
    return {name: _plain(name, row[name]) for name in names}


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 - one column of any type
    if name == "cut":
        return [point | {number: int(point[number]) for number in _CUT_NUMBERS} for point in value]
    return str(value) if isinstance(value, int) and name.endswith(_TEXT_NUMBERS) else value


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
