"""The portfolio model: hedges are seen, the worst scenario is covered, and nothing is gained by splitting."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import Account, Leg, OptionPosition, Position
from keeper.domain.health import UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy, Tier
from tests.keeper.margin.builders import CHAINS, account, cut, leg, position
from tests.keeper.margin.repricing import (
    PLAIN,
    RISK,
    option,
    quotes,
    random_book,
    scenario_losses,
    under_portfolio,
)

HERE, THERE = CHAINS[:2]
CENT = 10**15


def book(
    options: Sequence[OptionPosition] = (),
    positions: Sequence[Position] = (),
    *,
    elsewhere: Sequence[Position] = (),
) -> Account:
    return account(
        replace(leg(HERE, tokens={"USDC": "10000"}, positions=positions), options=tuple(options)),
        leg(THERE, positions=elsewhere),
    )


def health(held: Account, policy: RiskPolicy = PLAIN, width_bps: int = 0) -> UnifiedHealth:
    return evaluate(held, quotes(width_bps), cut(), policy)


def requirement(held: Account, policy: RiskPolicy = PLAIN) -> int:
    return health(under_portfolio(held), policy).maintenance_mid


HEDGED = {
    "a covered call": book([option("call", 2_100, 30, -4)], [position("4", "2000")]),
    "a vertical spread": book([option("call", 2_000, 30, -5), option("call", 2_100, 30, 5)]),
    "a collar": book([option("put", 1_900, 30, 5), option("call", 2_100, 30, -5)], [position("5", "2000")]),
    "a condor": book(
        [
            option("put", 1_700, 30, 5),
            option("put", 1_800, 30, -5),
            option("call", 2_200, 30, -5),
            option("call", 2_300, 30, 5),
        ]
    ),
    "one perpetual against another chain's": book(
        positions=[position("5", "2000")], elsewhere=[position("-5", "2000")]
    ),
}


AS_WIDE = {market: replace(its, tiers=(Tier(WAD, 1_600, 2_000),)) for market, its in RISK.markets.items()}
"""Perpetuals that need by themselves what the widest scenario takes, so that the models can be compared."""


@pytest.mark.parametrize("name", HEDGED)
@pytest.mark.parametrize("policy", [PLAIN, RISK], ids=["scenarios", "contingencies"])
def test_a_hedged_book_needs_less_than_by_the_standard_model(name: str, policy: RiskPolicy) -> None:
    held, comparable = HEDGED[name], replace(policy, markets=AS_WIDE)

    assert requirement(held, comparable) < health(held, comparable).maintenance_mid


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_the_requirement_is_never_less_than_the_worst_scenario_by_full_repricing(seed: int) -> None:
    held = under_portfolio(random_book(random.Random(seed)))
    at = {asset: (its.mid_wad or 0) / WAD for asset, its in quotes().items()}

    for policy in (PLAIN, RISK):
        worst = max(scenario_losses(held, at, policy))
        assert worst * WAD - CENT <= requirement(held, policy)


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_two_books_together_need_no_more_than_each_alone(seed: int) -> None:
    source = random.Random(seed)
    first, second = random_book(source), random_book(source)

    together = account(*_merged(first, second))

    assert requirement(together) <= requirement(first) + requirement(second) + CENT


def _merged(first: Account, second: Account) -> list[Leg]:
    """Return legs that hold both books' positions; nothing else requires anything for positions."""
    legs: dict[str, Leg] = {}
    for its in (*first.legs, *second.legs):
        before = legs.get(its.chain, leg(its.chain))
        legs[its.chain] = replace(
            before,
            positions=before.positions + its.positions,
            options=before.options + its.options,
        )
    return list(legs.values())


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(2, 9))
def test_a_book_of_more_of_everything_needs_as_many_times_the_margin(seed: int, times: int) -> None:
    held = random_book(random.Random(seed))
    larger = account(
        *(
            replace(
                its,
                positions=tuple(replace(each, size_wad=each.size_wad * times) for each in its.positions),
                options=tuple(replace(each, size_wad=each.size_wad * times) for each in its.options),
            )
            for its in held.legs
        )
    )

    assert requirement(held) * times == pytest.approx(requirement(larger), abs=CENT)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.booleans())
def test_more_collateral_never_lowers_health(seed: int, portfolio: bool) -> None:
    held = random_book(random.Random(seed))
    held = under_portfolio(held) if portfolio else held
    first, *others = held.legs
    more = tuple(replace(token, amount=token.amount * 11 // 10) for token in first.collateral)
    richer = replace(held, legs=(replace(first, collateral=more), *others))

    before, after = health(held, RISK, 50), health(richer, RISK, 50)

    assert before.surplus.low <= after.surplus.low
    assert before.surplus.high <= after.surplus.high
    if before.health is not None:
        assert after.health is not None
        assert before.health.low <= after.health.low + after.health.low // 10**8


@pytest.mark.parametrize("portfolio", [True, False])
def test_without_positions_nothing_is_required(*, portfolio: bool) -> None:
    held = book()
    found = health(under_portfolio(held) if portfolio else held, RISK)

    assert (None, 0, 0) == (found.health, found.maintenance_mid, found.requirement_mid)
    assert 9_700 * WAD == found.surplus.mid


def test_an_expired_option_is_worth_what_exercise_gives_and_requires_only_its_moves() -> None:
    held = book([option("call", 1_800, -1, -3)])

    standard, portfolio = health(held), health(under_portfolio(held))

    assert 10_000 * WAD - 600 * WAD == standard.equity.mid == portfolio.equity.mid
    assert 0 == standard.maintenance_mid
    assert 3 * 300 * WAD == portfolio.maintenance_mid


def test_gains_and_losses_over_chains_are_netted_before_gains_count_in_part() -> None:
    held = book(positions=[position("5", "1900")], elsewhere=[position("-5", "1900")])

    standard, portfolio = health(held), health(under_portfolio(held))

    assert 9_700 * WAD - 100 * WAD - standard.maintenance_mid == standard.surplus.mid
    assert 9_700 * WAD == portfolio.surplus.mid


def test_a_pair_that_moves_together_needs_less_than_two_positions_and_more_than_nothing() -> None:
    pair = book(positions=[position("30", "2000"), position("-1", "60000", "BTC-PERP")])
    first = book(positions=[position("30", "2000")])

    assert 0 < requirement(pair) < requirement(first)
    apart = replace(PLAIN, portfolio=replace(PLAIN.portfolio, correlations=()))
    assert requirement(pair) < requirement(pair, apart)


def test_collateral_hedges_only_where_it_is_said_to_move() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}, positions=[position("-8", "2000")]))
    moving = replace(PLAIN, portfolio=replace(PLAIN.portfolio, collateral_moves=True))

    assert 8 * 300 * WAD == requirement(held)
    assert 25 * WAD // 100 * 300 == requirement(held, moving)


def test_what_a_stale_chain_holds_may_be_a_hedge_gone_or_a_perfect_one() -> None:
    held = under_portfolio(HEDGED["one perpetual against another chain's"])
    with_basis = replace(RISK, missing_leg_uplift_bps=5_000)

    fresh = evaluate(held, quotes(), cut(), with_basis)
    stale = evaluate(held, quotes(), cut(**{THERE: 45_000}), with_basis)

    assert 50 * WAD == fresh.maintenance_mid == stale.maintenance_mid
    assert fresh.surplus.low - 25 * WAD == stale.surplus.low
    assert fresh.surplus.high + 25 * WAD == stale.surplus.high
