"""What an auditor found: per check how much was looked at, and what does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from keeper.views.audit.journal import LoggedEntry

MAX_SHOWN = 20


@dataclass(slots=True)
class Finding:
    """One check. `checked` counts what was looked at; `failures` are the first of what does not hold."""

    name: str
    title: str
    checked: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def expect(self, text: str, *, holds: bool) -> None:
        """Count one thing looked at; `text` says what is wrong with it if it does not hold."""
        self.checked += 1
        if not holds:
            self.fail(text)

    def fail(self, text: str) -> None:
        """Note something that does not hold."""
        self.failed += 1
        if len(self.failures) < MAX_SHOWN:
            self.failures.append(text)

    @property
    def holds(self) -> bool:
        """Whether nothing was found against it."""
        return self.failed == 0


class Auditor(Protocol):
    """Is given every entry of the journal in order, once, and then says what it found."""

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""

    def findings(self) -> Iterable[Finding]:
        """Return what was found. Called once, after the last entry."""
