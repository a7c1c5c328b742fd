"""How old is too old, and when ageing alone will change an answer.

Boundaries: a quote is stale if its age is *more* than its source's `max_age`, and from the
future if it is *more* than `max_future_ms` ahead; exactly at either limit it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oracles.price import FailureKind, Quote, QuoteFailure, QuoteUse

MAX_FUTURE_MS = 30_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class AgePolicy:
    """The oldest a quote of each source may be, and how far ahead of our clock any may be."""

    max_age_ms: Mapping[str, int]
    max_future_ms: int = MAX_FUTURE_MS

    def stale(self, quote: Quote, now_ms: int) -> bool:
        """Return whether the quote is older than its source allows."""
        return now_ms - quote.time_ms > self.max_age_ms[quote.source]

    def refusal(self, quote: Quote, now_ms: int) -> tuple[FailureKind, str] | None:
        """Return why the quote's time keeps it from being used, or None."""
        if self.stale(quote, now_ms):
            clock = "unchanged since" if quote.source_time_ms is None else "made at"
            return FailureKind.STALE, f"{clock} {quote.time_ms} ms, limit {self.max_age_ms[quote.source]} ms"
        if quote.time_ms - now_ms > self.max_future_ms:
            return (
                FailureKind.FROM_THE_FUTURE,
                f"made at {quote.time_ms} ms, limit {self.max_future_ms} ms ahead",
            )
        return None


def age_widening_bps(time_ms: int, widen_bps_per_minute: int, now_ms: int) -> int:
    """Return by how much the interval of a quote of `time_ms` is wider for its age.

    In whole basis points, rounded up: an interval changes in steps, not with each
    millisecond, and so a quiet market does not cause an evaluation per tick.
    """
    return -(-max(now_ms - time_ms, 0) * widen_bps_per_minute // MINUTE_MS)


def next_change_ms(
    uses: Iterable[QuoteUse], widen_bps_per_minute: int, frozen_after_ms: int, ages: AgePolicy, now_ms: int
) -> int | None:
    """Return the first moment after `now_ms` at which time alone changes an aggregate, if any.

    Either a quote expires, one from the future becomes acceptable, one did not change for so
    long that it may be frozen, or the interval of a quote in use widens by its next basis
    point. `uses` is the tree of the aggregate as of `now_ms`.
    """
    first: int | None = None
    for use in uses:
        quote = use.quote
        if isinstance(quote, QuoteFailure):
            continue
        time_ms = quote.time_ms
        moments = [
            time_ms + ages.max_age_ms[quote.source] + 1,
            time_ms - ages.max_future_ms,
            quote.changed_at_ms + frozen_after_ms + 1,
        ]
        if use.used and widen_bps_per_minute:
            reached_bps = age_widening_bps(time_ms, widen_bps_per_minute, now_ms)
            moments.append(time_ms + reached_bps * MINUTE_MS // widen_bps_per_minute + 1)
        for moment in moments:
            if moment > now_ms and (first is None or moment < first):
                first = moment
    return first
