"""When a source turns from well to ill or back, and how often that is worth a line. Pure.

A dead source is one line and not a storm, and one that turns with every answer is not either: after a line about
a source the next waits for `QUIET_MS`, and says how many turns it passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracles.circuit import Circuit, SourceHealth
from oracles.price import Quote, QuoteFailure

CIRCUIT_OPEN = "source_circuit_open"
QUIET_MS = 5_000
LINES_AT_ONCE = 4
"""Lines that a source may have before it must wait: falling ill, its circuit, and well again are one story."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line for the log. `unsaid` are turns since the last line that had none."""

    event: str
    answer: Quote | QuoteFailure
    failures: int
    unsaid: int


@dataclass(slots=True)
class Turns:
    """The turns of one source."""

    _told: int = 0
    _since_ms: int = 0
    _unsaid: int = 0

    def line(
        self, before: SourceHealth, after: SourceHealth, answer: Quote | QuoteFailure, now_ms: int
    ) -> Line | None:
        """Return what is to be said of an answer, if anything."""
        event = _turn(before, after, answer)
        if event is None:
            return None
        if not 0 <= now_ms - self._since_ms < QUIET_MS:
            self._told, self._since_ms = 0, now_ms
        if self._told >= LINES_AT_ONCE:
            self._unsaid += 1
            return None
        self._told += 1
        unsaid, self._unsaid = self._unsaid, 0
        return Line(event, answer, before.consecutive_failures, unsaid)


def _turn(before: SourceHealth, after: SourceHealth, answer: Quote | QuoteFailure) -> str | None:
    if isinstance(answer, Quote):
        return "source_recovered" if before.consecutive_failures else None
    if before.consecutive_failures == 0:
        return "source_failing"
    opened = before.circuit is Circuit.CLOSED and after.circuit is Circuit.OPEN
    return CIRCUIT_OPEN if opened else None
