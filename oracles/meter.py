"""What a source has done since the process began: counts, and how long its answers took. Pure, bounded.

Two delays, because a pushed ticker has only one: how long an answer took to come once it was
asked for, and how old it was by the source's own clock when it came. Percentiles are of the newest
`REMEMBERED` answers.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from oracles.price import FailureKind, Quote, QuoteFailure

REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle, the slow and the slowest of some delays, in milliseconds; None without any."""

    p50_ms: int | None
    p90_ms: int | None
    p99_ms: int | None

    @classmethod
    def of(cls, delays_ms: Iterable[int]) -> Spread:
        """Return the percentiles by nearest rank: each is a delay that occurred."""
        ordered = sorted(delays_ms)
        if not ordered:
            return cls(None, None, None)
        return cls(*(ordered[max(-(-len(ordered) * percent // 100) - 1, 0)] for percent in (50, 90, 99)))


@dataclass(slots=True)
class Meter:
    """One source's counts. Tells nothing about whether it may be used: that is `SourceHealth` and the book."""

    quotes: int = 0
    changes: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter)
    last_quote: Quote | None = None
    last_failure: QuoteFailure | None = None
    _took_ms: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _lag_ms: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def note(self, answer: Quote | QuoteFailure, took_ms: int | None = None) -> None:
        """Count one answer; `took_ms` is how long it took, where it was asked for."""
        if isinstance(answer, QuoteFailure):
            self.failures[answer.kind] += 1
            self.last_failure = answer
            return
        self.quotes += 1
        self.changes += self.last_quote is None or self.last_quote.value_wad != answer.value_wad
        self.last_quote = answer
        if took_ms is not None:
            self._took_ms.append(took_ms)
        if answer.source_time_ms is not None:
            self._lag_ms.append(max(answer.received_at_ms - answer.source_time_ms, 0))

    @property
    def took(self) -> Spread:
        """How long answers took."""
        return Spread.of(self._took_ms)

    @property
    def lag(self) -> Spread:
        """How old quotes were when they came."""
        return Spread.of(self._lag_ms)
