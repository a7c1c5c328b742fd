"""Settings of assets: how prices are formed, and what part of a value counts."""

from __future__ import annotations

from config.estimate_settings import EstimateSettings
from config.fields import AssetName, Bps, LiabilityBps, Positive, Seconds
from config.guard_settings import GuardSettings
from config.section import Section
from config.units import BPS


class AssetSettings(Section):
    """One asset: how its price is formed and what part of its value counts.

    `priced_in` is the unit of its sources: ``USD``, or another asset whose price it is
    multiplied by (a share priced in what it is a share of). Each of `also_priced_in` opens
    another path (a venue that trades against a stable coin); every path has the quorum
    below, and one of them is the price (`oracles.graph`). With ``[risk.moving]`` the initial weight may fall to
    `lowest_initial_collateral_weight_bps`; without that key it stays.
    """

    priced_in: AssetName = "USD"
    also_priced_in: tuple[AssetName, ...] = ()
    min_sources: Positive = 3
    min_groups: Positive = 2
    floor_bps: Bps = 5
    widen_bps_per_minute: Bps = 2
    outlier_floor_bps: Bps = 100
    max_spread_bps: Bps = 500
    max_confidence_bps: Bps = 500
    frozen_after_s: Seconds = 600.0
    frozen_bps: Bps = 200
    collateral_weight_bps: Bps = 0
    initial_collateral_weight_bps: Bps = 0
    lowest_initial_collateral_weight_bps: Bps | None = None
    liability_weight_bps: LiabilityBps = BPS
    initial_liability_weight_bps: LiabilityBps = BPS
    guards: GuardSettings = GuardSettings()
    estimates: EstimateSettings = EstimateSettings()
