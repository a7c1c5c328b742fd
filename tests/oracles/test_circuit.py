from __future__ import annotations

import pytest

from oracles.circuit import OPEN_AFTER, Circuit, SourceHealth, pause_s
from tests.oracles.evidence import NOW_MS, failure, quote


def test_a_circuit_opens_after_failures_in_a_row_and_closes_with_a_quote() -> None:
    health = SourceHealth("a")
    for count in range(1, OPEN_AFTER + 1):
        assert health.circuit is Circuit.CLOSED
        health = health.after(failure("a"))
        assert health.consecutive_failures == count
    opened = health.circuit
    health = health.after(quote("a", 1))
    assert (opened, health.circuit) == (Circuit.OPEN, Circuit.CLOSED)
    assert health.consecutive_failures == 0
    assert health.last_quote_at_ms == NOW_MS
    assert health.last_failure == failure("a")


@pytest.mark.parametrize(
    ("interval_s", "failures", "retry_after_s", "expected_s"),
    [
        (1.0, 0, 0.0, 1.0),
        (1.0, 1, 0.0, 2.0),
        (1.0, 3, 0.0, 8.0),
        (1.0, 4, 0.0, 15.0),
        (1.0, 10**6, 0.0, 15.0),
        (60.0, 3, 0.0, 60.0),
        (1.0, 1, 40.0, 40.0),
    ],
)
def test_the_pause_doubles_to_a_cap_and_never_stops(
    interval_s: float, failures: int, retry_after_s: float, expected_s: float
) -> None:
    assert expected_s == pause_s(interval_s, failures, retry_after_s)
