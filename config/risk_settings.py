"""Settings of risk: thresholds of the unified account, markets and their margin."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.fields import AssetName, Bps, LiabilityBps, Seconds, UpliftBps, Wad
from config.moving_settings import MovingSettings
from config.portfolio_settings import ModelRangeSettings, PortfolioSettings
from config.section import Section
from config.units import BPS, WAD


class LiquidateWhen(StrEnum):
    """How sure the evidence must be: every reading of it, or the middle one."""

    CERTAIN = "certain"
    LIKELY = "likely"


class RiskSettings(Section):
    """Thresholds of the unified account. Healths are ratios written as strings."""

    liquidate_when: LiquidateWhen = LiquidateWhen.CERTAIN
    margin_call_health: Wad = WAD * 110 // 100
    margin_call_clear_health: Wad = WAD * 112 // 100
    target_health: Wad = WAD * 105 // 100
    gain_weight_bps: Bps = 8_000
    dust_value: Wad = 50 * WAD
    missing_leg_uplift_bps: UpliftBps = 10_000
    price_band_bps: Bps = 150
    unknown_alert_s: Seconds = 60.0
    models: tuple[ModelRangeSettings, ...] = ()
    portfolio: PortfolioSettings = PortfolioSettings()
    moving: MovingSettings | None = None


class TierSettings(Section):
    """Margin fractions of the part of a position's notional up to `up_to_value` (USD)."""

    up_to_value: Wad
    maintenance_bps: Bps
    initial_bps: Bps


class OptionMarketSettings(Section):
    """European options on `asset`, settled in cash. `volatility` is the asset whose price is the implied one.

    The section's name is the market's on every chain's option desk. `rate_bps` discounts, per year. In the
    standard model a long option counts in part, and a short one needs its price and, of the underlying's, the
    first fraction less what it is out of the money, but at least the second.
    """

    asset: AssetName
    volatility: AssetName
    rate_bps: Bps = 0
    long_weight_bps: Bps = 8_000
    initial_long_weight_bps: Bps = 5_000
    short_maintenance_bps: Bps = 750
    least_short_maintenance_bps: Bps = 750
    short_initial_bps: Bps = 1_500
    least_short_initial_bps: Bps = 1_000


class MarketSettings(Section):
    """A perpetual on `asset`. Tiers are marginal, in rising order; the last holds for all beyond.

    `open_interest_add_on_bps` is added to every initial fraction: what a crowded market asks of new risk. With
    ``[risk.moving]`` initial fractions may be multiplied by up to `highest_initial_multiplier_bps`.
    """

    asset: AssetName
    tiers: Annotated[tuple[TierSettings, ...], Field(min_length=1)]
    open_interest_add_on_bps: Bps = 0
    highest_initial_multiplier_bps: LiabilityBps = BPS
