"""Volatility, correlation and history against worlds whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.risk.arrays import Floats
from keeper.risk.correlation import clamped, correlation, covariance, valid
from keeper.risk.history import History, PastPrice
from keeper.risk.volatility import VolatilityTerms, horizon_variance, volatilities
from tests.keeper.risk.worlds import ASSETS, CORRELATION, VOLATILITY, day_of_history


def past(asset: str, *mids: tuple[int, str]) -> list[PastPrice]:
    return [PastPrice(asset, slot, int(float(mid) * WAD)) for slot, mid in mids]


def test_volatility_is_found_again() -> None:
    found = volatilities(
        day_of_history(np.random.default_rng(1)), VolatilityTerms(slow_half_life_s=3 * 86_400)
    )

    for asset, true in zip(ASSETS, VOLATILITY, strict=True):
        its = found[asset]
        assert its.slow is not None
        assert its.robust is not None
        assert pytest.approx(true, rel=0.08) == its.slow
        assert pytest.approx(true, rel=0.15) == its.robust
        assert its.used >= its.slow


def test_what_is_used_rises_at_once_and_falls_slowly() -> None:
    calm, wild = np.full(400, 0.001), np.full(40, 0.01)
    terms = VolatilityTerms(fast_half_life_s=3_600, slow_half_life_s=86_400)

    def used(*parts: Floats) -> float:
        signs = np.where(np.arange(sum(map(len, parts))) % 2, 1.0, -1.0)
        returns = (np.concatenate(parts) * signs)[:, None]
        return volatilities(History(("ETH",), 300.0, returns), terms)["ETH"].used

    before, risen, fallen = used(calm), used(calm, wild), used(calm, wild, np.full(40, 0.001))

    assert risen > 8 * before
    assert fallen > 2 * before
    assert fallen < risen


def test_one_bad_print_moves_the_averages_and_not_the_robust_measure() -> None:
    rng = np.random.default_rng(2)
    returns = rng.normal(0, 0.001, size=(500, 1))
    spiked = returns.copy()
    spiked[480], spiked[481] = 0.3, -0.3

    clean, hit = (
        volatilities(History(("ETH",), 60.0, its), VolatilityTerms())["ETH"] for its in (returns, spiked)
    )

    assert clean.fast is not None
    assert hit.fast is not None
    assert hit.fast > 20 * clean.fast
    assert clean.robust is not None
    assert pytest.approx(clean.robust, rel=0.05) == hit.robust


def test_no_answer_leaves_the_bounds_and_a_given_one_is_taken() -> None:
    history = day_of_history(np.random.default_rng(3))
    bounded = volatilities(history, VolatilityTerms(bounds={"ETH": (0.1, 0.5), "USDC": (0.2, 1.0)}))

    assert (0.5, 0.2) == (bounded["ETH"].used, bounded["USDC"].used)
    assert 0.33 == volatilities(history, VolatilityTerms(given={"ETH": 0.33}))["ETH"].used


def test_with_too_little_history_it_is_assumed() -> None:
    short = History(("ETH",), 60.0, np.full((5, 1), 0.01))

    its = volatilities(short, VolatilityTerms(assumed=0.9))["ETH"]

    assert (0.9, None, 5) == (its.used, its.fast, its.returns)


@pytest.mark.parametrize("oracle_approximating", [False, True])
def test_correlation_is_found_again_and_shrunk(oracle_approximating: bool) -> None:
    history = day_of_history(np.random.default_rng(4))

    found = correlation(history, 86_400.0, oracle_approximating=oracle_approximating)

    np.testing.assert_allclose(found.calm, CORRELATION, atol=0.08)
    assert (np.ones((4, 4)) == found.stress).all()


def test_shrinkage_is_nearer_to_the_truth_than_the_sample_with_few_returns() -> None:
    rng = np.random.default_rng(5)
    names, size = tuple(f"A{number}" for number in range(12)), 40
    sample_off = shrunk_off = 0.0
    for _ in range(20):
        returns = rng.normal(0, 0.01, size=(size, 12))
        sample = np.corrcoef(returns.T)
        shrunk = correlation(History(names, 60.0, returns), 1e9).calm
        sample_off += np.abs(sample - np.eye(12)).sum()
        shrunk_off += np.abs(shrunk - np.eye(12)).sum()

    assert shrunk_off < 0.5 * sample_off


@given(seed=st.integers(0, 10_000), size=st.integers(2, 7))
def test_a_repaired_matrix_is_a_correlation(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    wrong = rng.uniform(-1, 1, size=(size, size))

    found = valid((wrong + wrong.T) / 2)

    assert np.linalg.eigvalsh(found).min() > -1e-9
    np.testing.assert_allclose(np.diag(found), 1.0)
    assert np.abs(found).max() <= 1.0 + 1e-12
    np.testing.assert_allclose(found, valid(found), atol=1e-6)


def test_a_clamp_holds_an_estimate_between_two_others() -> None:
    calm = np.array([[1.0, -0.4], [-0.4, 1.0]])
    least = np.array([[1.0, 0.2], [0.2, 1.0]])

    assert 0.2 == clamped(calm, least, np.ones((2, 2)))[0, 1]


def test_a_covariance_over_a_day() -> None:
    found = covariance(CORRELATION, VOLATILITY, 1 / 365)

    assert pytest.approx(0.8 * 0.6 * 0.7 / 365) == found[1, 2]


def test_returns_are_taken_between_neighbours_only_and_short_gaps_are_bridged() -> None:
    prices = past("A", (0, "1"), (1, "1.1"), (3, "1.21"), (40, "2"), (41, "2.2"))

    history = History.of(("A",), 60.0, prices)

    np.testing.assert_allclose([0.09531, 0.0, 0.09531, 0.09531], history.returns[:, 0], atol=1e-5)


def test_rows_without_every_asset_are_left_out() -> None:
    prices = past("A", (0, "1"), (1, "1.1"), (2, "1.2")) + past("B", (1, "5"), (2, "5"))

    assert 1 == len(History.of(("A", "B"), 60.0, prices))


def test_an_asset_without_history_costs_the_others_nothing() -> None:
    rng = np.random.default_rng(7)
    mids = np.exp(np.cumsum(rng.normal(0, 0.001, size=(2, 400)), axis=1))
    prices = [
        PastPrice(asset, slot, int(mids[at, slot] * WAD))
        for at, asset in enumerate("AB")
        for slot in range(400)
    ]
    prices += past("NEW", (399, "7"))

    history = History.of(("A", "NEW", "B"), 60.0, prices)

    assert 399 == len(history)
    assert [True, False, True] == list(history.covered)
    assert 0 == volatilities(history, VolatilityTerms())["NEW"].returns
    related = correlation(history, 3_600.0).calm
    assert pytest.approx(0.5, abs=0.02) == related[0, 1]
    assert abs(related[0, 2]) < 0.2


def test_a_garch_forecast_of_constant_volatility_is_that_volatility() -> None:
    rng = np.random.default_rng(6)
    returns = rng.standard_t(6, size=1_500) * 0.001 / np.sqrt(1.5)

    for asymmetric in (True, False):
        total = horizon_variance(returns, 12, asymmetric=asymmetric)
        assert total is not None
        assert pytest.approx(12 * 0.001**2, rel=0.35) == total


def test_too_few_returns_make_no_garch_forecast() -> None:
    assert horizon_variance(np.full(50, 0.01), 12) is None
    assert horizon_variance(np.zeros(5_000), 12) is None
