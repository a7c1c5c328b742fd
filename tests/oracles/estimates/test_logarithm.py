from __future__ import annotations

from decimal import Context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from oracles.estimates.logarithm import half_power_wad, log_ratio_wad, root_wad

EXACT = Context(prec=60)
POSITIVE = st.integers(1, 10**40)


@given(POSITIVE, POSITIVE)
def test_a_logarithm_is_right_to_the_last_places(a: int, b: int) -> None:
    expected = EXACT.multiply(EXACT.ln(EXACT.divide(a, b)), WAD)

    assert abs(expected - log_ratio_wad(a, b)) <= 2


@given(POSITIVE, POSITIVE)
def test_a_fall_is_as_far_as_the_rise_that_undoes_it(a: int, b: int) -> None:
    assert abs(log_ratio_wad(a, b) + log_ratio_wad(b, a)) <= 2


@given(st.integers(0, 10**10), st.integers(1, 10**8))
def test_a_weight_halves_in_a_half_life(elapsed_ms: int, half_life_ms: int) -> None:
    expected = EXACT.multiply(EXACT.power(2, EXACT.divide(-elapsed_ms, half_life_ms)), WAD)

    assert abs(expected - half_power_wad(elapsed_ms, half_life_ms)) <= 2


@pytest.mark.parametrize(("square", "root"), [(0, 0), (WAD, WAD), (4 * WAD, 2 * WAD), (WAD // 4, WAD // 2)])
def test_a_root_is_exact_where_it_can_be(square: int, root: int) -> None:
    assert root == root_wad(square)
