"""Waits after setbacks, and what swaps at one pool do to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.venues.crowding import Q192, at_spot, later
from keeper.venues.endings import Ending
from keeper.venues.patience import MOST_DOUBLINGS, needs_patience, setback
from keeper.venues.verdict import Reason

PATIENCE = 25


def test_waits_double_up_to_a_bound() -> None:
    waits, before = [], None
    for _ in range(MOST_DOUBLINGS + 3):
        before = setback(before, Ending.REVERTED, "why", 1_000, WAD, PATIENCE)
        waits.append(before.until_block - 1_000)

    assert [25, 50, 100, 200, 400, 400, 400] == waits


def test_what_costs_nothing_needs_no_patience() -> None:
    assert not any(
        needs_patience(each) for each in (Reason.PAUSED, Reason.DUST, Reason.PRICE_HELD, Ending.LIQUIDATED)
    )
    assert all(needs_patience(each) for each in (Reason.REFUSED, Ending.SWAP_MOVED, Ending.NOT_SENT))


@pytest.mark.parametrize("patience_blocks", [1, 2, 25])
def test_there_is_always_a_wait(patience_blocks: int) -> None:
    assert 1_000 < setback(None, Reason.REFUSED, "", 1_000, None, patience_blocks).until_block


def bought(wanted: int, reserves: tuple[int, int]) -> int:
    """What `wanted` of the first costs of the second where their product stays."""
    first, second = reserves
    return -(-second * wanted // (first - wanted))


@given(st.integers(10**9, 10**10), st.integers(0, 3 * 10**10))
def test_what_a_swap_costs_after_others_is_what_the_pool_would_take(wanted: int, before: int) -> None:
    reserves = (10**13, 5 * 10**21)
    alone = bought(wanted, reserves)
    spot = wanted * reserves[1] // reserves[0]
    truly = bought(before + wanted, reserves) - bought(before, reserves) if before else alone
    kept = alone * 2

    told = alone + (kept - later(kept, alone, spot, wanted, before))

    assert abs(told - truly) * 1_000 <= truly


def test_the_spot_price_is_read_either_way_round_with_the_fee() -> None:
    # 2,000 of the second for one of the first, raw.
    sqrt_price = int((2_000 * Q192) ** 0.5)

    assert 2_001_000 == pytest.approx(at_spot(1_000, sqrt_price, 500, wants_first=True), rel=1e-3)
    assert 1_000 == pytest.approx(at_spot(2_000_000, sqrt_price, 500, wants_first=False), rel=1e-2)
