"""Option prices: against a well-kept library, against far more digits than are kept, and against themselves."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal, localcontext
from math import exp as exp_float
from typing import NamedTuple

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.margin.black76 import SLOPE_ONE, YEAR_S, Bounds, bounds, deviation, discount
from keeper.margin.black76_arrays import Floats, greeks, prices
from keeper.margin.fixed_point import BITS, ONE, exp, ln_ratio, normal_cdf
from oracles.interval import MAX_VALUE_WAD

GRID = list(
    itertools.product(
        (True, False),
        (0.2, 0.7, 0.97, 1.0, 1.04, 1.6, 6.0),
        (0.05, 0.35, 0.8, 2.5),
        (60, 3_600, 86_400, 30 * 86_400, 400 * 86_400),
    )
)
STRIKE = 2_000


class Case(NamedTuple):
    is_call: bool
    forward_wad: int
    strike_wad: int
    volatility_wad: int
    tenor_s: int
    rate_bps: int = 0


def quoted(case: Case) -> Bounds:
    return bounds(
        is_call=case.is_call,
        forward=case.forward_wad,
        strike=case.strike_wad,
        its_deviation=deviation(case.volatility_wad, WAD, case.tenor_s),
        discounted=discount(case.rate_bps, case.tenor_s),
    )


def normal_decimal(x: Decimal) -> Decimal:
    """The normal distribution by its plain series, with the digits of the context."""
    total = term = x
    odd = 3
    while abs(term) > abs(total) * Decimal(10) ** -110:
        term = term * x * x / odd
        total += term
        odd += 2
    pi = Decimal(
        "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798"
    )
    return Decimal("0.5") + (-x * x / 2).exp() / (2 * pi).sqrt() * total


def price_decimal(case: Case) -> Decimal:
    """The price in wad, from a hundred and more digits."""
    with localcontext() as context:
        context.prec = 140
        forward, strike = Decimal(case.forward_wad), Decimal(case.strike_wad)
        years = Decimal(case.tenor_s) / YEAR_S
        its_deviation = Decimal(case.volatility_wad) / WAD * years.sqrt()
        d1 = (forward / strike).ln() / its_deviation + its_deviation / 2
        sign = 1 if case.is_call else -1
        value = sign * (
            forward * normal_decimal(sign * d1) - strike * normal_decimal(sign * (d1 - its_deviation))
        )
        return value * (-Decimal(case.rate_bps) / 10_000 * years).exp()


@pytest.mark.parametrize(("is_call", "moneyness", "volatility", "tenor_s"), GRID)
def test_a_price_is_that_of_the_library(
    *, is_call: bool, moneyness: float, volatility: float, tenor_s: int
) -> None:
    forward = STRIKE * moneyness
    its_deviation = volatility * (tenor_s / YEAR_S) ** 0.5
    kind = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    expected = QuantLib.blackFormula(kind, STRIKE, forward, its_deviation)

    found = quoted(
        Case(
            is_call,
            round(forward * 10**6) * 10**12,
            STRIKE * WAD,
            round(volatility * 100) * 10**16,
            tenor_s,
        )
    )
    as_float = prices(is_call, forward, STRIKE, volatility, tenor_s / YEAR_S)

    assert expected == pytest.approx(found.low / WAD, abs=1e-9)
    assert expected == pytest.approx(found.high / WAD, abs=1e-9)
    assert expected == pytest.approx(float(as_float), abs=1e-9)


MOST_APART = 40.0
"""A ratio of e**40 between forward and strike: beyond e**41 or so only what exercise gives is bounded."""


def random_case(source: random.Random) -> Case:
    """A case up to some twenty deviations out of the money: beyond, a hundred digits take too long."""
    strike_wad = source.randrange(1, 10**5) * 10 ** source.randrange(14, 19)
    volatility_wad, tenor_s = source.randrange(10**15, 4 * 10**18), source.randrange(1, 3 * YEAR_S)
    its_deviation = volatility_wad / WAD * (tenor_s / YEAR_S) ** 0.5
    apart = min(max(source.gauss(0, 5), -18), 18) * its_deviation
    forward_wad = int(strike_wad * exp_float(min(max(apart, -MOST_APART), MOST_APART)))
    return Case(
        source.random() < 0.5,
        min(max(forward_wad, 1), MAX_VALUE_WAD),
        strike_wad,
        volatility_wad,
        tenor_s,
        source.choice((0, 0, 450)),
    )


@given(st.integers(0, 2**32))
def test_the_true_price_lies_between_the_bounds_and_they_are_near(seed: int) -> None:
    case = random_case(random.Random(seed))

    found, true = quoted(case), price_decimal(case)

    assert found.low <= true <= found.high
    assert found.high - found.low <= 6 + ((case.forward_wad + case.strike_wad) >> 72)


@given(st.integers(0, 2**32))
def test_the_slope_bounds_hold_the_delta(seed: int) -> None:
    source = random.Random(seed)
    case = Case(
        source.random() < 0.5,
        source.randrange(1_000 * WAD, 4_000 * WAD),
        STRIKE * WAD,
        source.randrange(2 * 10**17, 2 * 10**18),
        source.randrange(86_400, YEAR_S),
    )
    step = 10**6

    found = quoted(case)
    above, below = (price_decimal(case._replace(forward_wad=case.forward_wad + its)) for its in (step, -step))

    assert found.slope_low - 16 <= (above - below) / (2 * step) * SLOPE_ONE <= found.slope_high + 16


@given(st.integers(1, 10**23), st.integers(1, 10**23), st.integers(10**15, 3 * 10**18), st.integers(0, 10**8))
def test_a_call_less_a_put_is_the_forward_less_the_strike(
    forward_wad: int, strike_wad: int, volatility_wad: int, tenor_s: int
) -> None:
    call, put = (
        quoted(Case(is_call, forward_wad, strike_wad, volatility_wad, tenor_s)) for is_call in (True, False)
    )

    assert call.low - put.high <= forward_wad - strike_wad <= call.high - put.low


@pytest.mark.parametrize(
    ("is_call", "at", "worth"), [(True, 2_300, 300), (True, 1_700, 0), (False, 1_700, 300)]
)
@pytest.mark.parametrize("late_s", [0, 86_400])
def test_at_expiry_an_option_is_what_exercise_gives(
    *, is_call: bool, at: int, worth: int, late_s: int
) -> None:
    found = quoted(Case(is_call, at * WAD, STRIKE * WAD, WAD, -late_s))

    assert (worth * WAD, worth * WAD) == (found.low, found.high)


def test_a_common_factor_of_forward_and_strike_is_one_of_the_price() -> None:
    its_deviation = deviation(8 * 10**17, WAD, 30 * 86_400)
    once = bounds(
        is_call=True, forward=1_950 * WAD, strike=2_000 * WAD, its_deviation=its_deviation, discounted=ONE
    )
    often = bounds(
        is_call=True,
        forward=1_950 * WAD * 10**8,
        strike=2_000 * WAD * 10**8,
        its_deviation=its_deviation,
        discounted=ONE,
    )

    assert once.low * 10**8 <= often.low
    assert often.high <= once.high * 10**8


def test_greeks_are_what_finite_differences_give() -> None:
    is_call = np.array([True, False, True, False])
    forward, strike = np.array([1_900.0, 1_900.0, 2_600.0, 1_200.0]), 2_000.0
    volatility, tenor, rate = 0.7, 0.21, 0.03
    step, small = 0.05, 1e-5

    def at(f: Floats = forward, v: float = volatility, t: float = tenor) -> Floats:
        return prices(is_call, f, strike, v, t, rate)

    found = greeks(is_call, forward, strike, volatility, tenor, rate)

    up, down = at(forward + step), at(forward - step)
    slope_v = (at(v=volatility + small) - at(v=volatility - small)) / (2 * small)
    slope_t = (at(t=tenor - small) - at(t=tenor + small)) / (2 * small)
    assert list((up - down) / (2 * step)) == pytest.approx(list(found.delta), rel=1e-6)
    assert list((up - 2 * at() + down) / step**2) == pytest.approx(list(found.gamma), rel=1e-4)
    assert list(slope_v) == pytest.approx(list(found.vega), rel=1e-6)
    assert list(slope_t) == pytest.approx(list(found.theta), rel=1e-6)


def test_greeks_are_those_of_the_library() -> None:
    its_deviation, discounted = 0.7 * 0.25**0.5, 0.99
    for is_call, kind in ((True, QuantLib.Option.Call), (False, QuantLib.Option.Put)):
        theirs = QuantLib.BlackCalculator(
            QuantLib.PlainVanillaPayoff(kind, 2_000.0), 1_900.0, its_deviation, discounted
        )
        ours = greeks(is_call, 1_900.0, 2_000.0, 0.7, 0.25, -np.log(discounted) / 0.25)

        assert theirs.value() == pytest.approx(float(ours.price), rel=1e-12)
        assert theirs.deltaForward() == pytest.approx(float(ours.delta), rel=1e-12)
        assert theirs.gammaForward() == pytest.approx(float(ours.gamma), rel=1e-12)
        assert theirs.vega(0.25) == pytest.approx(float(ours.vega), rel=1e-12)


def test_the_functions_beneath_keep_what_they_promise() -> None:
    source = random.Random(7)
    with localcontext() as context:
        context.prec = 140
        scale = Decimal(2) ** BITS
        for _ in range(400):
            top, bottom = source.randrange(1, 10**30), source.randrange(1, 10**30)
            if abs(top.bit_length() - bottom.bit_length()) > 60:
                continue
            assert abs((Decimal(top) / bottom).ln() * scale - ln_ratio(top, bottom)) < 128
            x = source.randrange(-40 * ONE, 1)
            assert abs((Decimal(x) / scale).exp() * scale - exp(x)) < 64
            y = source.randrange(-11 * ONE, 11 * ONE)
            assert abs(normal_decimal(Decimal(y) / scale) * scale - normal_cdf(y)) < 2**12


def test_a_ratio_beyond_what_is_promised_is_refused() -> None:
    with pytest.raises(ValueError, match="2\\*\\*64"):
        ln_ratio(1 << 100, 1)
