"""What a probe found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: a problem keeps the daemon from working, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that was looked at. No text carries a URL's secret or a key."""

    level: Level
    subject: str
    text: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the report as JSON can hold it."""
        return {name: str(value) for name, value in asdict(self).items()}


def ok(subject: str, text: str) -> Report:
    """Return a report that all is well."""
    return Report(Level.OK, subject, text)


def warning(subject: str, text: str, advice: str) -> Report:
    """Return a report of something that should be looked at."""
    return Report(Level.WARNING, subject, text, advice)


def problem(subject: str, text: str, advice: str) -> Report:
    """Return a report of something that must be mended."""
    return Report(Level.PROBLEM, subject, text, advice)
