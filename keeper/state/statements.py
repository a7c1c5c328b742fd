"""SQL statements as projections use them: one statement, and what it is run for."""

# ruff: noqa: S608 - the statements are put together from names of this program
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement. With `each`, it runs once per object of that list, numbered by ``n``.

    `inside` names the list within the object of `each` to walk instead. `later` gives values to names that entries of
    earlier versions do not have.
    """

    sql: str
    each: str | None = None
    inside: str | None = None
    later: Mapping[str, str | None] = field(default_factory=dict)


def insert(table: str, columns: str, conflict: str = "") -> str:
    """Return an INSERT. A column is ``name`` (bound to :name) or ``name=sql``."""
    pairs = [column.strip().partition("=") for column in columns.split(",")]
    names = ", ".join(name for name, _, _ in pairs)
    values = ", ".join(value or f":{name}" for name, _, value in pairs)
    return f"INSERT INTO {table} ({names}) VALUES ({values}) {conflict}"
