from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.median import exceeds_bps, middle, outliers, widened

# numbers of published aggregators' own tests, where an even count is the interval of both middles
TABLE = [
    pytest.param([42], [1], (42, 42), id="redstone-one"),
    pytest.param([1, 3, 2], [1, 1, 1], (2, 2), id="oracle-suite-odd"),
    pytest.param([1, 2], [1, 1], (1, 2), id="oracle-suite-even-not-1.5"),
    pytest.param([25, 57, 10], [1, 1, 1], (25, 25), id="uma-odd"),
    pytest.param([17, 58, 45, 100], [1, 1, 1, 1], (45, 58), id="uma-even-not-51.5"),
    pytest.param([1, 2, 3, 4], [1, 1, 1, 1], (2, 3), id="libocr-even-not-only-3"),
    pytest.param([10, 40, 30, 20], [1, 1, 1, 1], (20, 30), id="redstone-even-not-25"),
    pytest.param([5, 2, 8, 1, 9], [1] * 5, (5, 5), id="redstone-unsorted"),
    pytest.param([6, 5, 4, 3, 2, 1], [1] * 6, (3, 4), id="redstone-six"),
    pytest.param([5, 10, 7, 8, 1], [1] * 5, (7, 7), id="maker-medianizer"),
    pytest.param([2**256 - 1, 1], [1, 1], (1, 2**256 - 1), id="redstone-256-bit"),
    pytest.param([10000, 100, 10, 1], [1] * 4, (10, 100), id="synthetix-even-not-55"),
    pytest.param([112, 107, 111, 120], [1] * 4, (111, 112), id="umee-even"),
    pytest.param([100, 200], [100, 200], (200, 200), id="connect-heavier"),
    pytest.param([100, 200, 300], [10, 20, 30], (200, 300), id="connect-exactly-half"),
    pytest.param([100, 200], [1, 1], (100, 200), id="connect-equal"),
    pytest.param([1, 2, 10, 100000], [1, 1, 100, 1], (10, 10), id="umee-weighted"),
    pytest.param([1, 2, 10, 100000, 10**10], [1, 1, 100, 1, 0], (10, 10), id="umee-weightless"),
    pytest.param([100, 103, 105, 107, 109], [100] * 5, (105, 105), id="band-equal-power"),
]


@pytest.mark.parametrize(("values", "weights", "expected"), TABLE)
def test_the_middle_is_one_or_two_quoted_values(
    values: list[int], weights: list[int], expected: tuple[int, int]
) -> None:
    assert expected == middle(zip(values, weights, strict=True))


def test_the_median_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        middle([])


@given(st.lists(st.tuples(st.integers(1, 10**30), st.integers(1, 9)), min_size=1, max_size=9))
def test_at_least_half_of_the_weight_lies_on_each_side_of_each_middle(
    weighted: list[tuple[int, int]],
) -> None:
    total = sum(weight for _, weight in weighted)
    for found in middle(weighted):
        assert 2 * sum(weight for value, weight in weighted if value <= found) >= total
        assert 2 * sum(weight for value, weight in weighted if value >= found) >= total


def test_a_band_is_met_exactly_and_passed_by_one() -> None:
    assert not exceeds_bps(10_500, 10_000, 500)
    assert exceeds_bps(10_501, 10_000, 500)


@given(st.integers(1, 10**24), st.integers(1, 10**24), st.integers(0, 10_000))
def test_a_band_is_the_same_from_both_sides(one: int, other: int, bps: int) -> None:
    low, high = widened(one, one, bps)
    if not exceeds_bps(max(one, other), min(one, other), bps):
        assert low <= other <= high


def test_one_far_vote_of_four_is_an_outlier_with_its_distance() -> None:
    votes = {"a": (100, 100), "b": (101, 101), "c": (100, 100), "d": (140, 140)}
    assert {"d": 3861} == outliers(votes, floor_bps=100)


def test_equal_distances_up_and_down_are_equally_far() -> None:
    up = {"a": (100, 100), "b": (100, 100), "c": (100, 100), "d": (160, 160)}
    down = {"a": (160, 160), "b": (160, 160), "c": (160, 160), "d": (100, 100)}
    assert {"d": 6000} == outliers(up, 100) == outliers(down, 100)


def test_robust_deviation_of_published_sample_excludes_only_250() -> None:
    votes = {str(value): (value, value) for value in (100, 101, 99, 102, 250)}
    assert {"250"} == outliers(votes, floor_bps=100).keys()


def test_the_floor_keeps_what_is_only_relatively_far() -> None:
    votes = {"a": (10_000, 10_000), "b": (10_000, 10_000), "c": (10_000, 10_000), "d": (10_100, 10_100)}
    assert {} == outliers(votes, floor_bps=100)
    assert {"d": 100} == outliers(votes, floor_bps=99)


def test_votes_split_in_two_halves_have_no_outlier() -> None:
    votes = {"a": (100, 100), "b": (100, 100), "c": (65, 65), "d": (65, 65)}
    assert {} == outliers(votes, floor_bps=100)


def test_a_widely_spread_market_has_no_outlier() -> None:
    votes = {str(value): (value, value) for value in (100, 110, 121, 133)}
    assert {} == outliers(votes, floor_bps=100)
