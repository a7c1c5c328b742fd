"""How far the parameters of new risk may move: part of the policy, so that a hub holds the bounds with the rest.

Why only those of new risk. A hub and its attestors must mean the same by "liquidatable", and the hub holds one digest of
what that means. If maintenance moved, each process would move it by its own estimates: an attestor would sign
what another finds healthy, and an owner could not tell from the chain which rule he fell under. So maintenance, close
factors and targets are what the digest covers, always. The initial side is asked for when an owner adds risk. There a
quorum of attestors judges each by its own multipliers, never less strict than the configured values and never
beyond these bounds: that they differ can only cost an owner a permission, never a position, and one attestor whose
estimates are led astray can neither loosen anything nor, alone, refuse for the quorum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import Settings


@dataclass(frozen=True, slots=True)
class MovingBounds:
    """Bounds of the multipliers, basis points (10_000: as configured), and of what they multiply.

    `lowest_initial_weight_bps` and `calm_volatility_wad` are by asset, `highest_initial_multiplier_bps` by market;
    what is not named does not move.
    """

    highest_multiplier_bps: int
    tighten_bps_per_hour: int
    loosen_bps_per_hour: int
    concentration_depths: int
    lowest_initial_weight_bps: Mapping[str, int]
    calm_volatility_wad: Mapping[str, int]
    highest_initial_multiplier_bps: Mapping[str, int]

    @staticmethod
    def from_settings(settings: Settings) -> MovingBounds | None:
        """Return the bounds of these settings, None where nothing moves."""
        moving = settings.risk.moving
        if moving is None:
            return None
        return MovingBounds(
            moving.highest_multiplier_bps,
            moving.tighten_bps_per_hour,
            moving.loosen_bps_per_hour,
            moving.concentration_depths,
            {
                name: asset.lowest_initial_collateral_weight_bps
                for name, asset in settings.assets.items()
                if asset.lowest_initial_collateral_weight_bps is not None
            },
            {
                name: asset.estimates.calm_volatility
                for name, asset in settings.assets.items()
                if asset.estimates.calm_volatility is not None
            },
            {name: market.highest_initial_multiplier_bps for name, market in settings.markets.items()},
        )
