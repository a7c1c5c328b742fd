"""What earns a yield grows slowly: a cap on its rate from above and below.

A vault's rate can be raised by a gift to it (and then borrowed against), or be misread. The rate may
grow from a snapshot by so much per year, and fall by so much at once. A snapshot is a rate *and* its
time: they are replaced together or not at all, since a cap whose rate moves without its time
is too low for everybody (wstETH at 2.85 % below, March 2026).

Beyond the cap the truth lies between cap and rate, so the price is not taken away: its interval
covers both.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.guard_settings import GuardSettings
from config.units import BPS, format_wad, mul_div_down, mul_div_up
from oracles.guards.seen import Bounds, Seen, Trip, confirmed

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rate and its time."""

    rate_wad: int
    at_ms: int

    def cap_wad(self, growth_bps: int, now_ms: int) -> int:
        """Return the largest rate at `now_ms`. At least a day's growth is allowed: yields come in lumps."""
        elapsed_ms = max(now_ms - self.at_ms, DAY_MS)
        return self.rate_wad + mul_div_up(self.rate_wad * growth_bps, elapsed_ms, BPS * YEAR_MS)

    def floor_wad(self, drop_bps: int) -> int:
        """Return the smallest rate."""
        return mul_div_down(self.rate_wad, BPS - drop_bps, BPS)


def moved_together(before: Snapshot, after: Snapshot, growth_bps: int) -> bool:
    """Return whether a cap's new snapshot can be: its rate moved no further than its time allows, and not back."""
    if after.at_ms <= before.at_ms:
        return after == before
    return before.rate_wad <= after.rate_wad <= before.cap_wad(growth_bps, after.at_ms)


class RateGuard:
    """Widens the price of an asset whose rate left its caps. `growth_bps` is per year."""

    name = "rate"

    def __init__(self, settings: GuardSettings, growth_bps: int) -> None:
        self._growth_bps = growth_bps
        self._drop_bps = settings.max_rate_drop_bps
        self._confirm_groups = settings.confirm_groups
        self._snapshot: Snapshot | None = None

    def judge(self, seen: Seen) -> Trip | None:
        """Widen up to the cap, or down from the floor."""
        snapshot = self._snapshot
        if snapshot is None:
            self.release(seen)
            return None
        cap_wad = snapshot.cap_wad(self._growth_bps, seen.now_ms)
        floor_wad = snapshot.floor_wad(self._drop_bps)
        if floor_wad <= seen.own_wad <= cap_wad:
            if seen.now_ms - snapshot.at_ms >= DAY_MS:
                self.release(seen)
            return None
        if confirmed(seen, self._confirm_groups):
            self.release(seen)
            return None
        limit_wad, side = (
            (cap_wad, "above its cap") if seen.own_wad > cap_wad else (floor_wad, "below its floor")
        )
        rates = f"{format_wad(seen.own_wad, 6)} is {side} of {format_wad(limit_wad, 6)}"
        return Trip(f"rate {rates} {seen.unit}", _covering(seen, limit_wad))

    def release(self, seen: Seen) -> None:
        """Take a new snapshot, rate and time together."""
        self._snapshot = Snapshot(seen.own_wad, seen.now_ms)

    def missed(self) -> None:
        """A cap outlives a silence."""

    def next_ms(self, now_ms: int) -> int | None:  # noqa: ARG002 - of the protocol
        """A cap only grows."""
        return None


def _covering(seen: Seen, limit_wad: int) -> Bounds:
    """Return the interval that covers what is seen and what the rate's limit would make of it."""
    low, mid, high = (
        mul_div_down(seen.low_wad, limit_wad, seen.own_wad),
        mul_div_down(seen.mid_wad, limit_wad, seen.own_wad),
        mul_div_up(seen.high_wad, limit_wad, seen.own_wad),
    )
    return Bounds(max(min(low, seen.low_wad), 1), max(mid, 1), max(high, seen.high_wad))
