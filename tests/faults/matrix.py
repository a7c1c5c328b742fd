"""The fault matrix as a table: which case is injected by which tests, and which is not."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `tests` are node ids without parameters; `why` says what of it is not injected, and why not."""

    id: str
    what: str
    gate: bool
    tests: tuple[str, ...] = ()
    why: str = ""


def read(path: Path) -> tuple[Case, ...]:
    """Read the table, in its own order."""
    found = tomllib.loads(path.read_text())
    return tuple(
        Case(case_id, each["what"], each["gate"], tuple(each["tests"]), each.get("why", ""))
        for case_id, each in found.items()
    )


MATRIX = read(TABLE)
