"""Accounts with options and under scenarios: tables against the exact evaluation."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from config.portfolio_settings import ModelName
from config.units import WAD
from keeper.domain.account import Account, OptionPosition
from keeper.margin.health import evaluate
from keeper.margin.parameters import ModelRange, OptionMarketRisk
from keeper.risk.cascade import cascade
from keeper.risk.exposures import Exposures
from keeper.risk.first_passage import screen
from keeper.risk.monte_carlo import breaches
from keeper.risk.scenarios import Paths
from keeper.risk.stress import Shock, strike
from keeper.risk.tables import MOVES, VOLATILITY_MOVES, is_whole
from keeper.risk.watched import Watched
from tests.keeper.margin.builders import OWNER, POLICY, asset_risk, cut, leg, position, price, prices, usd
from tests.keeper.planner.builders import venues
from tests.keeper.risk.worlds import ASSETS, DAY_YEARS, NOW, VOLATILITY, borrower, spread

EXPIRY_S = 1_700_000_000 + 20 * 86_400
WITH_OPTIONS = replace(
    POLICY,
    assets={**POLICY.assets, "ETHVOL": asset_risk(0)},
    option_markets={"ETH-OPTIONS": OptionMarketRisk("ETH", "ETHVOL")},
    models=(ModelRange(1, 9, ModelName.PORTFOLIO),),
)
NAMES = (*ASSETS, "ETHVOL")
HERE = np.append(NOW, 0.7)


def written(source: random.Random, number: int, subaccount: int) -> Account:
    options = tuple(
        OptionPosition("ETH-OPTIONS", f"0x{at:064x}", "ETH", at % 2 == 0, usd(str(1_700 + 150 * at)), EXPIRY_S,
                       source.choice((-1, 1)) * source.randrange(1, 6) * WAD)
        for at in range(3)
    )  # fmt: skip
    size = source.choice((-3, 2, 4))
    held = leg(tokens={"ETH": "10"}, owes="9000", positions=[position(str(size), "2000")])
    return Account(f"0x{number:064x}", OWNER, subaccount, (replace(held, options=options),))


@pytest.fixture(scope="module")
def watched() -> Watched:
    source = random.Random(4)
    accounts = [written(source, number, number % 2) for number in range(6)]
    at = prices() | {"ETHVOL": price("ETHVOL", usd("0.7"))}
    return Watched((*accounts, borrower(1.2, 99)), at, cut(0), WITH_OPTIONS)


@pytest.fixture(scope="module")
def tabled(watched: Watched) -> Exposures:
    return Exposures.tabled(watched, NAMES)


def exact(watched: Watched, row: int, eth: float, volatility: float) -> tuple[float, float]:
    at = dict(watched.prices) | {
        "ETH": price("ETH", round(eth * WAD)),
        "ETHVOL": price("ETHVOL", round(volatility * WAD)),
    }
    health = evaluate(watched.accounts[row], at, watched.cut, watched.policy)
    assert not health.unknown_because
    return health.surplus.mid / WAD, health.equity.mid / WAD


def test_only_accounts_that_need_them_have_tables(watched: Watched) -> None:
    assert [True] * 6 + [False] == [is_whole(account, WITH_OPTIONS) for account in watched.accounts]
    assert [True] * 6 + [False] == list(Exposures.of(watched.accounts, WITH_OPTIONS, NAMES).opaque)


@pytest.mark.parametrize(("at", "up"), [(18, 1), (8, 1), (25, 2), (0, 0)])
def test_on_the_grid_the_figures_are_the_exact_ones(
    watched: Watched, tabled: Exposures, at: int, up: int
) -> None:
    eth, volatility = 2_000 * MOVES[at], 0.7 * VOLATILITY_MOVES[up]
    scenario = np.array([[[1.0, eth, 60_000.0, 1.1, volatility]]])

    surplus, equity = tabled.surplus(scenario)[:, 0], tabled.equity(scenario)[:, 0]

    for row in range(6):
        expected = exact(watched, row, eth, volatility)
        assert pytest.approx(expected, abs=0.01) == (surplus[row], equity[row])


def test_between_grid_points_they_are_near(watched: Watched, tabled: Exposures) -> None:
    rng = np.random.default_rng(3)
    for eth, volatility in zip(
        2_000 * np.exp(rng.normal(0, 0.08, 12)), 0.7 * np.exp(rng.normal(0, 0.1, 12)), strict=True
    ):
        scenario = np.array([[[1.0, eth, 60_000.0, 1.1, volatility]]])
        surplus = tabled.surplus(scenario)[:, 0]
        for row in range(6):
            assert pytest.approx(exact(watched, row, eth, volatility)[0], abs=25.0) == surplus[row]


def test_slopes_are_those_of_the_tables(tabled: Exposures) -> None:
    here, step = HERE[None, None] * 1.0073, 1e-6
    for column in range(len(NAMES)):
        shift = np.zeros(len(NAMES))
        shift[column] = step
        up, down = tabled.surplus(here * np.exp(shift)), tabled.surplus(here * np.exp(-shift))
        np.testing.assert_allclose(
            ((up - down) / (2 * step))[:, 0], tabled.sensitivity(here)[:, 0, column], rtol=1e-3, atol=1.0
        )


def test_a_part_of_them_values_as_the_whole(tabled: Exposures) -> None:
    part = tabled.only(np.array([4, 6, 1]))
    columns = [NAMES.index(asset) for asset in part.assets]
    prices_ = HERE * 0.93

    np.testing.assert_allclose(
        tabled.surplus(prices_[None, None])[[4, 6, 1]], part.surplus(prices_[columns][None, None])
    )


def test_their_chances_agree_between_screen_and_simulation(tabled: Exposures) -> None:
    sigma = np.append(VOLATILITY, 1.0)
    covariance = np.zeros((5, 5))
    covariance[:4, :4], covariance[4, 4] = spread(), 1.0 / 365
    rng = np.random.default_rng(1)
    steps = 24
    moves = rng.standard_normal((4_000, steps, 5)) @ np.linalg.cholesky(covariance / steps).T
    logs = np.cumsum(moves - 0.5 * np.diag(covariance) / steps, axis=1)
    paths = HERE * np.exp(np.concatenate([np.zeros((4_000, 1, 5)), logs], axis=1))

    said = screen(tabled, HERE, covariance).probability
    found = breaches(
        tabled, Paths(NAMES, paths, covariance / steps, DAY_YEARS / steps, filtered=False)
    ).probability

    assert sigma.shape == HERE.shape
    np.testing.assert_allclose(said, found, atol=0.03)


def test_shocks_and_cascades_evaluate_them_exactly(watched: Watched) -> None:
    plain = Exposures.of(watched.accounts, WITH_OPTIONS)
    shock = Shock("ETH", {"ETH": -4_000})

    struck = strike(watched, plain, shock)
    after = cascade(watched, venues(), {"ETH": 10**7 * WAD}, shock)

    expected = {
        account.account_id
        for row, account in enumerate(watched.accounts)
        if exact(watched, row, 1_200.0, 0.7)[0] < 0
    }
    assert expected == set(struck.liquidatable)
    assert expected
    assert set(after.struck) <= expected
