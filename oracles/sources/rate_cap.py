"""How fast a vault's rate may move: from above, because a gift can raise it; from below, because it can be misread.

The cap is a snapshot, a rate *and* its time, and grows from there by so much per year. The two are replaced
together or not at all: a cap whose rate moved without its time was 2.85 % too low for everybody (Aave's
wstETH, March 2026). A rate that stays beyond the cap for long is what the vault is worth after all, and counts.
"""

from __future__ import annotations

from config.units import format_wad
from oracles.guards.rate import DAY_MS, Snapshot
from oracles.price import FailureKind
from oracles.sources.origin import BadAnswer

SETTLE_MS = DAY_MS
"""For how long a rate must stand beyond the cap, itself within the same limits, before it is believed."""


class RateCap:
    """Judges one rate after the other. Without a snapshot the first one seen is taken."""

    def __init__(self, growth_bps: int, drop_bps: int, snapshot: Snapshot | None) -> None:
        self._growth_bps = growth_bps
        self._drop_bps = drop_bps
        self._snapshot = snapshot
        self._beyond: Snapshot | None = None

    def check(self, rate_wad: int, at_ms: int) -> None:
        """Take the rate, or raise `BadAnswer` if it is beyond what the snapshot allows."""
        snapshot = self._snapshot or Snapshot(rate_wad, at_ms)
        if at_ms < snapshot.at_ms:
            raise BadAnswer(
                FailureKind.AT_BOUND, f"its snapshot is of {snapshot.at_ms // 1000}, after the block"
            )
        if self._allows(snapshot, rate_wad, at_ms):
            self._beyond = None
            is_due = self._snapshot is None or at_ms - snapshot.at_ms >= DAY_MS
            self._snapshot = Snapshot(rate_wad, at_ms) if is_due else snapshot
            return
        if not self._has_settled(rate_wad, at_ms):
            raise BadAnswer(FailureKind.AT_BOUND, self._detail(snapshot, rate_wad, at_ms))
        self._snapshot = Snapshot(rate_wad, at_ms)
        self._beyond = None

    def _has_settled(self, rate_wad: int, at_ms: int) -> bool:
        if self._beyond is None or not self._allows(self._beyond, rate_wad, at_ms):
            self._beyond = Snapshot(rate_wad, at_ms)
        return at_ms - self._beyond.at_ms >= SETTLE_MS

    def _allows(self, snapshot: Snapshot, rate_wad: int, at_ms: int) -> bool:
        return snapshot.floor_wad(self._drop_bps) <= rate_wad <= snapshot.cap_wad(self._growth_bps, at_ms)

    def _detail(self, snapshot: Snapshot, rate_wad: int, at_ms: int) -> str:
        cap_wad = snapshot.cap_wad(self._growth_bps, at_ms)
        side, limit_wad = (
            ("above the cap", cap_wad)
            if rate_wad > cap_wad
            else ("below the floor", snapshot.floor_wad(self._drop_bps))
        )
        return f"rate {format_wad(rate_wad, 6)} is {side} of {format_wad(limit_wad, 6)}"
