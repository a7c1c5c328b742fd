"""Shocks against the exact evaluation of every account, and remedies against it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.account import Account, Collateral, Debt
from keeper.domain.health import AccountState
from keeper.margin.health import evaluate
from keeper.margin.states import next_state
from keeper.risk.conditional import conditional_prices
from keeper.risk.depth import moves_bps
from keeper.risk.exposures import Exposures
from keeper.risk.remedy import Remedy, remedies
from keeper.risk.stress import Shock, moved, shocks, strike
from keeper.risk.watched import Watched
from tests.keeper.margin.builders import DECIMALS, POLICY, cut, price, prices, random_account
from tests.keeper.planner.builders import venues
from tests.keeper.risk.worlds import borrower, mixed


def watched(count: int = 150, width_bps: int = 20, when: LiquidateWhen = LiquidateWhen.CERTAIN) -> Watched:
    source = random.Random(21)
    accounts = tuple(random_account(source, number) for number in range(count))
    return Watched(accounts, prices(width_bps), cut(0), replace(POLICY, liquidate_when=when))


@pytest.mark.parametrize("when", list(LiquidateWhen))
@pytest.mark.parametrize("move_bps", [-3_000, -2_000, -1_000, 0, 1_500])
def test_a_shock_strikes_exactly_those_that_the_exact_evaluation_would(
    when: LiquidateWhen, move_bps: int
) -> None:
    its = watched(when=when)
    shock = Shock("ETH and WBTC", {"ETH": move_bps, "WBTC": move_bps})
    after = moved(its.prices, shock.moves_bps)
    expected: dict[AccountState, set[str]] = {state: set() for state in AccountState}
    for account in its.accounts:
        state = next_state(None, evaluate(account, after, its.cut, its.policy), its.policy)
        expected[state].add(account.account_id)

    found = strike(its, Exposures.of(its.accounts, its.policy), shock)

    assert expected[AccountState.BANKRUPT] == set(found.bankrupt)
    assert expected[AccountState.LIQUIDATABLE] | expected[AccountState.BANKRUPT] == set(found.liquidatable)
    assert set(found.at_risk) <= expected[AccountState.AT_RISK]


def test_shocks_are_of_each_asset_alone_and_each_group_together() -> None:
    found = shocks(("ETH",), {"all": ("ETH", "WBTC")}, (-1_000, -2_000))

    assert [
        Shock("ETH", {"ETH": -1_000}),
        Shock("ETH", {"ETH": -2_000}),
        Shock("all", {"ETH": -1_000, "WBTC": -1_000}),
        Shock("all", {"ETH": -2_000, "WBTC": -2_000}),
    ] == found


def test_a_move_takes_the_whole_interval_along() -> None:
    after = moved(prices(100), {"ETH": -2_500})["ETH"]

    assert (1_485 * WAD, 1_500 * WAD, 1_515 * WAD) == (after.low_wad, after.mid_wad, after.high_wad)


def helped(account: Account, way: Remedy, its: Watched) -> Account:
    """Return the account with what the remedy says done, rounded up to a raw unit."""
    price = its.prices[way.asset].mid_wad or 0
    decimals = DECIMALS[way.asset]
    units = -(-way.value_wad * 10**decimals // price)
    legs = []
    for leg in account.legs:
        if leg.chain == way.chain and way.kind == "repay":
            assert leg.debt is not None
            left = leg.debt.amount - units
            legs.append(replace(leg, debt=Debt(leg.debt.asset, decimals, left) if left > 0 else None))
        elif leg.chain == way.chain:
            added = Collateral("new", way.asset, decimals, units)
            legs.append(replace(leg, collateral=(*leg.collateral, added)))
        else:
            legs.append(leg)
    return replace(account, legs=tuple(legs))


def test_a_remedy_is_enough_and_a_little_less_is_not() -> None:
    source = random.Random(5)
    accounts = tuple(mixed(source, number) for number in range(60))
    its = Watched(accounts, prices(10), cut(0), POLICY)
    wanted = 112 * WAD // 100
    seen = 0
    for row, account in enumerate(accounts):
        for way in remedies(its, row, wanted, venues()):
            seen += 1
            after = evaluate(helped(account, way, its), its.prices, its.cut, POLICY).health
            short = replace(way, value_wad=way.value_wad * 98 // 100)
            before = evaluate(helped(account, short, its), its.prices, its.cut, POLICY).health
            assert after is not None
            assert before is not None
            assert after.low >= wanted - WAD // 10**6
            assert before.low < wanted
    assert seen > 20


def test_an_account_that_is_clear_needs_nothing() -> None:
    source = random.Random(5)
    its = Watched((mixed(source, 0),), prices(), cut(0), POLICY)

    assert () == remedies(its, 0, WAD // 2, venues())


def test_what_is_sold_in_parts_moves_the_price_as_if_at_once() -> None:
    depth = {"ETH": 100 * WAD}
    assert {"ETH": -100} == moves_bps({"ETH": 100 * WAD}, depth) or {"ETH": -100 + 1} == moves_bps(
        {"ETH": 100 * WAD}, depth
    )
    assert {} == moves_bps({"WBTC": 10**30}, depth)
    assert moves_bps({"ETH": -100 * WAD}, depth)["ETH"] == pytest.approx(100, abs=1)


def test_a_liquidation_price_shifts_with_the_price_of_another_asset() -> None:
    source = random.Random(5)
    its = Watched((mixed(source, 0),), prices(), cut(0), POLICY)
    shock = {"ETH": -0.1, "WBTC": -0.08, "USDC": 1e-5}

    found = conditional_prices(its, 0, shock, (-1_000, 0, 1_000))

    assert [("ETH", "WBTC", -1_000), ("ETH", "WBTC", 0), ("ETH", "WBTC", 1_000)] == [
        (one.asset, one.other, one.other_move_bps) for one in found
    ]
    below = [one.below_wad or 0 for one in found]
    assert below[0] > below[1] > below[2]
    for one in found:
        assert one.below_wad is not None
        at = moved(its.prices, {"WBTC": one.other_move_bps}) | {"ETH": price("ETH", one.below_wad)}
        assert abs(evaluate(its.accounts[0], at, its.cut, POLICY).surplus.mid) < WAD


def test_an_account_of_one_asset_has_one_liquidation_price() -> None:
    its = Watched((borrower(1.2),), prices(), cut(0), POLICY)

    (found,) = conditional_prices(its, 0, {"ETH": -0.1}, (-1_000, 0))

    assert ("ETH", "") == (found.asset, found.other)
    assert found.below_wad == pytest.approx(2_000 * WAD / 1.2, rel=1e-6)
