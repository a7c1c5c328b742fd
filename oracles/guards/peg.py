"""What should be worth something else: a stable coin its dollar, a wrapped coin its coin.

Both sides are watched. *Below* the band a discount that enough groups see is real, and is acted on (USDC at 0.88,
stETH at 0.93); one that they do not see is held. *Above* it nobody pays more than what it can be had for
elsewhere for long (DAI at 1.30 on one venue that everybody quoted): what many groups see widens the
interval from the band up to it, so that no debt counts as larger for sure; what they do not see is held.
"""

from __future__ import annotations

from config.guard_settings import GuardSettings
from config.pairs import UNIT
from config.units import BPS, WAD, format_wad, mul_div_down, mul_div_up
from oracles.guards.seen import Bounds, Seen, Trip, confirmed


class PegGuard:
    """Watches an asset that should be worth `peg_value` of `peg`."""

    name = "peg"

    def __init__(self, settings: GuardSettings, peg: str) -> None:
        self._peg = peg
        self._value_wad = settings.peg_value
        self._band_bps = settings.peg_band_bps
        self._confirm_groups = settings.confirm_groups

    def judge(self, seen: Seen) -> Trip | None:
        """Hold what leaves the band unseen by a quorum; widen a premium."""
        unit_wad = self._unit_wad(seen)
        if unit_wad is None:
            return None
        peg_wad = max(mul_div_down(self._value_wad, unit_wad, WAD), 1)
        lowest_wad = mul_div_down(peg_wad, BPS, BPS + self._band_bps)
        highest_wad = mul_div_up(peg_wad, BPS + self._band_bps, BPS)
        quorum = confirmed(seen, self._confirm_groups)
        at = f"at {format_wad(mul_div_down(seen.mid_wad, WAD, max(unit_wad, 1)), 4)} {self._peg}"
        if seen.mid_wad < lowest_wad and not quorum:
            return Trip(f"{at}, and {seen.groups} groups do not make a discount")
        if seen.mid_wad > highest_wad:
            if not quorum:
                return Trip(f"{at}, and {seen.groups} groups do not make a premium")
            low_wad = min(seen.low_wad, highest_wad)
            return Trip(f"{at}, a premium", Bounds(low_wad, highest_wad, seen.high_wad))
        return None

    def release(self, seen: Seen) -> None:
        """Let it pass; the hold stays released until the price is back in its band."""

    def missed(self) -> None:
        """Nothing to remember."""

    def next_ms(self, now_ms: int) -> int | None:  # noqa: ARG002 - of the protocol
        """A band about another price has no clock."""
        return None

    def _unit_wad(self, seen: Seen) -> int | None:
        if self._peg == UNIT:
            return WAD
        price = seen.prices.get(self._peg)
        return None if price is None else price.mid_wad
