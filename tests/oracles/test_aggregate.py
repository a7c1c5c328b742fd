from __future__ import annotations

import pytest

from config.asset_settings import AssetSettings
from config.units import WAD
from oracles.price import FailureKind, PriceStatus, Quote, QuoteFailure
from tests.oracles.evidence import (
    EXACT,
    MAX_AGE_MS,
    NOW_MS,
    ages,
    failure,
    interval_of,
    price_of,
    priced,
    quote,
    quotes,
    reason_of,
    used_by,
)

QUORUM = EXACT.model_copy(update={"min_sources": 3, "min_groups": 2})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1000, 1002, 1001], (1001, 1001, 1001)),
        ([1000, 1001, 1003, 1004], (1001, 1002, 1003)),
        ([1000], (1000, 1000, 1000)),
    ],
)
def test_an_odd_count_gives_the_middle_and_an_even_one_an_interval(
    values: list[int], expected: tuple[int, int, int]
) -> None:
    assert expected == interval_of(price_of(quotes(values)))


def test_all_sources_used_is_ok() -> None:
    price = price_of(quotes([1000, 1001, 1002]), QUORUM)
    assert (PriceStatus.OK, "") == (price.status, price.reason)


@pytest.mark.parametrize(
    ("age_ms", "timed", "expected"),
    [
        (MAX_AGE_MS, True, ""),
        (MAX_AGE_MS + 1, True, "stale"),
        (MAX_AGE_MS, False, ""),
        (MAX_AGE_MS + 1, False, "stale"),
        (-30_000, True, ""),
        (-30_001, True, "from_the_future"),
    ],
)
def test_a_quote_counts_up_to_its_limits_and_not_a_millisecond_beyond(
    age_ms: int, timed: bool, expected: str
) -> None:
    price = price_of([*quotes([100, 100, 100]), quote("x", 100, age_ms=age_ms, timed=timed)])
    assert expected == reason_of(price, "x").partition(":")[0]
    assert (expected == "") == ("x" in used_by(price))


def test_the_published_boundary_of_900_seconds_is_ours() -> None:
    answers = [quote("x", 100, age_ms=900_000)]
    policy = ages(answers, 900_000)
    assert priced("ETH", EXACT, answers, policy, NOW_MS).status is PriceStatus.OK
    assert priced("ETH", EXACT, answers, policy, NOW_MS + 1).status is PriceStatus.UNAVAILABLE


def test_below_quorum_of_sources_there_are_no_numbers() -> None:
    price = price_of([*quotes([1, 2]), failure("x")], QUORUM)
    assert price.status is PriceStatus.UNAVAILABLE
    assert (None, None, None) == interval_of(price)
    assert price.oldest_ms is None
    assert price.reason == "quorum: 2 of 3 sources, 2 of 2 groups"
    assert set() == used_by(price)
    assert reason_of(price, "s0") == "no_price"


def test_one_source_of_three_is_no_price() -> None:
    answers: list[Quote | QuoteFailure] = [quote("a", 70_000), failure("b"), failure("c")]
    assert price_of(answers, QUORUM).status is PriceStatus.UNAVAILABLE


def test_three_sources_of_one_group_are_no_quorum() -> None:
    answers = [quote(name, 100, group="one-upstream") for name in "abc"]
    assert price_of(answers, QUORUM).reason == "quorum: 3 of 3 sources, 1 of 2 groups"


def test_quorum_is_counted_after_freshness() -> None:
    answers = [*quotes([100, 100]), quote("x", 100, age_ms=MAX_AGE_MS + 1)]
    assert price_of(answers, QUORUM).status is PriceStatus.UNAVAILABLE


def test_five_sources_behind_one_upstream_have_one_vote() -> None:
    family = [quote(f"u{number}", 1004, group="upstream") for number in range(5)]
    price = price_of([*family, *quotes([1000, 1001, 1000])], EXACT)
    assert (1000, 1000, 1001) == interval_of(price)


def test_a_group_votes_with_its_own_median() -> None:
    family = [quote("u1", 100, group="u"), quote("u2", 101, group="u"), quote("u3", 5_000, group="u")]
    assert (101, 101, 101) == interval_of(price_of(family, EXACT))


def test_a_vote_weighs_what_its_heaviest_source_weighs() -> None:
    heavy = [quote("u1", 102, group="u", weight=2), quote("u2", 102, group="u", weight=2)]
    assert (101, 101, 102) == interval_of(price_of([*heavy, *quotes([100, 101])]))
    heavier = [*heavy, quote("u3", 102, group="u", weight=3)]
    assert (102, 102, 102) == interval_of(price_of([*heavier, *quotes([100, 101])]))


def test_an_outlier_of_four_is_left_out_and_recorded() -> None:
    settings = QUORUM.model_copy(update={"max_spread_bps": 500})
    price = price_of(quotes([1000, 1001, 1002, 600]), settings)
    assert {"s0", "s1", "s2"} == used_by(price)
    assert reason_of(price, "s3") == "outlier: 6666 bps from the middle"
    assert price.status is PriceStatus.DEGRADED
    assert price.reason == "1 of 4 sources unused: s3 outlier"
    assert price.mid_wad is not None
    assert 1000 <= price.mid_wad <= 1002


def test_excluding_an_honest_outlier_does_not_hand_the_median_to_a_minority() -> None:
    honest, lies = [10_000, 10_000, 11_000], [9_999, 9_999]
    price = price_of(quotes([*honest, *lies]))
    assert reason_of(price, "s2").startswith("outlier")
    assert (9_999, 10_000, 10_000) == interval_of(price)


def test_with_three_groups_nothing_is_excluded_and_the_spread_refuses() -> None:
    settings = QUORUM.model_copy(update={"max_spread_bps": 500})
    price = price_of(quotes([1000, 1001, 600]), settings)
    assert price.reason == "spread: 6683 bps, limit 500 bps"
    assert price.status is PriceStatus.UNAVAILABLE


def test_sources_split_in_halves_are_no_price() -> None:
    settings = AssetSettings()
    assert price_of(quotes([100, 100, 65, 65]), settings).reason.startswith("spread")


@pytest.mark.parametrize(("high", "expected"), [(10_500, PriceStatus.OK), (10_501, PriceStatus.UNAVAILABLE)])
def test_the_spread_limit_itself_is_allowed(high: int, expected: PriceStatus) -> None:
    settings = EXACT.model_copy(update={"max_spread_bps": 500})
    assert expected is price_of(quotes([10_000, high]), settings).status


def test_excluding_half_of_the_weight_leaves_no_price() -> None:
    answers = quotes([150, 100, 100, 100, 100], [4, 1, 1, 1, 1])
    price = price_of(answers)
    assert price.reason == "outliers: half of the weight or more is excluded"
    assert reason_of(price, "s0").startswith("outlier")
    assert reason_of(price, "s1") == "no_price"


def test_quorum_holds_after_exclusion_too() -> None:
    settings = EXACT.model_copy(update={"min_sources": 4})
    assert price_of(quotes([100, 100, 100, 150]), settings).reason == (
        "outliers: 3 of 4 sources, 3 of 1 groups after exclusion"
    )


def test_the_interval_covers_confidence_and_the_floor_outward() -> None:
    sure = [quote("a", 1_000_000, confidence=300), quote("b", 1_000_000, confidence=200)]
    assert (999_700, 1_000_000, 1_000_300) == interval_of(price_of(sure))
    settings = EXACT.model_copy(update={"floor_bps": 5})
    assert (999_500, 1_000_000, 1_000_500) == interval_of(price_of(sure, settings))


def test_one_unsure_source_of_three_can_not_widen_the_interval_at_will() -> None:
    answers = [*quotes([1000, 1000]), quote("x", 1000, confidence=999)]
    assert (1000, 1000, 1000) == interval_of(price_of(answers))


def test_the_interval_widens_by_whole_basis_points_of_the_oldest_quote_used() -> None:
    settings = EXACT.model_copy(update={"widen_bps_per_minute": 2})
    answers = [quote("a", 1_000_000), quote("b", 1_000_000, age_ms=30_000)]
    assert (999_900, 1_000_000, 1_000_100) == interval_of(price_of(answers, settings))
    later = priced("ETH", settings, answers, ages(answers, 60_000), NOW_MS + 1)
    assert (999_800, 1_000_000, 1_000_200) == interval_of(later)


def test_a_frozen_outlier_does_not_age_the_price() -> None:
    answers = [*quotes([100, 100, 100]), quote("x", 200, age_ms=20_000)]
    assert price_of(answers).oldest_ms == NOW_MS


def test_the_time_of_a_price_is_its_oldest_quote() -> None:
    answers = [quote("a", 100, age_ms=1), quote("b", 100, age_ms=10), quote("c", 100, age_ms=100)]
    assert price_of(answers).oldest_ms == NOW_MS - 100


@pytest.mark.parametrize(
    "bad",
    [
        quote("x", 0),
        quote("x", -1),
        quote("x", 10**36 + 1),
        quote("x", 100, confidence=100),
        quote("x", 100, confidence=-1),
        quote("x", 100, pair="ETH/USDC"),
        quote("x", 100, pair="USDC/ETH"),
        quote("x", 100, pair="USDC/USD"),
    ],
)
def test_what_is_not_a_price_is_not_used(bad: Quote) -> None:
    price = price_of([*quotes([100, 100, 100]), bad])
    assert reason_of(price, "x").startswith("not_a_price")
    assert (100, 100, 100) == interval_of(price)
    assert price.status is PriceStatus.DEGRADED


def test_a_failure_stays_in_the_tree_with_its_reason() -> None:
    broken = QuoteFailure("x", "x", "ETH/USD", FailureKind.MALFORMED, "not JSON", NOW_MS)
    price = price_of([*quotes([100, 100, 100]), broken])
    assert reason_of(price, "x") == "malformed: not JSON"
    assert price.uses[-1].quote is broken


def test_a_source_that_answers_twice_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="twice"):
        price_of([quote("a", 1), quote("a", 1)])


SHARE = EXACT.model_copy(update={"priced_in": "USDC"})


def test_a_composite_multiplies_end_by_end_rounded_outward() -> None:
    via_answers = [quote("a", WAD - 1, pair="USDC/USD"), quote("b", WAD + 1, pair="USDC/USD", age_ms=7)]
    via = priced("USDC", EXACT, via_answers, ages(via_answers), NOW_MS)
    price = price_of([quote("x", 2001, pair="ETH/USDC", age_ms=3)], SHARE, via=via)
    assert (2000, 2001, 2002) == interval_of(price)
    assert price.oldest_ms == NOW_MS - 7
    assert price.via is via
    assert price.status is PriceStatus.OK


def test_a_composite_is_unavailable_with_its_unit() -> None:
    via = priced("USDC", QUORUM, [], ages([]), NOW_MS)
    price = price_of([quote("x", 2001, pair="ETH/USDC")], SHARE, via=via)
    assert price.status is PriceStatus.UNAVAILABLE
    assert price.reason == "via USDC: quorum: 0 of 3 sources, 0 of 2 groups"
    assert (None, None, None) == interval_of(price)
    assert price.via is via
    assert set() == used_by(price)


def test_a_composite_is_degraded_with_its_unit() -> None:
    via_answers: list[Quote | QuoteFailure] = [quote("a", WAD, pair="USDC/USD"), failure("b")]
    via = priced("USDC", EXACT, via_answers, ages(via_answers), NOW_MS)
    price = price_of([quote("x", 2001, pair="ETH/USDC")], SHARE, via=via)
    assert price.status is PriceStatus.DEGRADED
    assert price.reason == "via USDC: 1 of 2 sources unused: b unreachable"


def test_a_composite_without_its_unit_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match="USDC"):
        price_of([quote("x", 2001, pair="ETH/USDC")], SHARE)


def test_a_price_too_small_for_18_decimals_is_no_price() -> None:
    settings = EXACT.model_copy(update={"floor_bps": 5})
    assert price_of(quotes([1]), settings).reason.startswith("value: too small")
