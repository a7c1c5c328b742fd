"""Unified health: the formula, its exactness over intervals, and what missing evidence does to it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import Account, Collateral, Debt, Leg, PendingClaim, Position
from keeper.domain.health import Interval, UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.parameters import MarketRisk, RiskPolicy, Tier
from keeper.margin.valuation import HEALTH_CAP
from oracles.price import Price, PriceStatus
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    asset_risk,
    claim,
    cut,
    leg,
    position,
    price,
    prices,
    random_account,
    unavailable,
    usd,
)

HERE, THERE = CHAINS[:2]


def health_of(held: Account, at: Mapping[str, Price], policy: RiskPolicy = POLICY) -> UnifiedHealth:
    return evaluate(held, at, cut(), policy, price_set="set")


def reference(
    held: Account, at: Mapping[str, int], policy: RiskPolicy
) -> tuple[Fraction, Fraction, Fraction]:
    """Return (assets, requirement, equity) by the formula, term by term, in fractions of a wad."""
    assets = required = equity = Fraction(0)
    for its in held.legs:
        for token in its.collateral:
            value = Fraction(token.amount * at[token.asset], 10**token.decimals)
            for owed in its.claims:
                if owed.token == token.token:
                    value -= ceil(Fraction(owed.value_wad * (10_000 + owed.penalty_bps), 10_000))
            value = max(value, Fraction(0))
            assets += value * Fraction(policy.assets[token.asset].collateral_weight_bps, 10_000)
            equity += value
        if its.debt:
            value = Fraction(its.debt.amount * at[its.debt.asset], 10**its.debt.decimals)
            required += value * Fraction(policy.assets[its.debt.asset].liability_weight_bps, 10_000)
            equity -= value
        for held_position in its.positions:
            gain = Fraction(
                held_position.size_wad * (at[held_position.asset] - held_position.entry_price_wad), WAD
            )
            assets += max(gain, Fraction(0)) * Fraction(policy.gain_weight_bps, 10_000)
            required += max(-gain, Fraction(0))
            equity += gain
            notional = Fraction(abs(held_position.size_wad) * at[held_position.asset], WAD)
            floor_wad = 0
            tiers = policy.markets[held_position.market].tiers
            for tier in tiers:
                top = notional if tier is tiers[-1] else min(notional, Fraction(tier.up_to_wad))
                required += max(top - floor_wad, Fraction(0)) * Fraction(tier.maintenance_bps, 10_000)
                floor_wad = tier.up_to_wad
    return assets, required, equity


def test_collateral_and_debt_on_two_chains_are_one_health() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="8250"))

    health = health_of(held, prices())

    assert Interval(*[usd("8250")] * 3) == health.surplus
    assert Interval(*[2 * WAD] * 3) == health.health
    assert Interval(*[usd("11750")] * 3) == health.equity
    assert (usd("16500"), usd("8250"), 0) == (
        health.assets_mid,
        health.requirement_mid,
        health.maintenance_mid,
    )


def test_a_gain_counts_in_part_and_a_loss_in_full() -> None:
    gains = account(leg(positions=[position("10", "1900")]))
    losses = account(leg(positions=[position("-10", "1900")]))

    assert usd("800") - usd("600") == health_of(gains, prices()).surplus.mid
    assert -usd("1000") - usd("600") == health_of(losses, prices()).surplus.mid
    assert usd("1000") == health_of(gains, prices()).equity.mid


def test_the_margin_of_a_large_position_is_the_sum_of_its_tiers() -> None:
    held = account(leg(positions=[position("300", "2000")]))

    health = health_of(held, prices())

    assert usd("1500") + usd("22500") + usd("10000") == health.maintenance_mid
    assert -(usd("2500") + usd("45000") + usd("20000")) == health.initial_surplus.mid


def test_an_empty_account_needs_no_evidence_and_has_no_requirement() -> None:
    health = evaluate(account(leg()), {}, (), POLICY)

    assert (None, ()) == (health.health, health.unknown_because)
    assert Interval(0, 0, 0) == health.surplus


def test_the_low_end_takes_each_price_where_it_hurts() -> None:
    hedged = account(leg(tokens={"ETH": "1"}, positions=[position("-1", "2000")]), leg(THERE, owes="100"))

    health = health_of(hedged, prices(100, USDC="1"))

    falls, rises = usd("1633.5") - usd("59.4") + usd("16"), usd("1666.5") - usd("60.6") - usd("20")
    assert min(falls, rises) - usd("101") == health.surplus.low
    assert max(falls, rises) - usd("99") <= health.surplus.high


def test_a_kink_inside_the_interval_is_found() -> None:
    """The best price of a short against collateral worth less than the gain is its entry."""
    held = account(leg(tokens={"ETH": "1"}, positions=[position("-1", "2000")]))
    policy = replace(POLICY, markets={**POLICY.markets, "ETH-PERP": MarketRisk("ETH", (Tier(WAD, 0, 0),))})

    health = health_of(held, prices(100), policy)

    assert usd("1650") == health.surplus.high
    assert usd("1646.5") == health.surplus.low


def test_a_pending_claim_reduces_its_token_by_value_and_penalty() -> None:
    held = account(leg(tokens={"ETH": "10"}, claims=[claim("4000")]), leg(THERE, owes="1000"))

    health = health_of(held, prices())

    assert usd("13035") - usd("1000") == health.surplus.mid
    assert usd("15800") - usd("1000") == health.equity.mid


def test_a_claim_never_takes_more_than_the_tokens_balance() -> None:
    held = account(leg(tokens={"ETH": "1", "USDC": "500"}, claims=[claim("4000")]))

    assert usd("485") == health_of(held, prices()).surplus.mid


def test_figures_name_the_blocks_of_their_legs_and_the_price_set() -> None:
    health = health_of(account(leg(THERE, owes="1")), prices())

    assert [THERE] == [point.chain for point in health.cut]
    assert "set" == health.price_set


def test_the_block_a_claim_was_seen_in_is_named_even_when_nothing_is_left_there() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, claims=[claim("1")]), leg(THERE))

    health = evaluate(held, prices(), cut(**{THERE: 10**9}), POLICY)

    assert ([HERE, THERE], ()) == ([point.chain for point in health.cut], health.unknown_because)


@pytest.mark.parametrize("missing", [{}, {"ETH": unavailable("ETH")}])
def test_a_price_that_is_needed_and_missing_makes_the_account_unknown(missing: Mapping[str, Price]) -> None:
    known = {"USDC": prices()["USDC"]}

    health = health_of(account(leg(tokens={"ETH": "1", "USDC": "1"})), {**known, **missing})

    assert 1 == len(health.unknown_because)
    assert "ETH has no price" in health.unknown_because[0]


def test_a_degraded_price_is_a_price() -> None:
    degraded = {"USDC": replace(prices()["USDC"], status=PriceStatus.DEGRADED)}

    assert () == health_of(account(leg(tokens={"USDC": "1"})), degraded).unknown_because


@pytest.mark.parametrize(
    "odd",
    [
        replace(leg(), collateral=(Collateral("0x", "DOGE", 18, 1),)),
        replace(leg(), positions=(Position("DOGE-PERP", 9, "ETH", 1, 1),)),
        replace(leg(), positions=(Position("ETH-PERP", 0, "USDC", 1, 1),)),
        replace(leg(tokens={"USDC": "1"}), chain="elsewhere"),
        replace(leg(), unreadable=("5 raw of 0x99",)),
    ],
)
def test_what_the_policy_does_not_know_makes_the_account_unknown(odd: Leg) -> None:
    at = {**prices(), "DOGE": price("DOGE", WAD)}

    assert 1 == len(health_of(account(odd, leg(THERE, owes="1")), at).unknown_because)


def test_a_stale_leg_widens_the_interval_and_is_still_known() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, tokens={"USDC": "1000"}, owes="5000"))
    policy = replace(POLICY, missing_leg_uplift_bps=2_000)

    health = evaluate(held, prices(), cut(**{THERE: 30_001}), policy)

    assert () == health.unknown_because
    assert usd("16500") + usd("776") - usd("6000") == health.surplus.low
    assert usd("16500") + usd("970") - usd("5000") == health.surplus.mid
    assert usd("16500") + usd("1164") - usd("4000") == health.surplus.high


def test_a_missing_leg_makes_the_account_unknown() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="5000"))

    health = evaluate(held, prices(), cut(**{THERE: 60_001}), POLICY)

    assert (f"{THERE}: last read 60 s ago",) == health.unknown_because
    assert evaluate(held, prices(), cut()[:1], POLICY).unknown_because == (f"{THERE}: not read",)


def test_a_missing_leg_whose_best_case_could_not_save_the_account_does_not_hide_it() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="5000"), leg(THERE, tokens={"USDC": "1000"}, owes="9"))

    health = evaluate(held, prices(), cut(**{THERE: 60_001}), POLICY)

    assert () == health.unknown_because
    assert usd("1650") + usd("1940") - usd("5000") == health.surplus.high


def test_a_missing_chain_does_not_concern_accounts_with_nothing_there() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="1"), leg(THERE))

    assert () == evaluate(held, prices(), cut(**{THERE: 10**9}), POLICY).unknown_because


def test_health_is_below_one_exactly_when_the_surplus_is_below_zero_to_the_last_wei() -> None:
    debt_raw = 10**24
    huge = Leg(HERE, 1, True, (Collateral("u", "VAULT", 18, 0),), Debt("USDC", 6, debt_raw), ())
    policy = replace(POLICY, assets={**POLICY.assets, "VAULT": asset_risk(10_000)})
    for short, expected in ((-1, True), (0, False), (1, False)):
        amount = debt_raw * 10**12 + short
        held = account(replace(huge, collateral=(Collateral("u", "VAULT", 18, amount),)))

        health = health_of(held, prices(VAULT="1"), policy)

        assert health.health is not None
        assert expected == (health.health.high < WAD) == (health.surplus.high < 0)


def tiny_account(source: random.Random) -> Account:
    """Return an account whose figures are a few wei, so that every price of a box can be tried."""
    legs = []
    for chain in CHAINS[:2]:
        held = tuple(
            Collateral(asset, asset, 18, source.randrange(1, 9) * WAD // source.choice((1, 3, 7)))
            for asset in source.sample(("USDC", "ETH", "WBTC"), source.randrange(3))
        )
        claims = tuple(
            PendingClaim(
                f"{asset.token}{number}", "cedar", asset.token, asset.asset, source.randrange(60), 500, "", 1
            )
            for asset in held
            for number in range(source.choice((0, 0, 1, 2)))
        )
        positions = tuple(
            Position(market, 0, asset, source.randrange(-9, 9) * WAD // 3 or 1, source.randrange(1, 20))
            for market, asset in (("ETH-PERP", "ETH"), ("BTC-PERP", "WBTC"))
            if source.random() < 0.5
        )
        owed = Debt("USDC", 18, source.randrange(9) * WAD // 3 or 1) if source.random() < 0.6 else None
        legs.append(Leg(chain, 1, True, held, owed, positions, claims))
    return account(*legs)


TINY = replace(
    POLICY,
    markets={
        "ETH-PERP": MarketRisk("ETH", (Tier(7, 300, 500), Tier(22, 1_500, 2_500), Tier(30, 5_000, 6_000))),
        "BTC-PERP": MarketRisk("WBTC", (Tier(11, 0, 500), Tier(12, 2_500, 3_000))),
    },
)


@given(seed=st.integers(0, 2**32))
def test_the_ends_are_exactly_the_extremes_over_every_price_in_the_box(seed: int) -> None:
    source = random.Random(seed)
    held = tiny_account(source)
    boxes = {}
    for asset in ("USDC", "ETH", "WBTC"):
        low = source.randrange(1, 15)
        high = low + source.randrange(6)
        boxes[asset] = Price(asset, PriceStatus.OK, "", low, source.randrange(low, high + 1), high, 0, ())

    health = health_of(held, boxes, TINY)

    corners = [
        reference(held, dict(zip(boxes, combination, strict=True)), TINY)
        for combination in itertools.product(
            *(range(its.low_wad or 0, (its.high_wad or 0) + 1) for its in boxes.values())
        )
    ]
    mid = reference(held, {asset: its.mid_wad or 0 for asset, its in boxes.items()}, TINY)
    assert floor(min(a - r for a, r, _ in corners)) == health.surplus.low
    assert ceil(mid[0] - mid[1]) == health.surplus.mid
    assert ceil(max(a - r for a, r, _ in corners)) == health.surplus.high
    assert floor(min(e for _, _, e in corners)) == health.equity.low
    assert ceil(max(e for _, _, e in corners)) == health.equity.high
    if health.health is None:
        assert all(r == 0 for _, r, _ in corners)
    elif all(r > 0 for _, r, _ in corners):
        assert min(floor(min(a / r for a, r, _ in corners) * WAD), HEALTH_CAP) == health.health.low
        best = min(max(a / r for a, r, _ in corners), Fraction(HEALTH_CAP, WAD))
        if max(a - r for a, r, _ in corners) < -1 or best > 1:
            assert ceil(best * WAD) == health.health.high
        assert health.health.low <= health.health.mid <= health.health.high


@given(seed=st.integers(0, 2**32), width=st.integers(0, 200))
def test_health_and_surplus_agree_and_every_interval_is_ordered(seed: int, width: int) -> None:
    source = random.Random(seed)
    held = random_account(source)
    ages = {chain: source.choice((0, 0, 40_000)) for chain in CHAINS}

    health = evaluate(held, prices(width, ETH=str(source.randrange(1_500, 2_500))), cut(**ages), POLICY)

    for interval in (
        health.surplus,
        health.initial_surplus,
        health.equity,
        health.health or Interval(0, 0, 0),
    ):
        assert interval.low <= interval.mid <= interval.high
    if health.health is not None:
        assert (health.surplus.low < 0) == (health.health.low < WAD)
        assert (health.surplus.mid < 0) == (health.health.mid < WAD)
        assert (health.surplus.high < 0) == (health.health.high < WAD)
    assert health.surplus.high <= health.equity.high


@given(seed=st.integers(0, 2**32))
def test_more_collateral_never_lowers_and_more_debt_never_raises(seed: int) -> None:
    source = random.Random(seed)
    held = random_account(source)
    before = health_of(held, prices(50))
    first = held.legs[0]
    richer = replace(first, collateral=(*first.collateral, Collateral("more", "USDC", 6, 10**9)))
    poorer = replace(first, debt=Debt("USDC", 6, (first.debt.amount if first.debt else 0) + 10**9))

    more = health_of(replace(held, legs=(richer, *held.legs[1:])), prices(50))
    less = health_of(replace(held, legs=(poorer, *held.legs[1:])), prices(50))

    assert usd("970") * 9_949 // 10_000 <= more.surplus.low - before.surplus.low
    assert -usd("1000") * 10_051 // 10_000 <= less.surplus.low - before.surplus.low <= -usd("994")
    if before.health and more.health and less.health:
        assert less.health.low <= before.health.low <= more.health.low


def test_surplus_adds_up_over_disjoint_legs() -> None:
    first, second = leg(HERE, tokens={"ETH": "3"}, owes="100"), leg(THERE, positions=[position("7", "1900")])

    together = health_of(account(first, second), prices(30)).surplus
    apart = [health_of(account(part), prices(30)).surplus for part in (first, second)]

    assert sum(part.mid for part in apart) == together.mid


def test_moving_collateral_between_chains_leaves_health_as_it_was() -> None:
    before = account(leg(HERE, tokens={"ETH": "10"}, owes="9000"), leg(THERE, owes="1"))
    after = account(leg(HERE, tokens={"ETH": "4"}, owes="9000"), leg(THERE, tokens={"ETH": "6"}, owes="1"))

    assert health_of(before, prices(30)).health == health_of(after, prices(30)).health
