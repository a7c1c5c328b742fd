"""Exposures against the exact evaluation, account by account."""

from __future__ import annotations

import random

import numpy as np
import pytest

from config.units import WAD
from keeper.domain.account import Account
from keeper.margin.health import evaluate
from keeper.risk.arrays import Floats
from keeper.risk.exposures import Exposures
from oracles.price import Price
from tests.keeper.margin.builders import POLICY, cut, price, random_account
from tests.keeper.risk.worlds import ASSETS, NOW

SCALE = 1e-9


def priced(row: Floats) -> dict[str, Price]:
    return {asset: price(asset, int(value * WAD)) for asset, value in zip(ASSETS, row, strict=True)}


@pytest.fixture(scope="module")
def accounts() -> list[Account]:
    source = random.Random(7)
    return [random_account(source, number) for number in range(120)]


def test_surplus_and_equity_are_the_exact_ones(accounts: list[Account]) -> None:
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    rng = np.random.default_rng(1)
    scenarios = NOW * np.exp(rng.normal(0, 0.3, size=(5, len(ASSETS))))

    surplus, equity = exposures.surplus(scenarios[None]), exposures.equity(scenarios[None])

    for at, row in enumerate(scenarios):
        for number, its in enumerate(accounts):
            exact = evaluate(its, priced(row), cut(), POLICY)
            assert exact.surplus.mid / WAD == pytest.approx(surplus[number, at], abs=SCALE * 1e7)
            assert exact.equity.mid / WAD == pytest.approx(equity[number, at], abs=SCALE * 1e7)


def test_parts_by_asset_add_up_to_the_surplus(accounts: list[Account]) -> None:
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    scenarios = (NOW * np.array([[1.0], [0.7], [1.6]]))[None]

    np.testing.assert_allclose(
        exposures.surplus(scenarios), exposures.by_asset(scenarios).sum(axis=2), rtol=1e-12, atol=1e-6
    )


def test_sensitivities_are_differences_of_the_surplus(accounts: list[Account]) -> None:
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    step = 1e-6
    here = NOW[None, None, :] * 1.0137
    for column in range(len(ASSETS)):
        shift = np.zeros(len(ASSETS))
        shift[column] = step
        up, down = exposures.surplus(here * np.exp(shift)), exposures.surplus(here * np.exp(-shift))
        expected = ((up - down) / (2 * step))[:, 0]
        np.testing.assert_allclose(expected, exposures.sensitivity(here)[:, 0, column], rtol=1e-4, atol=1.0)


def test_each_account_may_have_prices_of_its_own(accounts: list[Account]) -> None:
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    rng = np.random.default_rng(2)
    own = NOW * np.exp(rng.normal(0, 0.2, size=(len(accounts), 3, len(ASSETS))))

    found = exposures.surplus(own)

    for row in (0, 17, 60, 119):
        np.testing.assert_allclose(exposures.surplus(own[row][None])[row], found[row], rtol=1e-12, atol=1e-6)


def test_a_part_of_the_accounts_values_as_the_whole_does(accounts: list[Account]) -> None:
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    rows = np.array([90, 3, 41])

    part = exposures.only(rows)

    columns = [ASSETS.index(asset) for asset in part.assets]
    whole = exposures.surplus(NOW[None, None])[rows]
    np.testing.assert_allclose(whole, part.surplus(NOW[columns][None, None]), rtol=1e-12, atol=1e-6)
    assert tuple(accounts[row].account_id for row in rows) == part.ids
