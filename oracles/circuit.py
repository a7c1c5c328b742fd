"""How a source is doing, and how long to leave it alone. Pure.

A circuit opens after `OPEN_AFTER` failures in a row and closes with the next quote. Open
or not, the source goes on being asked, only ever more rarely: what never is asked again
never recovers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from oracles.price import Quote, QuoteFailure

OPEN_AFTER = 5
MAX_BACK_OFF_S = 15.0


class Circuit(StrEnum):
    """Whether a source is in order."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """One source's recent past. Times are UTC milliseconds."""

    source: str
    consecutive_failures: int = 0
    last_quote_at_ms: int | None = None
    last_failure: QuoteFailure | None = None

    @property
    def circuit(self) -> Circuit:
        """Open after `OPEN_AFTER` failures in a row."""
        return Circuit.OPEN if self.consecutive_failures >= OPEN_AFTER else Circuit.CLOSED

    def after(self, answer: Quote | QuoteFailure) -> SourceHealth:
        """Return the health after one more answer."""
        if isinstance(answer, Quote):
            return replace(self, consecutive_failures=0, last_quote_at_ms=answer.received_at_ms)
        return replace(self, consecutive_failures=self.consecutive_failures + 1, last_failure=answer)


def pause_s(interval_s: float, consecutive_failures: int, retry_after_s: float = 0.0) -> float:
    """Return the pause before the next question.

    The interval, doubled with each failure in a row up to `MAX_BACK_OFF_S` (or the interval,
    if that is longer), and never shorter than the source asked for.
    """
    doubled_s = interval_s * 2.0 ** min(consecutive_failures, 16)
    return max(min(doubled_s, max(MAX_BACK_OFF_S, interval_s)), retry_after_s)
