"""Volatility and depth from price sets: right on made-up markets, and never outside their bounds."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.asset_settings import AssetSettings
from config.estimate_settings import EstimateSettings
from config.units import WAD
from oracles.estimates.estimates import FEWEST_SAMPLES, Estimates
from oracles.estimates.realised import WINDOW
from oracles.price import Hold, Price, PriceSet, PriceStatus, Quote, QuoteUse

MINUTE_MS = 60_000
START_MS = 1_700_000_000_000
WIDE = EstimateSettings.model_validate({"lowest_volatility": "0", "highest_volatility": "100"})


def estimates(settings: EstimateSettings = WIDE) -> Estimates:
    return Estimates({"ETH": AssetSettings(estimates=settings)})


def price(mid_wad: int, at_ms: int, *, width_bps: int = 10, quoted_ms: int | None = None) -> Price:
    half = mid_wad * width_bps // 20_000
    made_ms = at_ms if quoted_ms is None else quoted_ms
    quote = Quote("one", "one", "ETH/USD", 1, mid_wad, 0, made_ms, at_ms, made_ms)
    uses = (QuoteUse(quote, used=True, reason=""),)
    return Price("ETH", PriceStatus.OK, "", mid_wad - half, mid_wad, mid_wad + half, made_ms, uses)


def fed(its: Estimates, prices: Iterable[tuple[int, Price]]) -> Estimates:
    for at_ms, one in prices:
        its.observe(PriceSet("", at_ms, {"ETH": one}))
    return its


def walk(yearly: float, steps: int, seed: int = 1, every_ms: int = MINUTE_MS) -> Iterator[tuple[int, Price]]:
    source = random.Random(seed)
    deviation = yearly * math.sqrt(every_ms / (365 * 86_400_000))
    value = 2_000.0
    for step in range(steps):
        at_ms = START_MS + step * every_ms
        yield at_ms, price(int(value * WAD), at_ms)
        value *= math.exp(source.gauss(0, deviation))


@pytest.mark.parametrize("yearly", [0.2, 0.8, 2.5])
def test_both_measures_find_the_volatility_of_a_random_walk(yearly: float) -> None:
    settings = WIDE.model_copy(update={"half_life_s": 36_000.0})
    found = fed(estimates(settings), walk(yearly, 4_000)).volatility("ETH")

    assert found.ewma_wad is not None
    assert found.realised_wad is not None
    assert yearly == pytest.approx(found.ewma_wad / WAD, rel=0.15)
    assert yearly == pytest.approx(found.realised_wad / WAD, rel=0.35)


def test_one_bad_print_moves_no_estimate() -> None:
    calm = list(walk(0.5, 300))
    at_ms, _ = calm[-20]
    wick = [*calm[:-20], (at_ms, price(400 * WAD, at_ms)), *calm[-19:]]
    before = fed(estimates(), calm).volatility("ETH")
    after = fed(estimates(), wick).volatility("ETH")

    assert before.realised_wad
    assert before.ewma_wad
    assert 0.5 == pytest.approx((after.realised_wad or 0) / WAD, rel=0.5)
    assert before.ewma_wad == pytest.approx(after.ewma_wad, rel=0.1)
    assert before.annualised_wad == pytest.approx(after.annualised_wad, rel=0.25)


def test_a_bad_print_that_is_the_newest_price_is_not_believed_before_the_next_one() -> None:
    calm = list(walk(0.5, 300))
    last_ms = calm[-1][0] + MINUTE_MS
    its = fed(estimates(), calm)
    before = its.volatility("ETH").ewma_wad
    fed(its, [(last_ms, price(400 * WAD, last_ms))])

    assert before == pytest.approx(its.volatility("ETH").ewma_wad, rel=0.1)


def test_a_jump_that_stays_moves_the_average_one_sample_later_and_not_the_robust_measure() -> None:
    calm = list(walk(0.5, 300))
    its = fed(estimates(), calm)
    before = its.volatility("ETH")
    for minute in (1, 2):
        at_ms = calm[-1][0] + minute * MINUTE_MS
        fed(its, [(at_ms, price(1_000 * WAD, at_ms))])
    after = its.volatility("ETH")

    assert (after.ewma_wad or 0) > 10 * (before.ewma_wad or 0) > 0
    assert 0.5 == pytest.approx((after.realised_wad or 0) / WAD, rel=0.5)


def test_a_time_of_calm_after_a_storm_is_forgotten_by_half_in_a_half_life() -> None:
    storm = list(walk(2.0, 600))
    its = fed(estimates(), storm)
    stormy = its.volatility("ETH").ewma_wad
    last_ms, last = storm[-1]
    assert last.mid_wad
    for minute in range(1, 61):
        at_ms = last_ms + minute * MINUTE_MS
        fed(its, [(at_ms, price(last.mid_wad, at_ms))])
    calm = its.volatility("ETH").ewma_wad

    assert stormy
    assert calm
    assert 0.5 == pytest.approx((calm / stormy) ** 2, rel=0.3)


def test_ticks_between_samples_and_repeated_quotes_are_no_samples() -> None:
    its = fed(estimates(), walk(0.5, 50))
    samples = its.volatility("ETH").samples
    last_ms = its.volatility("ETH").as_of_ms
    its.observe(PriceSet("", last_ms + 1_000, {"ETH": price(3_000 * WAD, last_ms + 1_000)}))
    later_ms = last_ms + 10 * MINUTE_MS
    its.observe(PriceSet("", later_ms, {"ETH": price(3_000 * WAD, later_ms, quoted_ms=last_ms)}))

    assert samples == its.volatility("ETH").samples == 49


def test_what_is_held_or_unavailable_is_no_sample() -> None:
    its = fed(estimates(), walk(0.5, 20))
    before = its.volatility("ETH")
    later_ms = before.as_of_ms + MINUTE_MS
    held = replace(price(9_000 * WAD, later_ms), holds=(Hold("move", "", later_ms, later_ms + 1),))
    its.observe(PriceSet("", later_ms, {"ETH": held}))
    gone = replace(
        price(1, later_ms), status=PriceStatus.UNAVAILABLE, low_wad=None, mid_wad=None, high_wad=None
    )
    its.observe(PriceSet("", later_ms + 1, {"ETH": gone}))

    assert before.samples == its.volatility("ETH").samples
    assert before.ewma_wad == its.volatility("ETH").ewma_wad


def test_without_enough_samples_the_upper_bound_is_the_answer() -> None:
    its = fed(estimates(EstimateSettings()), walk(0.5, FEWEST_SAMPLES))

    assert FEWEST_SAMPLES - 1 == its.volatility("ETH").samples
    assert EstimateSettings().highest_volatility == its.volatility("ETH").annualised_wad


@given(st.lists(st.tuples(st.integers(1, 10**30), st.integers(0, 10**7)), max_size=40))
def test_no_answer_leaves_its_bounds_whatever_the_prices_were(steps: list[tuple[int, int]]) -> None:
    settings = EstimateSettings.model_validate({"depth": "1000000", "lowest_depth": "10000"})
    its, at_ms = estimates(settings), START_MS
    for mid_wad, elapsed_ms in steps:
        at_ms += elapsed_ms
        its.observe(PriceSet("", at_ms, {"ETH": price(mid_wad, at_ms)}))
        assert (
            settings.lowest_volatility <= its.volatility("ETH").annualised_wad <= settings.highest_volatility
        )
        assert settings.lowest_depth <= (its.depth("ETH").depth_wad or 0) <= 10**24


def test_a_price_that_grows_wide_has_less_depth_and_never_less_than_the_least() -> None:
    settings = EstimateSettings.model_validate(
        {"depth": "1000", "lowest_depth": "100", "quiet_width_bps": 20}
    )
    its = estimates(settings)
    fed(its, [(START_MS, price(2_000 * WAD, START_MS, width_bps=20))])
    quiet = its.depth("ETH").depth_wad
    at_ms = START_MS + 3_600_000
    fed(its, [(at_ms, price(2_000 * WAD, at_ms, width_bps=60))])
    halfway = its.depth("ETH").depth_wad
    at_ms += 36_000_000
    fed(its, [(at_ms, price(2_000 * WAD, at_ms, width_bps=9_000))])

    assert 1_000 * WAD == quiet
    assert {"ETH": 100 * WAD} == its.depths_wad()
    assert 500 == pytest.approx((halfway or 0) / WAD, rel=0.01)
    assert 100 * WAD == its.depth("ETH").depth_wad


def test_depth_is_not_guessed_where_none_is_configured() -> None:
    its = fed(estimates(), walk(0.5, 3))

    assert its.depth("ETH").depth_wad is None
    assert {} == its.depths_wad()


def test_memory_does_not_grow() -> None:
    its = fed(estimates(), walk(0.5, 10 * WINDOW))

    assert WINDOW == len(its._of["ETH"].realised._returns)
    assert its._of["ETH"].ewma._squares.bit_length() < 300
    assert sys.getsizeof(its._of["ETH"].ewma._weights) < 100


def test_a_clock_that_was_years_ahead_for_a_moment_does_not_stop_the_estimates() -> None:
    its = estimates()
    ahead_ms = START_MS + 10 * 365 * 86_400_000
    its.observe(PriceSet("", ahead_ms, {"ETH": price(2_000 * WAD, ahead_ms)}))
    fed(its, walk(0.5, 30))

    assert 30 == its.volatility("ETH").samples + 1
    assert START_MS <= its.volatility("ETH").as_of_ms < ahead_ms
