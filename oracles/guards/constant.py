"""A price that nobody moves: a hard-wired feed looks fresh for ever.

A single source that repeats itself while others move is left out by the aggregate
(`oracles.frozen`). Here are those prices where nothing else is left to compare with.
"""

from __future__ import annotations

from oracles.guards.seen import Seen, Trip
from oracles.price import Price, Quote


class ConstantGuard:
    """Holds a price while fewer than `min_groups` of its groups have changed their value within `constant_ms`."""

    name = "constant"

    def __init__(self, constant_ms: int, min_groups: int) -> None:
        self._constant_ms = constant_ms
        self._min_groups = min_groups
        self._changes_ms: tuple[int, ...] = ()

    def judge(self, seen: Seen) -> Trip | None:
        """Hold a price that too few groups have moved."""
        self._changes_ms = changes_ms(seen.price)
        moved = [at_ms for at_ms in self._changes_ms if seen.now_ms - at_ms <= self._constant_ms]
        if len(moved) >= self._min_groups:
            return None
        latest_s = (seen.now_ms - max(self._changes_ms, default=seen.now_ms)) // 1000
        return Trip(
            f"{len(moved)} of {self._min_groups} groups changed their value within "
            f"{self._constant_ms // 1000} s, the last {latest_s} s ago"
        )

    def release(self, seen: Seen) -> None:
        """Let it pass for now; the hold stays released until the price moves."""

    def missed(self) -> None:
        """Nothing to watch."""
        self._changes_ms = ()

    def next_ms(self, now_ms: int) -> int | None:
        """Return when the next group will have stood still for too long."""
        due = (at_ms + self._constant_ms + 1 for at_ms in self._changes_ms)
        return min((at_ms for at_ms in due if at_ms > now_ms), default=None)


def changes_ms(price: Price) -> tuple[int, ...]:
    """Return when each used group last changed its value."""
    changed: dict[str, int] = {}
    for use in price.uses:
        if use.used and isinstance(use.quote, Quote):
            group = use.quote.group
            changed[group] = max(changed.get(group, 0), use.quote.changed_at_ms)
    return tuple(changed.values())
