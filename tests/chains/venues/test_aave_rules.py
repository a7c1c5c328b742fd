"""Aave's rules without a chain: words taken apart, interest, rounding, and which reason is told of several."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.venues.aave_v3.configuration import is_borrowing, is_using_as_collateral, read_configuration
from chains.venues.aave_v3.health import PriceMissing, account_data
from chains.venues.aave_v3.interest import SECONDS_PER_YEAR, compounded_growth, linear_growth
from chains.venues.aave_v3.liquidation import FULL_CLOSE_BELOW, amounts, best_liquidation, most_debt
from chains.venues.aave_v3.rounding import RAY, percent_div_half_up, percent_mul_half_up
from chains.venues.aave_v3.state import Account, Balance, EMode, PoolState, Reserve
from chains.venues.venue import Blocked, Borrower, Liquidation, Obstacle

WHO = "0x" + "01" * 20
SETTINGS = read_configuration(
    8_000 | 8_250 << 16 | 10_500 << 32 | 18 << 48 | 1 << 56 | 1 << 58 | 1_500 << 64 | 1_000 << 152
)


def reserve(at: int, price: int | None = 10**8, *, decimals: int = 18, **settings: int | bool) -> Reserve:
    configuration = replace(SETTINGS, decimals=decimals, **settings)  # type: ignore[arg-type]
    token = f"0x{at + 16:040x}"
    return Reserve(at, token, configuration, RAY, 0, RAY, 0, 1_000, token, token, token, price, 10**40)


def pool(
    *reserves: Reserve, word: int, balances: dict[int, Balance], mode: int = 0, emode: EMode | None = None
) -> PoolState:
    return PoolState(
        "0x",
        1_000,
        "0x" + "88" * 20,
        {each.reserve_id: each for each in reserves},
        {emode.category: emode} if emode else {},
        {WHO: Account(word, mode, balances)},
    )


COLLATERAL_0_DEBT_1 = 0b0110
BALANCES = {0: Balance(scaled_supply=10**21), 1: Balance(scaled_debt=9 * 10**20)}


def test_a_configuration_word_holds_what_was_put_into_it() -> None:
    bits = 1 << 57 | 1 << 60 | 1 << 61 | 77 << 80 | 88 << 116 | 5 << 168 | 123_456 << 212

    found = read_configuration(bits)

    assert (found.frozen, found.paused, found.borrowable_in_isolation) == (True, True, True)
    assert (found.active, found.borrowing, found.siloed) == (False, False, False)
    assert (77, 88, 5) == (found.borrow_cap, found.supply_cap, found.emode_category)
    assert found.isolated
    assert found.debt_ceiling_cents == 123_456


def test_an_account_word_has_two_bits_for_each_reserve() -> None:
    assert [False, True, False] == [is_borrowing(COLLATERAL_0_DEBT_1, at) for at in range(3)]
    assert [True, False, False] == [is_using_as_collateral(COLLATERAL_0_DEBT_1, at) for at in range(3)]


@given(st.integers(0, RAY), st.integers(0, SECONDS_PER_YEAR))
def test_debts_grow_faster_than_supplies_and_slower_than_for_ever(rate: int, elapsed_s: int) -> None:
    grown = compounded_growth(rate, elapsed_s)

    assert linear_growth(rate, elapsed_s) <= grown
    # e^x below its series cut after the third term, with the next as the bound of what was cut.
    x = Fraction(rate * elapsed_s, RAY * SECONDS_PER_YEAR)
    assert Fraction(grown, RAY) <= 1 + x + x**2 / 2 + x**3 / 6 + Fraction(elapsed_s**3, RAY // 10)


@pytest.mark.parametrize(
    ("value", "bps", "product", "quotient"), [(1, 4_999, 0, 2), (1, 5_000, 1, 2), (3, 5_000, 2, 6)]
)
def test_halves_are_rounded_up(value: int, bps: int, product: int, quotient: int) -> None:
    assert product == percent_mul_half_up(value, bps)
    assert quotient == percent_div_half_up(value, bps)


def test_half_may_be_closed_above_0_95_and_all_at_it() -> None:
    assert 51 == most_debt(101, FULL_CLOSE_BELOW + 1)
    assert 101 == most_debt(101, FULL_CLOSE_BELOW)


def test_the_protocols_share_is_of_the_bonus_only() -> None:
    moved = amounts(reserve(0, protocol_fee_bps=1_000), reserve(1), None, 10**18, 10**21)

    assert moved is not None
    assert (10**18, 10**18 + 45 * 10**15, 5 * 10**15) == (moved.repay, moved.seize, moved.fee)


def test_where_collateral_does_not_cover_all_of_it_goes_for_less() -> None:
    moved = amounts(reserve(0, protocol_fee_bps=0), reserve(1, decimals=6), None, 10**12, 105 * 10**16)

    assert moved is not None
    assert (10**6, 105 * 10**16, 0) == (moved.repay, moved.seize, moved.fee)


def test_a_mode_without_its_price_says_nothing_of_anybody_in_it() -> None:
    mode = EMode(1, 9_000, 9_300, 10_100, "0x" + "99" * 20, price=None)
    state = pool(reserve(0), reserve(1), word=COLLATERAL_0_DEBT_1, balances=BALANCES, mode=1, emode=mode)

    assert PriceMissing("eMode 1") == account_data(state, state.accounts[WHO], 1_000)


def test_the_pair_that_gains_most_is_chosen() -> None:
    state = pool(
        reserve(0, liquidation_bonus_bps=10_400),
        reserve(1),
        reserve(2, liquidation_bonus_bps=10_900),
        word=0b100110,
        balances={0: Balance(10**21), 1: Balance(scaled_debt=18 * 10**20), 2: Balance(10**21)},
    )

    found = best_liquidation(state, Borrower(WHO), 1_000)

    assert isinstance(found, Liquidation)
    assert state.reserves[2].asset == found.collateral_asset


@pytest.mark.parametrize(
    ("settings", "obstacle"),
    [({"paused": True}, Obstacle.PAUSED), ({"active": False}, Obstacle.INACTIVE)],
)
def test_what_stops_the_one_possible_pair_is_told(settings: dict[str, bool], obstacle: Obstacle) -> None:
    collateral = reserve(0, **settings)
    state = pool(collateral, reserve(1), word=COLLATERAL_0_DEBT_1, balances=BALANCES)

    assert Blocked(obstacle, collateral.asset) == best_liquidation(state, Borrower(WHO), 1_000)


def test_an_account_of_debts_only_has_nothing_to_take() -> None:
    state = pool(reserve(0), reserve(1), word=0b0100, balances=BALANCES)

    found = best_liquidation(state, Borrower(WHO), 1_000)

    assert isinstance(found, Blocked)
    assert found.obstacle is Obstacle.NOT_COLLATERAL
