"""Parameters that move: never looser than configured, never beyond their bounds, never faster than allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import BPS, WAD
from keeper.margin.health import evaluate
from keeper.margin.moving_bounds import MovingBounds
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.risk.moving import (
    HOUR_MS,
    STEP_BPS,
    Measured,
    Multiplier,
    ParameterChange,
    changes,
    effective,
    moved,
    wanted,
)
from tests.keeper.margin.builders import POLICY, cut, prices
from tests.keeper.risk.worlds import borrower

BOUNDS = MovingBounds(
    highest_multiplier_bps=30_000,
    tighten_bps_per_hour=6_000,
    loosen_bps_per_hour=600,
    concentration_depths=10,
    lowest_initial_weight_bps={"ETH": 5_000, "WBTC": 6_500},
    calm_volatility_wad={"ETH": 80 * WAD // 100},
    highest_initial_multiplier_bps={"ETH-PERP": 20_000},
)
MOVING = replace(POLICY, moving=BOUNDS)
CALM = Measured(70 * WAD // 100, 100 * WAD, 100 * WAD, 900 * WAD)


def test_in_calm_times_everything_is_as_configured() -> None:
    assert (BPS, "calm") == (wanted("ETH", CALM, BOUNDS).multiplier_bps, wanted("ETH", CALM, BOUNDS).why)
    assert MOVING == effective(MOVING, {"ETH": BPS})
    assert POLICY == effective(POLICY, {"ETH": 30_000})


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (replace(CALM, volatility_wad=160 * WAD // 100), (20_000, "volatility")),
        (replace(CALM, depth_wad=40 * WAD, held_wad=0), (25_000, "depth")),
        (replace(CALM, held_wad=1_500 * WAD), (15_000, "concentration")),
        (replace(CALM, volatility_wad=9 * WAD), (30_000, "volatility, held to the bound")),
        (Measured(None, None, None, 10**40), (BPS, "calm")),
    ],
)
def test_the_largest_of_three_ratios_counts(measured: Measured, expected: tuple[int, str]) -> None:
    found = wanted("ETH", measured, BOUNDS)

    assert expected == (found.multiplier_bps, found.why)


def test_without_a_calm_volatility_volatility_moves_nothing() -> None:
    assert BPS == wanted("WBTC", replace(CALM, volatility_wad=9 * WAD), BOUNDS).multiplier_bps


def test_haircuts_and_initial_fractions_are_multiplied_within_their_own_bounds() -> None:
    found = effective(MOVING, {"ETH": 30_000, "WBTC": 12_000, "USDC": 30_000})

    assert 5_000 == found.assets["ETH"].initial_collateral_weight_bps  # 1 - 3 * 0.2 would be 0.4
    assert 6_500 == found.assets["WBTC"].initial_collateral_weight_bps  # 1 - 1.2 * 0.3 would be 0.64
    assert POLICY.assets["USDC"] == found.assets["USDC"]
    assert [1_000, 2_000, 4_000] == [tier.initial_bps for tier in found.markets["ETH-PERP"].tiers]
    assert POLICY.markets["BTC-PERP"] == found.markets["BTC-PERP"]


def test_every_change_is_named_as_in_the_configuration() -> None:
    found = list(changes(MOVING, effective(MOVING, {"ETH": 15_000})))

    assert [
        ParameterChange("assets.ETH.initial_collateral_weight_bps", 8_000, 7_000),
        ParameterChange("markets.ETH-PERP.tiers.0.initial_bps", 500, 750),
        ParameterChange("markets.ETH-PERP.tiers.1.initial_bps", 1_000, 1_500),
        ParameterChange("markets.ETH-PERP.tiers.2.initial_bps", 2_000, 3_000),
    ] == found


def test_it_rises_fast_and_falls_slowly() -> None:
    start = Multiplier(BPS, 0)

    half_an_hour = moved(start, 30_000, HOUR_MS // 2, BOUNDS)
    a_day = moved(start, 30_000, 24 * HOUR_MS, BOUNDS)
    back = moved(replace(a_day, since_ms=0), BPS, HOUR_MS, BOUNDS)

    assert (13_000, 16_000, 15_400) == (half_an_hour.bps, a_day.bps, back.bps)


def test_what_is_less_than_a_step_waits_until_it_is_one() -> None:
    start = Multiplier(BPS, 0)

    assert start == moved(start, 30_000, 59_000, BOUNDS)
    assert BPS + STEP_BPS == moved(start, 30_000, 61_000, BOUNDS).bps
    assert start == moved(start, BPS + STEP_BPS - 1, HOUR_MS, BOUNDS)


@given(
    multipliers=st.dictionaries(st.sampled_from(sorted(POLICY.assets)), st.integers(0, 100_000)),
)
def test_whatever_moves_maintenance_does_not_and_new_risk_only_gets_stricter(
    multipliers: dict[str, int],
) -> None:
    found = effective(MOVING, multipliers)

    for name, risk in found.assets.items():
        base = POLICY.assets[name]
        lowest = BOUNDS.lowest_initial_weight_bps.get(name, base.initial_collateral_weight_bps)
        assert lowest <= risk.initial_collateral_weight_bps <= base.initial_collateral_weight_bps
        assert base == replace(risk, initial_collateral_weight_bps=base.initial_collateral_weight_bps)
    for name, market in found.markets.items():
        for tier, base_tier in zip(market.tiers, POLICY.markets[name].tiers, strict=True):
            assert base_tier.maintenance_bps == tier.maintenance_bps
            most = BOUNDS.highest_initial_multiplier_bps.get(name, BPS)
            assert base_tier.initial_bps <= tier.initial_bps <= -(-base_tier.initial_bps * most // BPS)
    before = evaluate(borrower(1.2), prices(10), cut(), POLICY)
    after = evaluate(borrower(1.2), prices(10), cut(), found)
    assert (before.surplus, before.health) == (after.surplus, after.health)
    assert after.initial_surplus.low <= before.initial_surplus.low


@given(
    start=st.integers(BPS, 30_000),
    targets=st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 10 * HOUR_MS)), max_size=20),
)
def test_the_multiplier_stays_within_its_bounds_and_its_pace(
    start: int, targets: list[tuple[int, int]]
) -> None:
    now, at_ms = Multiplier(start, 0), 0
    for target, elapsed_ms in targets:
        at_ms += elapsed_ms
        after = moved(now, target, at_ms, BOUNDS)
        assert BPS <= after.bps <= BOUNDS.highest_multiplier_bps
        assert after.bps - now.bps <= BOUNDS.tighten_bps_per_hour
        assert now.bps - after.bps <= BOUNDS.loosen_bps_per_hour
        now = after


def test_the_digest_covers_the_bounds_and_is_the_old_one_where_nothing_moves() -> None:
    def without(policy: RiskPolicy) -> str:
        return policy_hash(policy)

    assert without(POLICY) != without(MOVING)
    wider = replace(MOVING, moving=replace(BOUNDS, highest_multiplier_bps=40_000))
    assert without(MOVING) != without(wider)
