"""Settings of risk: thresholds of the unified account, markets and their margin."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.fields import AssetName, Bps, Seconds, UpliftBps, Wad
from config.section import Section
from config.units import WAD


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


class TierSettings(Section):
    """Margin fractions of the part of a position's notional up to `up_to_value` (USD)."""

    up_to_value: Wad
    maintenance_bps: Bps
    initial_bps: Bps


class OptionMarketSettings(Section):
    """European options on `asset`, settled in cash. `volatility` is the asset whose price is the implied one.

    The section's name is the market's on every chain's option desk.
    """

    asset: AssetName
    volatility: AssetName


class MarketSettings(Section):
    """A perpetual on `asset`. Tiers are marginal, in rising order; the last holds for all beyond."""

    asset: AssetName
    tiers: Annotated[tuple[TierSettings, ...], Field(min_length=1)]
