"""Limits per transaction, hour and day, over what was spent and what may still be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keeper.execution.spending import (
    DAY_MS,
    HOUR_MS,
    LimitPassed,
    Outlay,
    SpendingLimits,
    Spent,
    check_spending,
)

LIMITS = SpendingLimits(
    max_per_transaction_wei=100, max_per_hour_wei=300, max_per_day_wei=1_000, cancel_reserve_wei=50
)
NOW_MS = 10 * DAY_MS


def check(cost: int, *spent: Spent, reserved: int = 0, is_cancel: bool = False) -> LimitPassed | None:
    return check_spending(LIMITS, spent, [Outlay(reserved)], Outlay(cost), NOW_MS, is_cancel=is_cancel)


def test_a_limit_may_be_reached_but_not_passed() -> None:
    assert check(100, Spent(NOW_MS, 150)) is None
    assert LimitPassed("max_per_hour_wei", 251, 250) == check(100, Spent(NOW_MS, 151))


def test_one_transaction_has_its_own_limit() -> None:
    assert LimitPassed("max_per_transaction_wei", 101, 100) == check(101)


def test_what_is_still_out_counts_with_its_worst_case() -> None:
    assert LimitPassed("max_per_hour_wei", 260, 250) == check(60, reserved=200)


def test_an_hour_ago_is_over() -> None:
    assert check(100, Spent(NOW_MS - HOUR_MS, 250)) is None
    assert check(100, Spent(NOW_MS - HOUR_MS + 1, 250)) is not None


def test_the_day_has_its_own_limit() -> None:
    spent = [Spent(NOW_MS - 2 * HOUR_MS * hour, 100) for hour in range(1, 10)]

    assert LimitPassed("max_per_day_wei", 1_000, 950) == check(100, *spent)


def test_a_cancel_may_use_the_reserve_that_work_leaves() -> None:
    spent = Spent(NOW_MS, 250)

    assert check(50, spent) is not None
    assert check(50, spent, is_cancel=True) is None
    assert check(51, spent, is_cancel=True) is not None


@given(
    costs=st.lists(st.tuples(st.integers(0, 120), st.integers(0, HOUR_MS // 2), st.booleans()), max_size=60)
)
def test_no_sequence_of_allowed_transactions_passes_a_limit(costs: list[tuple[int, int, bool]]) -> None:
    spent: list[Spent] = []
    now_ms = NOW_MS
    for cost, wait_ms, is_cancel in costs:
        now_ms += wait_ms
        if check_spending(LIMITS, spent, [], Outlay(cost), now_ms, is_cancel=is_cancel) is None:
            spent.append(Spent(now_ms, cost))
        for window_ms, limit in ((HOUR_MS, LIMITS.max_per_hour_wei), (DAY_MS, LIMITS.max_per_day_wei)):
            assert sum(one.cost_wei for one in spent if now_ms - one.at_ms < window_ms) <= limit
