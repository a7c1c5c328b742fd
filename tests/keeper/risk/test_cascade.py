"""Cascades: rounds of the real planner, and what depth does to them."""

from __future__ import annotations

import random

import pytest

from config.units import WAD
from keeper.domain.account import Account
from keeper.risk.cascade import Cascade, cascade
from keeper.risk.exposures import Exposures
from keeper.risk.stress import Shock, strike
from keeper.risk.watched import Watched
from tests.keeper.margin.builders import POLICY, cut, prices
from tests.keeper.planner.builders import venues
from tests.keeper.risk.worlds import borrower

FALL = Shock("ETH", {"ETH": -800})


def crowd() -> tuple[Account, ...]:
    source = random.Random(11)
    return tuple(borrower(source.uniform(1.02, 1.5), number, source.uniform(5, 40)) for number in range(60))


def watched(accounts: tuple[Account, ...]) -> Watched:
    return Watched(accounts, prices(5), cut(0), POLICY)


def after(depth_usd: int | None, shock: Shock = FALL, accounts: tuple[Account, ...] | None = None) -> Cascade:
    depth = None if depth_usd is None else depth_usd * WAD
    return cascade(watched(accounts or crowd()), venues(), {"ETH": depth}, shock)


def test_without_depth_to_speak_of_only_the_struck_are_liquidated() -> None:
    found = after(None)

    alone = strike(watched(crowd()), Exposures.of(crowd(), POLICY), FALL)
    assert set(alone.liquidatable) == set(found.struck)
    assert () == found.triggered
    assert found.settled
    assert {"ETH": -800} == dict(found.moves_bps)


def test_sales_into_a_thin_market_trigger_accounts_that_the_shock_left_alone() -> None:
    found = after(100_000)

    assert found.settled
    assert len(found.triggered) > 0
    assert found.moves_bps["ETH"] < -800


def test_a_thinner_market_never_has_the_smaller_cascade() -> None:
    found = [after(depth) for depth in (10_000_000, 1_000_000, 300_000, 100_000, 50_000)]

    touched = [len(its.struck) + len(its.triggered) for its in found]
    falls = [its.moves_bps["ETH"] for its in found]
    assert sorted(touched) == touched
    assert sorted(falls, reverse=True) == falls
    assert touched[0] < touched[-1]


def test_a_larger_shock_never_has_the_smaller_cascade() -> None:
    found = [after(200_000, Shock("ETH", {"ETH": -step})) for step in (200, 500, 1_000, 2_000, 3_000)]

    touched = [len(its.struck) + len(its.triggered) for its in found]
    assert sorted(touched) == touched


def test_what_is_sold_is_what_was_seized() -> None:
    found = after(1_000_000)

    by_round = sum(its.sold_wad["ETH"] for its in found.rounds)
    assert found.sold_wad["ETH"] == by_round
    assert found.penalties_wad > 0
    # A repayment of x seizes x and the penalty of 5 %.
    assert found.sold_wad["ETH"] / found.penalties_wad == pytest.approx(1.05 / 0.05, rel=1e-3)


def test_all_is_quiet_without_a_shock() -> None:
    found = after(100_000, Shock("nothing", {}))

    assert ((), (), ()) == (found.rounds, found.struck, found.triggered)
    assert 0 == found.bad_debt_wad


def test_a_fall_by_half_leaves_bad_debt() -> None:
    found = after(1_000_000, Shock("ETH", {"ETH": -5_000}))

    assert found.settled
    assert found.bad_debt_wad > 0


def test_a_share_falls_with_what_it_is_priced_in() -> None:
    found = cascade(watched(crowd()), venues(), {"ETH": 100_000 * WAD}, FALL, {"VAULT": "ETH"})

    assert found.moves_bps["ETH"] < -800
    # The shock was of ETH alone; what sales did to ETH is all that has come to the share.
    assert (10_000 + found.moves_bps["ETH"]) * 10_000 // 9_200 - 10_000 == pytest.approx(
        found.moves_bps["VAULT"], abs=1
    )
