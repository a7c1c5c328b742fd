"""Numbers of Pyth's own tests (PythTestUtils, convertToUint)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.price import FailureKind
from oracles.sources.exponents import to_decimals_down, to_decimals_up
from oracles.sources.origin import BadAnswer


@pytest.mark.parametrize(
    ("price", "exponent", "decimals", "expected"),
    [
        (123_456, -5, 2, 123),
        (100, -5, 18, 1_000_000_000_000_000),
        (100, -5, 4, 10),
        (100, -5, 2, 0),
        (123, -8, 5, 0),
        (5, -1, 2, 50),
        (999, -2, 0, 9),
        (99, -2, 0, 0),
        (1, -58, 58, 1),
        (1, -58, 0, 0),
        (9_223_372_036_854_775_807, -64, 8, 0),
    ],
)
def test_an_exponent_becomes_fixed_decimals_cut(
    price: int, exponent: int, decimals: int, expected: int
) -> None:
    assert expected == to_decimals_down(price, exponent, decimals)


@pytest.mark.parametrize(
    ("price", "exponent", "decimals", "kind"),
    [
        (-100, -5, 18, FailureKind.NOT_A_PRICE),
        (100, -256, 18, FailureKind.MALFORMED),
        (100, 50, 9, FailureKind.MALFORMED),
        (9_223_372_036_854_775_807, 50, 9, FailureKind.MALFORMED),
        (100_000_000, 10, 50, FailureKind.MALFORMED),
        (1, -77, 18, FailureKind.MALFORMED),
    ],
)
def test_what_256_bits_do_not_hold_is_refused(
    price: int, exponent: int, decimals: int, kind: FailureKind
) -> None:
    for convert in (to_decimals_down, to_decimals_up):
        with pytest.raises(BadAnswer) as refused:
            convert(price, exponent, decimals)
        assert kind is refused.value.kind


@given(st.integers(0, 2**64 - 1), st.integers(-76, 40))
def test_a_width_is_never_less_than_was_said(value: int, exponent: int) -> None:
    down, up = to_decimals_down(value, exponent, 18), to_decimals_up(value, exponent, 18)
    assert 0 <= up - down <= 1
    assert (up == 0) == (value == 0)
