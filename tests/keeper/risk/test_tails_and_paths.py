"""Paths, value at risk, expected shortfall and simulated breaches against distributions that are known."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from keeper.risk.exposures import Exposures
from keeper.risk.first_passage import screen
from keeper.risk.history import History
from keeper.risk.monte_carlo import breaches
from keeper.risk.scenarios import Paths, draw
from keeper.risk.tail import tails, value_at_risk
from tests.keeper.margin.builders import POLICY, account, leg
from tests.keeper.risk.worlds import (
    ASSETS,
    DAY_YEARS,
    NOW,
    VOLATILITY,
    borrower,
    day_of_history,
    mixed,
    spread,
)

NO_HISTORY = History(ASSETS, 300.0, np.zeros((0, len(ASSETS))))


def paths(count: int = 20_000, steps: int = 24, seed: int = 1, history: History = NO_HISTORY) -> Paths:
    return draw(NOW, spread(DAY_YEARS / steps), DAY_YEARS / steps, steps, count, seed, history, 3_600.0)


def test_value_at_risk_and_shortfall_of_normal_losses() -> None:
    losses = norm.ppf((np.arange(200_000) + 0.5) / 200_000)[None, :]

    at_risk, shortfall = value_at_risk(losses, 0.975)

    assert pytest.approx(1.95996, abs=1e-3) == at_risk[0]
    assert pytest.approx(norm.pdf(1.95996) / 0.025, abs=1e-3) == shortfall[0]


def test_a_fraction_of_a_scenario_counts_in_part() -> None:
    losses = np.arange(1.0, 11.0)[None, :]

    assert pytest.approx((10 + 9 + 0.5 * 8) / 2.5) == value_at_risk(losses, 0.75)[1][0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=60), st.floats(0.5, 0.99))
def test_the_shortfall_is_never_below_the_value_at_risk(losses: list[float], level: float) -> None:
    at_risk, shortfall = value_at_risk(np.array([losses]), level)

    assert shortfall[0] >= at_risk[0] - 1e-6 * (1 + abs(at_risk[0]))


def test_holding_one_ether_risks_its_lower_quantile() -> None:
    held = Exposures.of([account(leg(tokens={"ETH": "1"}))], POLICY, ASSETS)

    its, book = tails(held, NOW, paths(40_000))

    deviation = VOLATILITY[1] * np.sqrt(DAY_YEARS)
    expected = 2_000 * (1 - np.exp(-1.95996 * deviation - deviation**2 / 2))
    assert pytest.approx(expected, rel=0.02) == its.value_at_risk[0]
    assert its.value_at_risk[0] == book.value_at_risk
    assert its.expected_shortfall[0] == book.expected_shortfall


def test_the_book_risks_no_more_than_its_accounts_together() -> None:
    source = random.Random(2)
    held = Exposures.of([mixed(source, number) for number in range(20)], POLICY, ASSETS)

    its, book = tails(held, NOW, paths(4_000))

    assert book.expected_shortfall <= its.expected_shortfall.sum() * (1 + 1e-9)


def test_the_same_seed_draws_the_same_paths() -> None:
    np.testing.assert_array_equal(paths(50).prices, paths(50).prices)
    assert not np.array_equal(paths(50).prices, paths(50, seed=2).prices)


@pytest.mark.parametrize("with_history", [False, True])
def test_paths_have_the_variance_and_the_correlation_they_should(with_history: bool) -> None:
    history = day_of_history(np.random.default_rng(8)) if with_history else NO_HISTORY

    found = paths(8_000, history=history)

    assert with_history == found.filtered
    ends = np.log(found.prices[:, -1] / NOW)
    np.testing.assert_allclose(ends.std(axis=0), VOLATILITY * np.sqrt(DAY_YEARS), rtol=0.05)
    assert pytest.approx(0.7, abs=0.06) == np.corrcoef(ends.T)[1, 2]
    np.testing.assert_allclose(found.prices[:, -1].mean(axis=0), NOW, rtol=0.005)


def test_history_with_fat_tails_makes_paths_with_fat_tails() -> None:
    rng = np.random.default_rng(9)
    fat = History(ASSETS, 1_800.0, rng.standard_t(3, size=(3_000, 4)) * 0.002)

    found = draw(NOW, spread(DAY_YEARS / 48), DAY_YEARS / 48, 48, 4_000, 1, fat, 1e12)

    steps = np.diff(np.log(found.prices[:, :2, 1]), axis=1).ravel()
    kurtosis = ((steps - steps.mean()) ** 4).mean() / steps.var() ** 2
    assert found.filtered
    assert kurtosis > 5


def test_without_the_bridge_24_looks_a_day_miss_what_lies_between() -> None:
    its = Exposures.of([borrower(1.10)], POLICY, ASSETS)
    closed = screen(its, NOW, spread()).probability[0]
    drawn = paths(60_000)

    bridged = breaches(its, drawn)
    looked = breaches(its, drawn, bridged=False)

    assert pytest.approx(0.0239, abs=2e-4) == closed
    assert pytest.approx(closed, abs=4 * bridged.error[0] + 2e-4) == bridged.probability[0]
    assert looked.probability[0] < 0.85 * closed


def test_the_number_of_looks_does_not_matter_with_the_bridge() -> None:
    its = Exposures.of([borrower(1.06)], POLICY, ASSETS)

    few, many = (breaches(its, paths(30_000, steps=steps)).probability[0] for steps in (6, 48))

    assert pytest.approx(many, rel=0.04) == few


def test_times_to_breach_rise_with_their_quantile_and_end_with_the_horizon() -> None:
    its = Exposures.of([borrower(1.01), borrower(1.03, 1), borrower(1.5, 2)], POLICY, ASSETS)

    found = breaches(its, paths(4_000))

    assert (np.diff(found.times[:2], axis=1) >= 0).all()
    assert (found.times[0] <= DAY_YEARS).all()
    assert np.isinf(found.times[2]).all()
    assert pytest.approx(found.probability) == found.by_step.sum(axis=1)
    assert found.times[0, 2] < found.times[1, 2]
