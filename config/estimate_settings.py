"""Settings of estimates: over which time volatility and depth are measured, and within which bounds they count."""

from __future__ import annotations

from config.fields import Bps, Seconds, Wad
from config.section import Section
from config.units import WAD


class EstimateSettings(Section):
    """What is estimated of one asset from its own prices, in ``[assets.NAME.estimates]``.

    Prices are sampled every `sample_s`; an estimate forgets half of what it saw in `half_life_s`.
    Whatever is measured, no more than `highest_volatility` and no less than `lowest_volatility` (fractions
    per year) is ever answered. `depth` is what can be sold within one percent of the price in
    quiet times, USD; an interval wider than `quiet_width_bps` shrinks it, down to `lowest_depth`.
    `calm_volatility` is where ``[risk.moving]`` begins to ask for more; without it volatility moves nothing.
    """

    sample_s: Seconds = 60.0
    half_life_s: Seconds = 3_600.0
    lowest_volatility: Wad = WAD // 10
    highest_volatility: Wad = 4 * WAD
    calm_volatility: Wad | None = None
    depth: Wad | None = None
    lowest_depth: Wad = 0
    quiet_width_bps: Bps = 20
