"""Text that another program would replace before it is read. Here nothing is: it is refused, and said so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from config.errors import KeyPath, Remark

_INTERPOLATION = re.compile(r"\$\{|\$\(|^\$[A-Za-z_]|\$[A-Z][A-Z0-9_]{2,}|\{\{|^%[A-Za-z_]+%$")


def interpolations(document: Mapping[str, Any]) -> Iterator[Remark]:
    """Yield a remark for each text that looks as if a variable were to be put into it."""
    for path, text in _texts((), document):
        if _INTERPOLATION.search(text):
            yield Remark(
                path,
                "E124",
                "variables of the environment are not put in: this text would be used as it stands",
                "write the value itself; a key is named by its file (key_file), which systemd can provide",
            )


def _texts(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, str]]:
    match value:
        case str():
            yield path, value
        case dict():
            for key, item in value.items():
                yield from _texts((*path, key), item)
        case list():
            for number, item in enumerate(value):
                yield from _texts((*path, number), item)
        case _:
            return
