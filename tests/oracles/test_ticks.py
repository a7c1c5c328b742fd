"""Numbers of Uniswap's own tests (v3-core TickMath and Oracle, v3-periphery OracleLibrary) and skip-mev/connect's."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD, parse_wad
from oracles.sources.ticks import (
    MAX_TICK,
    ONE_PERCENT_WAD,
    Q96,
    Q128,
    depth_wad,
    mean_liquidity,
    mean_tick,
    price_wad,
    sqrt_ratio_x96,
)

TICKS = st.integers(-MAX_TICK, MAX_TICK)


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (-887_272, 4295128739),
        (-887_271, 4295343490),
        (-738_203, 7409801140451),
        (-250_000, 295440463448801648376846),
        (-50, 79030349367926598376800521322),
        (0, 79228162514264337593543950336),
        (100, 79625275426524748796330556128),
        (500, 81233731461783161732293370115),
        (50_000, 965075977353221155028623082916),
        (250_000, 21246587762933397357449903968194344),
        (738_203, 847134979253254120489401328389043031315994541),
        (887_271, 1461373636630004318706518188784493106690254656249),
        (887_272, 1461446703485210103287273052203988822378723970342),
    ],
)
def test_the_square_root_of_a_price_is_the_contracts_own_integer(tick: int, expected: int) -> None:
    assert expected == sqrt_ratio_x96(tick)


@pytest.mark.parametrize("tick", [MAX_TICK + 1, -MAX_TICK - 1])
def test_no_pool_has_a_tick_beyond(tick: int) -> None:
    with pytest.raises(ValueError, match="no pool"):
        sqrt_ratio_x96(tick)


@given(TICKS)
def test_it_is_a_power_of_the_root_of_1_0001(tick: int) -> None:
    with localcontext() as context:
        context.prec = 80
        exact = Decimal("1.0001") ** (Decimal(tick) / 2) * Q96
    assert abs(sqrt_ratio_x96(tick) - exact) <= 1 + exact / 10**18


@given(st.integers(-MAX_TICK, MAX_TICK - 1))
def test_it_rises_with_the_tick(tick: int) -> None:
    assert sqrt_ratio_x96(tick) < sqrt_ratio_x96(tick + 1)


@pytest.mark.parametrize(
    ("cumulatives", "window_s", "expected"),
    [((12, 12), 3, 0), ((-10, -12), 4, -1), ((-12, -10), 4, 0), ((10, 12), 4, 0), ((0, -7), 7, -1)],
)
def test_a_mean_tick_is_rounded_toward_minus_infinity(
    cumulatives: tuple[int, int], window_s: int, expected: int
) -> None:
    assert expected == mean_tick(cumulatives[1] - cumulatives[0], window_s)


def test_constant_liquidity_is_its_own_mean() -> None:
    liquidity, window_s = 345_600_000_000_000_000_000, 1_800
    grown = window_s * Q128 // liquidity
    assert 0 <= mean_liquidity(grown, window_s) - liquidity <= liquidity // 10**12


def test_a_thin_half_of_the_window_weighs_more_than_a_thick_one() -> None:
    thin, thick = 10**12, 10**24
    grown = 900 * Q128 // thin + 900 * Q128 // thick
    assert mean_liquidity(grown, 1_800) < 2 * thin + 2


@pytest.mark.parametrize("grown", [0, -1])
def test_a_sum_that_does_not_grow_is_refused(grown: int) -> None:
    with pytest.raises(ValueError, match="did not grow"):
        mean_liquidity(grown, 60)


def test_a_price_of_one_is_the_ratio_of_raw_units() -> None:
    assert price_wad(Q96, base_is_token0=True, base_decimals=18, quote_decimals=18) == WAD
    assert price_wad(Q96, base_is_token0=False, base_decimals=18, quote_decimals=18) == WAD
    assert price_wad(Q96, base_is_token0=True, base_decimals=18, quote_decimals=6) == WAD * 10**12
    assert price_wad(Q96, base_is_token0=True, base_decimals=6, quote_decimals=18) == WAD // 10**12


@pytest.mark.parametrize(
    ("sqrt_x96", "base_is_token0", "base_decimals", "quote_decimals", "expected"),
    [
        (2018382873588440326581633304624437, False, 18, 6, "1540.820552028"),
        (1352410158492054060425952808062116, False, 18, 6, "3431.960802205393266704"),
        (207948444079600336333526355881825, True, 8, 10, "68889.365216673278810556"),
    ],
)
def test_a_pools_price_in_whole_units(
    sqrt_x96: int, base_is_token0: bool, base_decimals: int, quote_decimals: int, expected: str
) -> None:
    found_wad = price_wad(
        sqrt_x96,
        base_is_token0=base_is_token0,
        base_decimals=base_decimals,
        quote_decimals=quote_decimals,
    )
    assert abs(found_wad - parse_wad(expected)) < parse_wad("0.00000001")


def test_the_periphery_quotes_the_last_tick_from_the_same_root() -> None:
    amount = (1 << 128) - 1
    quoted = 115783384785599357996676985412062652720342362943929506828539444553934033845703
    ratio_x128 = sqrt_ratio_x96(MAX_TICK) ** 2 >> 64
    assert quoted == ratio_x128 * amount >> 128


@given(TICKS, st.integers(0, 24), st.integers(0, 24))
def test_the_two_directions_of_a_price_multiply_to_one_or_a_little_less(
    tick: int, decimals0: int, decimals1: int
) -> None:
    root = sqrt_ratio_x96(tick)
    one = price_wad(root, base_is_token0=True, base_decimals=decimals0, quote_decimals=decimals1)
    other = price_wad(root, base_is_token0=False, base_decimals=decimals1, quote_decimals=decimals0)
    product = one * other
    assert product <= WAD * WAD
    assert (one + 1) * (other + 1) > WAD * WAD


def test_depth_is_what_a_percent_costs() -> None:
    with localcontext() as context:
        context.prec = 40
        assert int((Decimal("1.01").sqrt() - 1) * WAD) == ONE_PERCENT_WAD
    assert ONE_PERCENT_WAD == depth_wad(WAD, Q96, base_is_token0=True, quote_decimals=18)
    assert 2 * ONE_PERCENT_WAD + 1 == depth_wad(WAD, 2 * Q96, base_is_token0=True, quote_decimals=18) + 1
    assert ONE_PERCENT_WAD // 2 == depth_wad(WAD, 2 * Q96, base_is_token0=False, quote_decimals=18)
    assert ONE_PERCENT_WAD * 10**12 == depth_wad(WAD, Q96, base_is_token0=True, quote_decimals=6)
