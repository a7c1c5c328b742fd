"""Marks of options: every price within the evidence gives one between their ends."""

from __future__ import annotations

from dataclasses import replace
from math import erf, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import OptionPosition
from keeper.margin.parameters import OptionMarketRisk
from keeper.planner.option_marks import mark, marks_of
from oracles.price import Price
from tests.keeper.margin.builders import POLICY, account, cut, leg, price, unavailable

DAY_S = 86_400
YEAR_S = 365 * DAY_S
NOW_S = 1_700_000_001
"""Of the builders' cut: its blocks' time and a second of age."""
MARKET = OptionMarketRisk("ETH", "ETHVOL")
WITH_OPTIONS = replace(POLICY, option_markets={"ETH-OPTIONS": MARKET})


def option(*, is_call: bool, strike: int = 2_100, tenor_s: int = 30 * DAY_S) -> OptionPosition:
    return OptionPosition(
        "ETH-OPTIONS", f"0x{strike:064x}", "ETH", is_call, strike * WAD, NOW_S + tenor_s, -WAD
    )


def evidence(eth: float = 2_000, volatility: float = 0.6, half_width_bps: int = 20) -> dict[str, Price]:
    return {
        "ETH": price("ETH", int(eth * WAD), half_width_bps),
        "ETHVOL": price("ETHVOL", int(volatility * WAD), 5 * half_width_bps),
    }


def black(*, is_call: bool, forward: float, strike: float, volatility: float, years: float) -> float:
    """Black (1976) without interest, in floating point, written from the formula."""

    def normal(x: float) -> float:
        return (1 + erf(x / sqrt(2))) / 2

    deviation = volatility * sqrt(years)
    d1 = log(forward / strike) / deviation + deviation / 2
    call = forward * normal(d1) - strike * normal(d1 - deviation)
    return call if is_call else call - forward + strike


@pytest.mark.parametrize("is_call", [True, False])
@given(
    eth=st.floats(500, 8_000),
    volatility=st.floats(0.1, 2.5),
    strike=st.integers(500, 8_000),
    days=st.integers(1, 700),
    at=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_any_prices_within_the_evidence_give_a_value_between_the_ends(
    *, is_call: bool, eth: float, volatility: float, strike: int, days: int, at: tuple[float, float]
) -> None:
    held = option(is_call=is_call, strike=strike, tenor_s=days * DAY_S)
    found = mark(held, evidence(eth, volatility), WITH_OPTIONS, NOW_S)
    assert found is not None

    value = black(
        is_call=is_call,
        forward=eth * (1 + 0.002 * at[0]),
        strike=strike,
        volatility=volatility * (1 + 0.01 * at[1]),
        years=days * DAY_S / YEAR_S,
    )

    slack = 1e-9 * (eth + strike)
    assert found.low / WAD - slack <= value <= found.high / WAD + slack
    assert found.low <= found.mid <= found.high


def test_the_middle_is_the_price_at_the_middles() -> None:
    found = mark(option(is_call=True), evidence(), WITH_OPTIONS, NOW_S)

    assert found is not None
    expected = black(is_call=True, forward=2_000, strike=2_100, volatility=0.6, years=30 / 365)
    assert expected == pytest.approx(found.mid / WAD, rel=1e-12)


@pytest.mark.parametrize(("is_call", "worth"), [(True, 0), (False, 100)])
def test_from_expiry_on_it_is_what_exercise_gives(*, is_call: bool, worth: int) -> None:
    held = option(is_call=is_call, tenor_s=-5)

    found = mark(held, evidence(half_width_bps=0), WITH_OPTIONS, NOW_S)

    assert found is not None
    assert abs(found.mid - worth * WAD) <= 3


@pytest.mark.parametrize(
    ("market", "missing"),
    [
        ({}, ""),
        ({"ETH-OPTIONS": replace(MARKET, asset="BTC")}, ""),
        ({"ETH-OPTIONS": MARKET}, "ETH"),
        ({"ETH-OPTIONS": MARKET}, "ETHVOL"),
    ],
)
def test_without_a_market_or_a_price_there_is_no_mark(
    market: dict[str, OptionMarketRisk], missing: str
) -> None:
    policy = replace(POLICY, option_markets=market)
    gone = {name: its for name, its in evidence().items() if name != missing}
    without = {**gone, missing: unavailable(missing)} if missing else gone

    assert mark(option(is_call=True), gone, policy, NOW_S) is None
    assert mark(option(is_call=True), without, policy, NOW_S) is None


def test_an_accounts_options_are_marked_as_of_the_cut() -> None:
    call, put = option(is_call=True), option(is_call=False, strike=1_900)
    held = account(replace(leg(), options=(call, put)))

    found = marks_of(held, evidence(), WITH_OPTIONS, cut())

    expected = [mark(its, evidence(), WITH_OPTIONS, NOW_S) for its in (call, put)]
    assert [its.mid for its in expected if its] == [found[call.series], found[put.series]]
    assert {} == marks_of(held, evidence(), WITH_OPTIONS, ())
