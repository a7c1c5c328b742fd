"""Health with options and under scenarios: against full repricing by a library, over whole boxes of prices."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import Account
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from tests.keeper.margin.builders import account, cut
from tests.keeper.margin.repricing import RISK, margin, points, quotes, random_book, under_portfolio

CENT = 10**15
"""A tenth of a cent: what two ways of adding doubles may differ by."""


def books(seed: int) -> list[Account]:
    held = random_book(random.Random(seed))
    return [held, under_portfolio(held)]


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_at_a_point_the_figures_are_those_of_full_repricing(seed: int) -> None:
    at = quotes(0)
    point = {asset: (its.mid_wad or 0) / WAD for asset, its in at.items()}
    for held in books(seed):
        found = evaluate(held, at, cut(), RISK)
        expected, initial = margin(held, point, RISK), margin(held, point, RISK, initial=True)

        assert expected.surplus * WAD == pytest.approx(found.surplus.mid, abs=CENT)
        assert initial.surplus * WAD == pytest.approx(found.initial_surplus.mid, abs=CENT)
        assert expected.equity * WAD == pytest.approx(found.equity.mid, abs=CENT)
        assert expected.maintenance * WAD == pytest.approx(found.maintenance_mid, abs=CENT)
        assert found.surplus.high - found.surplus.low < CENT
        assert expected.assets * WAD == pytest.approx(found.assets_mid, abs=CENT)
        assert expected.required * WAD == pytest.approx(found.requirement_mid, abs=CENT)
        if expected.required > 1:
            assert found.health is not None
            assert expected.assets / expected.required == pytest.approx(
                found.health.low / WAD, rel=1e-6, abs=1e-6
            )
            assert expected.assets / expected.required == pytest.approx(
                found.health.high / WAD, rel=1e-6, abs=1e-6
            )


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from((5, 50, 400)), st.sampled_from((0, 100, 800)))
def test_whatever_the_true_prices_are_the_figures_lie_within(seed: int, price_bps: int, vol_bps: int) -> None:
    source = random.Random(seed)
    at = quotes(price_bps, vol_bps)
    for held in books(seed):
        found = evaluate(held, at, cut(), RISK)
        for point in points(at, source, 3, 4):
            true, initial = margin(held, point, RISK), margin(held, point, RISK, initial=True)

            assert found.surplus.low - CENT <= true.surplus * WAD <= found.surplus.high + CENT
            assert (
                found.initial_surplus.low - CENT <= initial.surplus * WAD <= found.initial_surplus.high + CENT
            )
            assert found.equity.low - CENT <= true.equity * WAD <= found.equity.high + CENT
            if found.health is not None and true.required > 1:
                ratio = min(true.assets / true.required, 10**6) * WAD
                assert found.health.low <= ratio * (1 + 1e-9) + CENT
                assert ratio * (1 - 1e-9) - CENT <= found.health.high


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from((45_000, 90_000)))
def test_a_late_chain_only_widens_the_figures(seed: int, age_ms: int) -> None:
    at = quotes(20, 100)
    for held in books(seed):
        fresh = evaluate(held, at, cut(), RISK)
        late = evaluate(held, at, cut(**{held.legs[0].chain: age_ms}), RISK)

        for sure, wide in ((fresh.surplus, late.surplus), (fresh.equity, late.equity)):
            assert wide.low <= sure.low + CENT
            assert sure.high <= wide.high + CENT
        assert bool(late.unknown_because) is (age_ms == 90_000 and late.surplus.high >= 0)


def widths(seeds: range, policy: RiskPolicy, *, portfolio: bool) -> list[tuple[float, float]]:
    """Return by account how wide the interval of surplus is, and how wide the values found inside."""
    found = []
    for seed in seeds:
        source = random.Random(seed)
        held = random_book(source)
        held = under_portfolio(held) if portfolio else held
        at = quotes(30, 200)
        surplus = evaluate(held, at, cut(), policy).surplus
        true = [margin(held, point, policy).surplus for point in points(at, source, 0)]
        found.append(((surplus.high - surplus.low) / WAD, max(true) - min(true)))
    return found


@pytest.mark.parametrize(("portfolio", "seeds", "most"), [(False, 60, 1.2), (True, 6, 1.25)])
def test_the_interval_is_not_much_wider_than_what_is_found_inside(
    *, portfolio: bool, seeds: int, most: float
) -> None:
    found = widths(range(seeds), RISK, portfolio=portfolio)

    assert sum(bound for bound, _ in found) < most * sum(inside for _, inside in found)


def test_an_account_without_any_block_to_tell_the_time_is_unknown() -> None:
    held = next(book for seed in range(9) for book in books(seed) if any(leg.options for leg in book.legs))

    found = evaluate(account(*held.legs), quotes(), (), RISK)

    assert any("how long" in reason for reason in found.unknown_because)
