"""How much a far side may say: enough for any market, and little for a machine. Pure.

A bucket that holds a second's worth and fills evenly. A message costs one, and one more for each KiB of it,
since what is long takes longer to read than what is short.
"""

from __future__ import annotations

KIB = 1_024


class Allowance:
    """So many messages a second. It begins full."""

    def __init__(self, messages_per_s: int) -> None:
        self.messages_per_s = messages_per_s
        self._left = float(messages_per_s)
        self._at_s: float | None = None

    def spend(self, size: int, now_s: float) -> bool:
        """Take a message of `size` characters or bytes at `now_s` of a clock that never goes back; whether it was within."""
        if self._at_s is not None:
            self._left += (now_s - self._at_s) * self.messages_per_s
            self._left = min(self._left, float(self.messages_per_s))
        self._at_s = now_s
        self._left -= 1 + size // KIB
        return self._left >= 0
