"""The first price after a start: is it of the right size?

A wrong scale, a ratio taken for a price or a wrong contract are off by a factor and not by a percentage,
and they come with a new configuration. So the first price of each asset must lie within what the
operator expects, and between half and twice what the last run knew.
"""

from __future__ import annotations

from config.guard_settings import GuardSettings
from config.units import format_wad
from oracles.guards.band import another_size
from oracles.guards.seen import Seen, Trip, confirmed


class MagnitudeGuard:
    """Looks at prices until the first that fits. `last_known_wad` is what an earlier run had, USD, if it did."""

    name = "magnitude"

    def __init__(self, settings: GuardSettings, last_known_wad: int | None) -> None:
        self._low_wad = settings.expected_low
        self._high_wad = settings.expected_high
        self._confirm_groups = settings.confirm_groups
        self._last_known_wad = last_known_wad
        self._fits = False

    def judge(self, seen: Seen) -> Trip | None:
        """Hold a first price of another size. Against what a person expects no quorum counts; it ends by expiry."""
        if self._fits:
            return None
        mid_wad, last_wad = seen.mid_wad, self._last_known_wad
        if self._low_wad is not None and mid_wad < self._low_wad:
            return Trip(f"{_usd(mid_wad)} is below expected_low, {_usd(self._low_wad)}")
        if self._high_wad is not None and mid_wad > self._high_wad:
            return Trip(f"{_usd(mid_wad)} is above expected_high, {_usd(self._high_wad)}")
        if last_wad and not confirmed(seen, self._confirm_groups) and another_size(mid_wad, last_wad):
            return Trip(f"{_usd(mid_wad)}, and the last run knew {_usd(last_wad)}")
        self._fits = True
        return None

    def release(self, seen: Seen) -> None:  # noqa: ARG002 - of the protocol
        """Take it as the right size."""
        self._fits = True

    def missed(self) -> None:
        """Nothing was seen yet."""

    def next_ms(self, now_ms: int) -> int | None:  # noqa: ARG002 - of the protocol
        """Time alone changes nothing."""
        return None


def _usd(value_wad: int) -> str:
    return f"{format_wad(value_wad, 6)} USD"
