"""The closed form against its published figures, simulation, and what it must never say."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.domain.account import Account
from keeper.risk.exposures import Exposures
from keeper.risk.first_passage import Screen, end_probability, screen, touch_probability
from keeper.risk.monte_carlo import breaches
from keeper.risk.scenarios import Paths
from tests.keeper.margin.builders import POLICY, account, leg, position
from tests.keeper.risk.worlds import ASSETS, DAY_YEARS, NOW, borrower, mixed, spread, walk


def screened(*accounts: Account, years: float = DAY_YEARS) -> Screen:
    return screen(Exposures.of(accounts, POLICY, ASSETS), NOW, spread(years))


def test_a_health_of_1_10_at_80_percent_over_a_day_breaches_with_2_395_percent() -> None:
    deviation = 0.8 * np.sqrt(DAY_YEARS)
    distance = np.array([np.log(1.1) / deviation])

    assert pytest.approx(0.02395, abs=5e-6) == touch_probability(distance, np.array([deviation / 2]))[0]
    assert pytest.approx(0.01206, abs=5e-6) == end_probability(distance, np.array([deviation / 2]))[0]


def test_the_screen_of_an_account_gives_the_same_figures() -> None:
    found = screened(borrower(1.10))

    assert pytest.approx(0.02395, abs=2e-4) == found.probability[0]
    assert pytest.approx(0.01206, abs=2e-4) == found.at_the_end[0]
    assert pytest.approx(np.log(1 / 1.10), rel=2e-3) == found.shock[0, ASSETS.index("ETH")]


def test_what_is_below_already_is_certain_and_what_owes_nothing_never_is() -> None:
    found = screened(borrower(0.99), account(leg(tokens={"ETH": "3"})))

    assert [1.0, 0.0] == list(found.probability)
    assert np.inf == found.distance[1]
    assert np.isnan(found.shock[1]).all()


def test_it_agrees_with_simulation_over_accounts_of_several_assets() -> None:
    source = random.Random(3)
    accounts = [mixed(source, number) for number in range(24)]
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    paths = walk(np.random.default_rng(5), 8_000, 24, DAY_YEARS)
    simulated = breaches(
        exposures, Paths(ASSETS, paths, spread(DAY_YEARS / 24), DAY_YEARS / 24, filtered=False)
    )

    closed = screen(exposures, NOW, spread()).probability

    np.testing.assert_allclose(closed, simulated.probability, atol=0.02, rtol=0.12)


def test_the_shock_is_where_the_surplus_is_zero() -> None:
    source = random.Random(8)
    accounts = [mixed(source, number) for number in range(40)]
    exposures = Exposures.of(accounts, POLICY, ASSETS)

    found = screen(exposures, NOW, spread())

    there = exposures.surplus((NOW * np.exp(found.shock))[:, None, :])[:, 0]
    ahead = np.isfinite(found.distance) & (found.distance > 0)
    assert np.abs(there[ahead]).max() < 1.0


def test_a_hedge_with_two_sides_counts_both() -> None:
    """A short nearly as large as what is held: gains count less than losses, so that either way costs."""
    short = position("-9", "2000")
    hedged = account(leg(tokens={"ETH": "10"}, owes="15700", positions=[short]))
    exposures = Exposures.of([hedged], POLICY, ASSETS)
    paths = walk(np.random.default_rng(6), 6_000, 96, 30 * DAY_YEARS)
    years = 30 * DAY_YEARS / 96
    simulated = breaches(exposures, Paths(ASSETS, paths, spread(years), years, filtered=False))

    found = screened(hedged, years=30 * DAY_YEARS)

    nearest = touch_probability(found.distance, np.zeros(1))[0]
    assert found.probability[0] > nearest + 0.05
    assert pytest.approx(simulated.probability[0], abs=0.04) == found.probability[0]


@given(
    distance=st.floats(0.0, 8.0),
    drift=st.floats(-1.0, 1.0),
    further=st.floats(0.0, 3.0),
)
def test_a_farther_barrier_is_never_likelier(distance: float, drift: float, further: float) -> None:
    near, far = np.array([distance]), np.array([distance + further])

    assert (
        touch_probability(far, np.array([drift]))[0] <= touch_probability(near, np.array([drift]))[0] + 1e-12
    )


@given(distance=st.floats(0.0, 8.0), drift=st.floats(-1.0, 1.0))
def test_any_time_is_never_less_likely_than_the_end(distance: float, drift: float) -> None:
    at, its = np.array([distance]), np.array([drift])

    assert end_probability(at, its)[0] <= touch_probability(at, its)[0] + 1e-12
    assert 0.0 <= touch_probability(at, its)[0] <= 1.0


@given(health=st.floats(1.005, 1.6), years=st.floats(1e-4, 0.02))
def test_more_collateral_is_never_worse_and_more_time_never_better(health: float, years: float) -> None:
    here = screened(borrower(health), years=years).probability[0]

    assert screened(borrower(health * 1.02), years=years).probability[0] <= here + 1e-12
    assert screened(borrower(health), years=years * 1.5).probability[0] >= here - 1e-9
