"""Two ways to the same value: a rate times its coin, and what the market pays.

Within the band they confirm each other. Beyond it, one of them is wrong and nobody here knows which: the interval
covers both. Beyond three bands it is not a disagreement but an error of units or a failure, and there is no price.
Where the asset's own price has enough groups, and more than the reference, it needs no confirmation.
"""

from __future__ import annotations

from config.guard_settings import GuardSettings
from oracles.guards.band import apart
from oracles.guards.seen import Bounds, Seen, Trip, confirmed, heard_by_group
from oracles.median import distance_bps, exceeds_bps, widened

FAILURE_BANDS = 3


class DeviationGuard:
    """Compares an asset with `reference`, another asset that should be worth the same."""

    name = "deviation"

    def __init__(self, settings: GuardSettings, reference: str) -> None:
        self._reference = reference
        self._band_bps = settings.reference_band_bps
        self._confirm_groups = settings.confirm_groups

    def judge(self, seen: Seen) -> Trip | None:
        """Widen what is beyond the band, hold what is far beyond it."""
        other = seen.prices.get(self._reference)
        if other is None or other.low_wad is None or other.mid_wad is None or other.high_wad is None:
            return None
        high, low = apart(seen.mid_wad, other.mid_wad)
        if not exceeds_bps(high, low, self._band_bps):
            return None
        if confirmed(seen, self._confirm_groups) and seen.groups > len(heard_by_group(other)):
            return None
        detail = f"{distance_bps(high, low)} bps from {self._reference}, band {self._band_bps} bps"
        if exceeds_bps(high, low, FAILURE_BANDS * self._band_bps):
            return Trip(detail)
        low_wad, high_wad = min(seen.low_wad, other.low_wad), max(seen.high_wad, other.high_wad)
        lowest, highest = widened(other.mid_wad, other.mid_wad, self._band_bps)
        return Trip(detail, Bounds(low_wad, min(max(seen.mid_wad, lowest), highest), high_wad))

    def release(self, seen: Seen) -> None:
        """Let it pass; the hold stays released until the two agree."""

    def missed(self) -> None:
        """Nothing to remember."""

    def next_ms(self, now_ms: int) -> int | None:  # noqa: ARG002 - of the protocol
        """A band about another price has no clock."""
        return None
