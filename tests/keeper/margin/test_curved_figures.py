"""What people read of accounts with options or under scenarios: prices where they end, Greeks, what each position asks."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import Account, OptionPosition
from keeper.margin.curved_figures import Crossing, marginal_requirement, option_quotes
from keeper.margin.figures import bankruptcy_price, leverage_wad, liquidation_price
from keeper.margin.health import evaluate
from keeper.margin.quick import QuickAccount
from tests.keeper.margin.builders import account, claim, cut, leg, position, price, unavailable
from tests.keeper.margin.repricing import AT_S, RISK, option, quotes, random_book, under_portfolio


def with_options(*options: OptionPosition, usdc: str = "4000", owes: str = "0") -> Account:
    return account(replace(leg(tokens={"USDC": usdc}, owes=owes), options=options))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.booleans(), st.floats(0.4, 2.5))
def test_in_doubles_the_figures_are_those_of_the_exact_evaluation(
    seed: int, portfolio: bool, times: float
) -> None:
    held = random_book(random.Random(seed))
    first, *others = held.legs
    held = replace(
        held, legs=(replace(first, claims=(claim("700", asset="USDC", chain=first.chain),)), *others)
    )
    held = under_portfolio(held) if portfolio else held
    at = quotes(0, ETH=f"{2_000 * times:.2f}")

    exact = evaluate(held, at, cut(), RISK)
    mids = {asset: np.array(its.mid_wad / WAD) for asset, its in at.items() if its.mid_wad is not None}
    quick = QuickAccount(held, RISK, AT_S).margin(mids)

    assert float(quick.assets - quick.required) == pytest.approx(exact.surplus.mid / WAD, abs=1e-3)
    assert float(quick.equity) == pytest.approx(exact.equity.mid / WAD, abs=1e-3)
    assert float(quick.maintenance) == pytest.approx(exact.maintenance_mid / WAD, abs=1e-3)


@pytest.mark.parametrize("portfolio", [False, True])
def test_a_short_strangle_has_a_liquidation_price_on_either_side(*, portfolio: bool) -> None:
    held = with_options(option("call", 2_200, 30, -3), option("put", 1_800, 30, -3))
    held = under_portfolio(held) if portfolio else held

    found = liquidation_price(held, "ETH", quotes(), RISK, at_s=AT_S)

    assert found is not None
    for at_wad in (found.below_wad, found.above_wad):
        assert at_wad is not None
        there = {**quotes(), "ETH": price("ETH", at_wad)}
        assert abs(evaluate(held, there, cut(), RISK).surplus.mid) < WAD // 1_000


def test_a_bankruptcy_price_is_where_equity_is_nothing() -> None:
    held = with_options(option("call", 2_200, 30, -10))

    found = bankruptcy_price(held, "ETH", quotes(), RISK, at_s=AT_S)

    assert found is not None
    assert found.below_wad is None
    assert found.above_wad is not None
    there = {**quotes(), "ETH": price("ETH", found.above_wad)}
    assert abs(evaluate(held, there, cut(), RISK).equity.mid) < WAD // 1_000


def test_a_rise_of_volatility_alone_can_liquidate() -> None:
    held = with_options(option("call", 2_200, 200, -8), usdc="6000")

    found = liquidation_price(held, "ETHVOL", quotes(), RISK, at_s=AT_S)

    assert found is not None
    assert found.above_wad is not None
    assert 6 * WAD // 10 < found.above_wad < 2 * WAD


def test_nothing_is_told_without_a_price_or_a_time() -> None:
    held = with_options(option("call", 2_200, 30, -3))
    blind = {**quotes(), "ETHVOL": unavailable("ETHVOL")}

    assert liquidation_price(held, "ETH", blind, RISK, at_s=AT_S) is None
    assert liquidation_price(held, "ETH", quotes(), RISK) is None
    assert leverage_wad(held, blind, RISK, at_s=AT_S) is None
    assert option_quotes(held, blind, RISK, AT_S) is None
    assert marginal_requirement(held, blind, RISK, AT_S) is None
    assert Crossing(None, None) == liquidation_price(held, "WBTC", quotes(), RISK, at_s=AT_S)


def test_leverage_counts_an_option_as_far_as_it_follows_its_underlying() -> None:
    deep = with_options(option("call", 200, 30, 1), usdc="200", owes="1000")

    found = leverage_wad(deep, quotes(), RISK, at_s=AT_S)

    assert found is not None
    assert (1_000 + 2_000) / (200 - 1_000 + 1_800) == pytest.approx(found / WAD, rel=1e-6)


def test_the_greeks_of_an_account_are_per_contract_for_a_point_and_a_day() -> None:
    held = with_options(option("call", 2_000, 36.5, 1), option("put", 2_000, 36.5, 1))

    found = option_quotes(held, quotes(), RISK, AT_S)

    assert found is not None
    call, put = found
    assert 1 == pytest.approx(call.delta - put.delta)
    assert call.price == pytest.approx(put.price)
    # At the money 0.4 F sqrt(T) for a volatility of one, and half of it times volatility / T a year.
    assert 2.52 == pytest.approx(call.vega, rel=1e-2)
    assert -call.vega * 60 / (2 * 36.5) == pytest.approx(call.theta, rel=1e-9)


def test_a_hedge_has_a_negative_marginal_requirement_and_a_lone_position_all_of_it() -> None:
    hedged = account(
        replace(
            leg(tokens={"USDC": "9000"}, positions=[position("2", "2000")]),
            options=(option("put", 1_900, 30, 2),),
        )
    )
    alone = account(leg(tokens={"USDC": "9000"}, positions=[position("2", "2000")]))

    found = marginal_requirement(under_portfolio(hedged), quotes(), RISK, AT_S)
    whole = marginal_requirement(under_portfolio(alone), quotes(), RISK, AT_S)

    assert found is not None
    assert whole is not None
    assert found[1][2] < 0 < found[0][2]
    assert evaluate(under_portfolio(alone), quotes(), cut(), RISK).maintenance_mid / WAD == pytest.approx(
        whole[0][2]
    )
