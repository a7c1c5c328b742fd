"""Settings of assets: how prices are formed, and what part of a value counts."""

from __future__ import annotations

from config.fields import AssetName, Bps, LiabilityBps, Positive
from config.section import Section
from config.units import BPS


class AssetSettings(Section):
    """One asset: how its price is formed and what part of its value counts.

    `priced_in` is the unit of its sources: ``USD``, or another asset whose price it is
    multiplied by (a share priced in what it is a share of).
    """

    priced_in: AssetName = "USD"
    min_sources: Positive = 3
    min_groups: Positive = 2
    floor_bps: Bps = 5
    widen_bps_per_minute: Bps = 2
    outlier_floor_bps: Bps = 100
    max_spread_bps: Bps = 500
    collateral_weight_bps: Bps = 0
    initial_collateral_weight_bps: Bps = 0
    liability_weight_bps: LiabilityBps = BPS
    initial_liability_weight_bps: LiabilityBps = BPS
