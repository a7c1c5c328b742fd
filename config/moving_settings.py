"""Settings of parameters that move: how far and how fast what new risk needs may follow the markets."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.fields import LiabilityBps, Positive
from config.section import Section

HourlyBps = Annotated[int, Field(ge=1, le=100_000, strict=True)]


class MovingSettings(Section):
    """In ``[risk.moving]``; without the section nothing moves.

    Per asset there is one multiplier of what new risk needs, 10000 in calm times. It rises with volatility over
    the asset's `calm_volatility`, as depth falls below the asset's `depth`, and when what accounts hold of the asset
    is over `concentration_depths` times that depth; never over `highest_multiplier_bps`, nor faster than these.
    Only initial weights and initial fractions are moved, and only to be stricter: maintenance stays as configured.
    """

    highest_multiplier_bps: LiabilityBps = 30_000
    tighten_bps_per_hour: HourlyBps = 10_000
    loosen_bps_per_hour: HourlyBps = 500
    concentration_depths: Positive = 20
