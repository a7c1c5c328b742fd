"""Liquidation and bankruptcy prices, leverage and free collateral."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from config.units import WAD
from keeper.margin.curved_figures import Crossing
from keeper.margin.figures import (
    bankruptcy_price,
    free_collateral_wad,
    leverage_wad,
    liquidation_price,
)
from keeper.margin.health import evaluate
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    cut,
    leg,
    position,
    price,
    prices,
    random_account,
    usd,
)

HERE, THERE = CHAINS[:2]
STEP = 10**9
"""Wad of price that moves any surplus here by more than a wei."""


def test_a_borrower_is_liquidated_when_weighted_collateral_meets_the_debt() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="8250"))

    assert Crossing(usd("1000"), None) == liquidation_price(held, "ETH", prices(), POLICY)
    assert Crossing(usd("825"), None) == bankruptcy_price(held, "ETH", prices(), POLICY)


def test_a_short_is_liquidated_above_and_the_tiers_are_followed() -> None:
    held = account(leg(tokens={"USDC": "10000"}, positions=[position("-30", "2000")]))

    crossing = liquidation_price(held, "ETH", prices(), POLICY)

    # 9,700 of collateral meet a loss of 30 (P - 2,000) and a margin of 1,500 + 5 % of (30 P - 50,000)
    assert Crossing(None, -(-usd("70700") * 1000 // 31_500)) == crossing


def test_a_price_that_does_not_matter_has_no_crossing() -> None:
    held = account(leg(tokens={"USDC": "10"}))

    assert Crossing(None, None) == liquidation_price(held, "ETH", prices(), POLICY)
    assert Crossing(None, None) == liquidation_price(held, "USDC", prices(), POLICY)


def test_an_account_already_under_shows_where_it_would_be_saved() -> None:
    held = account(leg(tokens={"ETH": "10"}, owes="18000"))

    crossing = liquidation_price(held, "ETH", prices(), POLICY)

    assert crossing is not None
    assert (None, -(-usd("18000") * 1000 // 8_250)) == (crossing.below_wad, crossing.above_wad)


def test_nothing_is_said_where_something_is_unknown() -> None:
    held = account(replace(leg(tokens={"ETH": "1"}), unreadable=("odd",)))

    assert liquidation_price(held, "ETH", prices(), POLICY) is None
    assert leverage_wad(held, prices(), POLICY) is None


def test_leverage_is_debt_and_notional_over_equity() -> None:
    held = account(leg(tokens={"ETH": "10"}, owes="5000", positions=[position("-10", "2000")]))

    assert WAD * 25 // 15 == leverage_wad(held, prices(), POLICY)
    assert leverage_wad(account(leg(tokens={"ETH": "1"}, owes="5000")), prices(), POLICY) is None


def test_free_collateral_is_the_certain_initial_surplus() -> None:
    held = account(leg(tokens={"USDC": "1000"}, owes="100"))

    assert usd("850") == free_collateral_wad(evaluate(held, prices(), cut(), POLICY))
    assert 0 == free_collateral_wad(evaluate(account(leg(owes="100")), prices(), cut(), POLICY))
    assert 0 == free_collateral_wad(evaluate(held, {}, cut(), POLICY))


@given(seed=st.integers(0, 2**32))
def test_the_account_changes_sides_at_its_liquidation_price_and_not_before(seed: int) -> None:
    source = random.Random(seed)
    held = random_account(source)

    def is_under(eth_wad: int) -> bool:
        at = prices() | {"ETH": price("ETH", eth_wad)}
        return evaluate(held, at, cut(), POLICY).surplus.mid < 0

    crossing = liquidation_price(held, "ETH", prices(), POLICY)

    now_wad = usd("2000")
    assume(crossing is not None)
    assert crossing is not None
    today = is_under(now_wad)
    below, above = crossing.below_wad, crossing.above_wad
    if below is not None:
        assert (not today) == is_under(below - STEP) or below < STEP
        assert all(today == is_under(below + (now_wad - below) * part // 8 + 1) for part in range(1, 8))
    if above is not None:
        assert (not today) == is_under(above + STEP)
        assert all(today == is_under(now_wad + (above - 1 - now_wad) * part // 8) for part in range(8))
