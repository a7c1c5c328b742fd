"""The risk policy: every weight, tier and threshold that decides, as frozen integers.

Keeper, attestors and hubs must mean the same by "healthy", so what the formula uses is
digested (`policy_hash`) and each hub holds the digest. How long a chain may be silent before
its legs count as old is each process's own business and is not part of the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from config.canonical import digest
from config.portfolio_settings import ModelName
from config.risk_settings import LiquidateWhen, MarketSettings, OptionMarketSettings
from config.settings import Settings
from config.units import BPS
from keeper.margin.moving_bounds import MovingBounds
from keeper.margin.portfolio_parameters import PortfolioRisk


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
class OptionMarketRisk:
    """What options are on, the asset whose price is their volatility, and their margin in the standard model.

    A long one counts with its weight. A short one needs its price and, of the underlying's, `short` bps less
    what it is out of the money, but at least `least_short` bps.
    """

    asset: str
    volatility: str
    rate_bps: int = 0
    long_weight_bps: int = 8_000
    initial_long_weight_bps: int = 5_000
    short_maintenance_bps: int = 750
    least_short_maintenance_bps: int = 750
    short_initial_bps: int = 1_500
    least_short_initial_bps: int = 1_000


@dataclass(frozen=True, slots=True)
class ModelRange:
    """The model of subaccounts `first` to `last`, both included."""

    first: int
    last: int
    model: ModelName


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
    option_markets: Mapping[str, OptionMarketRisk] = field(default_factory=dict)
    models: tuple[ModelRange, ...] = ()
    portfolio: PortfolioRisk = field(default_factory=PortfolioRisk)
    moving: MovingBounds | None = None

    def model_of(self, subaccount: int) -> ModelName:
        """Return the margin model of a subaccount: standard unless a range says otherwise."""
        its = (each.model for each in self.models if each.first <= subaccount <= each.last)
        return next(its, ModelName.STANDARD)

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
            markets={name: _market(market) for name, market in settings.markets.items()},
            chains={
                name: LegAges(round(chain.stale_after_s * 1000), round(chain.unknown_after_s * 1000))
                for name, chain in settings.chains.items()
            },
            option_markets={name: _options(market) for name, market in settings.option_markets.items()},
            models=tuple(
                ModelRange(its.first_subaccount, its.last_subaccount, its.model) for its in risk.models
            ),
            portfolio=PortfolioRisk.from_settings(risk.portfolio),
            moving=MovingBounds.from_settings(settings),
        )


def canonical_form(policy: RiskPolicy) -> dict[str, object]:
    """Return what the digest covers: everything but `chains`, as canonical JSON can hold it.

    A policy in which nothing moves does not say so, and has the digest that it had before anything could.
    """
    form = asdict(policy)
    del form["chains"]
    if policy.moving is None:
        del form["moving"]
    return form


def policy_hash(policy: RiskPolicy) -> str:
    """Return the digest that the hubs hold, 0x hex of 32 bytes."""
    return digest(canonical_form(policy))


def _market(market: MarketSettings) -> MarketRisk:
    add_on_bps = market.open_interest_add_on_bps
    return MarketRisk(
        market.asset,
        tuple(
            Tier(tier.up_to_value, tier.maintenance_bps, min(tier.initial_bps + add_on_bps, BPS))
            for tier in market.tiers
        ),
    )


def _options(market: OptionMarketSettings) -> OptionMarketRisk:
    return OptionMarketRisk(
        market.asset,
        market.volatility,
        market.rate_bps,
        market.long_weight_bps,
        market.initial_long_weight_bps,
        market.short_maintenance_bps,
        market.least_short_maintenance_bps,
        market.short_initial_bps,
        market.least_short_initial_bps,
    )
