"""Alerts that would open and close with every price: they stay open until it has been quiet for a while. Pure.

A price that hovers at the edge of a band crosses it many times a second. Each crossing would be two entries
in a journal that is kept for ever, and for people a storm.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

OPENINGS = 3
QUIET_MS = 60_000


@dataclass(slots=True)
class _Key:
    opened_ms: deque[int] = field(default_factory=lambda: deque(maxlen=OPENINGS))
    over_since_ms: int | None = None


class Flutter:
    """Remembers the last openings of each key: of `OPENINGS` within `QUIET_MS` the last is closed only after quiet."""

    def __init__(self) -> None:
        self._of: dict[str, _Key] = {}

    def opened(self, key: str, now_ms: int) -> None:
        """Note that an alert was opened."""
        self._of.setdefault(key, _Key()).opened_ms.append(now_ms)

    def goes_on(self, key: str) -> None:
        """Note that what an open alert tells is still so."""
        if key in self._of:
            self._of[key].over_since_ms = None

    def may_close(self, key: str, now_ms: int) -> bool:
        """Whether an alert may be closed, since what it told is over."""
        its = self._of.get(key)
        if its is None or len(its.opened_ms) < OPENINGS:
            return True
        if not 0 <= its.opened_ms[-1] - its.opened_ms[0] < QUIET_MS:
            return True
        if its.over_since_ms is None or now_ms < its.over_since_ms:
            its.over_since_ms = now_ms
        return now_ms - its.over_since_ms >= QUIET_MS
