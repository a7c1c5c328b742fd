"""What a source has done, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oracles.meter import REMEMBERED, Meter, Spread
from oracles.price import FailureKind, QuoteFailure
from tests.oracles.evidence import NOW_MS, quote


def test_quotes_changes_and_failures_are_counted_by_kind() -> None:
    meter = Meter()
    for answer in (quote("a", 1), quote("a", 1), quote("a", 2)):
        meter.note(answer, 10)
    for kind in (FailureKind.UNREACHABLE, FailureKind.MALFORMED, FailureKind.UNREACHABLE):
        meter.note(QuoteFailure("a", "a", "ETH/USD", kind, "", NOW_MS))

    assert (3, 2) == (meter.quotes, meter.changes)
    assert {FailureKind.UNREACHABLE: 2, FailureKind.MALFORMED: 1} == meter.failures
    assert Spread(10, 10, 10) == meter.took


def test_the_lag_is_the_age_at_arrival_and_a_clock_ahead_is_none() -> None:
    meter = Meter()
    meter.note(quote("a", 1, age_ms=250))
    meter.note(quote("b", 1, age_ms=-5_000))
    meter.note(quote("c", 1, timed=False))

    assert Spread(0, 250, 250) == meter.lag
    assert Spread(None, None, None) == meter.took


def test_only_the_newest_delays_are_remembered() -> None:
    meter = Meter()
    for took_ms in range(10_000):
        meter.note(quote("a", 1), took_ms)

    assert 10_000 == meter.quotes
    assert meter.took.p50_ms is not None
    assert meter.took.p50_ms >= 10_000 - REMEMBERED


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300))
def test_percentiles_are_delays_that_occurred_and_rise(delays: list[int]) -> None:
    spread = Spread.of(delays)
    found = [each for each in (spread.p50_ms, spread.p90_ms, spread.p99_ms) if each is not None]

    assert sorted(found) == found
    assert set(found) <= set(delays)
    assert 2 * sum(delay <= found[0] for delay in delays) >= len(delays)
