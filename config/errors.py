"""What is wrong with a configuration, as values: a remark on a key, and a finding in a file.

A check knows the key (`Remark`); only the loader knows the file and the line (`Finding`).
Neither ever holds a secret: what they quote passed through `config.shown`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""Where a value stands: ``("chains", "alpha", "endpoints", 0, "url")``."""


class Severity(StrEnum):
    """Whether a finding keeps the configuration from being used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something wrong at `key`: a stable code (see `config.codes`), what is wrong, what would be right."""

    key: KeyPath
    code: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark with its place. `line` and `column` count from 1; None where a file has no lines."""

    file: str
    line: int | None
    key: str
    code: str
    message: str
    advice: str
    column: int | None = None

    @property
    def severity(self) -> Severity:
        """A code says it itself: ``E`` keeps the file from being used, ``W`` does not."""
        return Severity.ERROR if self.code.startswith("E") else Severity.WARNING

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        place = ":".join([self.file, *numbers])
        key = f"{self.key} " if self.key else ""
        return f"{place}: {key}[{self.code}]: {self.message} -> {self.advice}"


class ConfigError(Exception):
    """The configuration can not be used. Nothing was started.

    `findings` are all that was found, warnings too, in the order of the file. `complete` is
    False if some checks could not run because of what was found first.
    """

    def __init__(self, findings: Iterable[Finding], *, complete: bool = True) -> None:
        self.findings = tuple(findings)
        self.complete = complete
        super().__init__(self.findings)

    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings]
        if not self.complete:
            lines.append("more may be found once these are mended: some checks need values that are missing")
        return "\n".join(lines)
