"""Parameters that move: from what is measured to multipliers, and from multipliers to a stricter policy. All integers.

One multiplier per asset says how many times what calm markets ask for new risk is asked now. It is the largest of three
ratios, volatility over calm volatility, configured depth over depth now, and what accounts hold over what the market
would bear; the largest and not the product, since in a crisis all three say the same thing. It may rise fast and falls
slowly (against procyclical margins), within the bounds of the policy (`keeper.margin.moving_bounds`), which also
say why nothing but initial parameters moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from config.units import BPS, mul_div_up
from keeper.margin.moving_bounds import MovingBounds
from keeper.margin.parameters import AssetRisk, MarketRisk, RiskPolicy, Tier

STEP_BPS = 100
"""Multipliers move in whole steps, so that the log tells changes and not noise."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of an asset now; None where it is not. `held_wad` is what accounts hold and are long, USD."""

    volatility_wad: int | None
    depth_wad: int | None
    quiet_depth_wad: int | None
    held_wad: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The multiplier that the measures call for, and the measure that does."""

    multiplier_bps: int
    why: str


@dataclass(frozen=True, slots=True)
class Multiplier:
    """An asset's multiplier, and since when (UTC ms) it stands."""

    bps: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One parameter before and after, basis points. `name` is where it stands in the configuration."""

    name: str
    before_bps: int
    after_bps: int


def wanted(asset: str, measured: Measured, bounds: MovingBounds) -> Wanted:
    """Return what the measures call for, within the bounds. What is not known calls for nothing."""
    found = [Wanted(BPS, "calm")]
    calm_wad = bounds.calm_volatility_wad.get(asset)
    if calm_wad and measured.volatility_wad is not None:
        ratio_bps = mul_div_up(measured.volatility_wad, BPS, calm_wad)
        found.append(Wanted(ratio_bps, "volatility"))
    depth_wad = measured.depth_wad
    if depth_wad and measured.quiet_depth_wad:
        found += [
            Wanted(mul_div_up(measured.quiet_depth_wad, BPS, depth_wad), "depth"),
            Wanted(
                mul_div_up(measured.held_wad, BPS, depth_wad * bounds.concentration_depths), "concentration"
            ),
        ]
    most = max(found, key=lambda its: its.multiplier_bps)
    if most.multiplier_bps <= bounds.highest_multiplier_bps:
        return most
    return Wanted(bounds.highest_multiplier_bps, f"{most.why}, held to the bound")


def moved(now: Multiplier, target_bps: int, now_ms: int, bounds: MovingBounds) -> Multiplier:
    """Return the multiplier after the time since it last moved, no faster than the bounds allow.

    Of a longer time no more than an hour counts: after a silence nothing jumps.
    """
    elapsed_ms = min(max(now_ms - now.since_ms, 0), HOUR_MS)
    rising = target_bps > now.bps
    limit_bps = (
        (bounds.tighten_bps_per_hour if rising else bounds.loosen_bps_per_hour) * elapsed_ms // HOUR_MS
    )
    distance_bps = min(abs(target_bps - now.bps), limit_bps)
    distance_bps -= distance_bps % STEP_BPS
    if not distance_bps:
        return now
    bps = now.bps + distance_bps if rising else now.bps - distance_bps
    return Multiplier(min(max(bps, BPS), bounds.highest_multiplier_bps), now_ms)


def effective(policy: RiskPolicy, multipliers_bps: Mapping[str, int]) -> RiskPolicy:
    """Return the policy with its initial parameters multiplied, each within its own bounds.

    Haircuts are multiplied, not weights: an asset that counts in full has none and stays.
    """
    bounds = policy.moving
    if bounds is None:
        return policy
    return replace(
        policy,
        assets={
            name: _asset(risk, multipliers_bps.get(name, BPS), bounds.lowest_initial_weight_bps.get(name))
            for name, risk in policy.assets.items()
        },
        markets={
            name: _market(
                market,
                min(
                    multipliers_bps.get(market.asset, BPS),
                    bounds.highest_initial_multiplier_bps.get(name, BPS),
                ),
            )
            for name, market in policy.markets.items()
        },
    )


def changes(before: RiskPolicy, after: RiskPolicy) -> Iterator[ParameterChange]:
    """Yield every parameter that differs between two effective policies."""
    for name, risk in before.assets.items():
        was, now = risk.initial_collateral_weight_bps, after.assets[name].initial_collateral_weight_bps
        if was != now:
            yield ParameterChange(f"assets.{name}.initial_collateral_weight_bps", was, now)
    for name, market in before.markets.items():
        for number, (tier, other) in enumerate(zip(market.tiers, after.markets[name].tiers, strict=True)):
            if tier.initial_bps != other.initial_bps:
                yield ParameterChange(
                    f"markets.{name}.tiers.{number}.initial_bps", tier.initial_bps, other.initial_bps
                )


def _asset(risk: AssetRisk, multiplier_bps: int, lowest_bps: int | None) -> AssetRisk:
    if lowest_bps is None or multiplier_bps <= BPS:
        return risk
    weight_bps = risk.initial_collateral_weight_bps
    moved_bps = max(BPS - mul_div_up(BPS - weight_bps, multiplier_bps, BPS), lowest_bps)
    return replace(risk, initial_collateral_weight_bps=min(weight_bps, moved_bps))


def _market(market: MarketRisk, multiplier_bps: int) -> MarketRisk:
    if multiplier_bps <= BPS:
        return market
    return replace(market, tiers=tuple(_tier(tier, multiplier_bps) for tier in market.tiers))


def _tier(tier: Tier, multiplier_bps: int) -> Tier:
    moved_bps = min(mul_div_up(tier.initial_bps, multiplier_bps, BPS), BPS)
    return replace(tier, initial_bps=max(tier.initial_bps, moved_bps))
