"""The risk policy: every weight, tier and threshold that decides, as frozen integers.

Keeper, attestors and hubs must mean the same by "healthy", so what the formula uses is
digested (`policy_hash`) and each hub holds the digest. How long a chain may be silent before
its legs count as old is each process's own business and is not part of the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from config.canonical import digest
from config.risk_settings import LiquidateWhen
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class AssetRisk:
    """What part of an asset's value counts when held (at most all), and when owed (at least all)."""

    collateral_weight_bps: int
    initial_collateral_weight_bps: int
    liability_weight_bps: int
    initial_liability_weight_bps: int


@dataclass(frozen=True, slots=True)
class Tier:
    """Margin fractions of the part of a notional up to `up_to_wad` USD; of the last tier, of all beyond too."""

    up_to_wad: int
    maintenance_bps: int
    initial_bps: int


@dataclass(frozen=True, slots=True)
class MarketRisk:
    """A market's asset and its marginal tiers, in rising order."""

    asset: str
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class LegAges:
    """How old a chain's newest block may be: up to the first as it is, up to the second widened, then missing."""

    stale_after_ms: int
    unknown_after_ms: int


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """Everything that turns legs and prices into health, states and targets. Healths and values are wad."""

    liquidate_when: LiquidateWhen
    margin_call_health_wad: int
    margin_call_clear_health_wad: int
    target_health_wad: int
    gain_weight_bps: int
    dust_value_wad: int
    missing_leg_uplift_bps: int
    price_band_bps: int
    assets: Mapping[str, AssetRisk]
    markets: Mapping[str, MarketRisk]
    chains: Mapping[str, LegAges]

    @staticmethod
    def from_settings(settings: Settings) -> RiskPolicy:
        """Return the policy of these settings. Times are rounded to whole milliseconds once, here."""
        risk = settings.risk
        return RiskPolicy(
            liquidate_when=risk.liquidate_when,
            margin_call_health_wad=risk.margin_call_health,
            margin_call_clear_health_wad=risk.margin_call_clear_health,
            target_health_wad=risk.target_health,
            gain_weight_bps=risk.gain_weight_bps,
            dust_value_wad=risk.dust_value,
            missing_leg_uplift_bps=risk.missing_leg_uplift_bps,
            price_band_bps=risk.price_band_bps,
            assets={
                name: AssetRisk(
                    asset.collateral_weight_bps,
                    asset.initial_collateral_weight_bps,
                    asset.liability_weight_bps,
                    asset.initial_liability_weight_bps,
                )
                for name, asset in settings.assets.items()
            },
            markets={
                name: MarketRisk(
                    market.asset,
                    tuple(
                        Tier(tier.up_to_value, tier.maintenance_bps, tier.initial_bps)
                        for tier in market.tiers
                    ),
                )
                for name, market in settings.markets.items()
            },
            chains={
                name: LegAges(round(chain.stale_after_s * 1000), round(chain.unknown_after_s * 1000))
                for name, chain in settings.chains.items()
            },
        )


def canonical_form(policy: RiskPolicy) -> dict[str, object]:
    """Return what the digest covers: everything but `chains`, as canonical JSON can hold it."""
    form = asdict(policy)
    del form["chains"]
    return form


def policy_hash(policy: RiskPolicy) -> str:
    """Return the digest that the hubs hold, 0x hex of 32 bytes."""
    return digest(canonical_form(policy))
