"""How long to leave an account alone on a chain after something did not work.

The wait doubles with every failure in a row and is forgotten once something goes out. It
only delays the next try: the account's state is evaluated all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Setback:
    """The last failure: how many in a row, until when to wait, and why."""

    times: int
    until_ms: int
    reason: str


class Patience:
    """Remembers setbacks by (account, chain)."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._setbacks: dict[tuple[str, str], Setback] = {}

    def refused(self, account_id: str, chain: str, reason: str) -> None:
        """Note that the quorum was not reached."""
        self._note(account_id, chain, reason)

    def failed(self, account_id: str, chain: str, reason: str) -> None:
        """Note that the lane did not take the call, or that it reverted."""
        self._note(account_id, chain, reason)

    def went_out(self, account_id: str, chain: str) -> None:
        """Note that a call was sent: the next failure starts anew."""
        self._setbacks.pop((account_id, chain), None)

    def must_wait(self, account_id: str, chain: str) -> bool:
        """Whether it is too early to try again."""
        setback = self._setbacks.get((account_id, chain))
        return setback is not None and self._now_ms() < setback.until_ms

    def next_due_ms(self) -> int | None:
        """Return when the first wait that is not over ends, or None."""
        now_ms = self._now_ms()
        return min(
            (each.until_ms for each in self._setbacks.values() if each.until_ms > now_ms), default=None
        )

    def setback(self, account_id: str, chain: str) -> Setback | None:
        """Return the last failure that nothing has made good yet."""
        return self._setbacks.get((account_id, chain))

    def _note(self, account_id: str, chain: str, reason: str) -> None:
        before = self._setbacks.get((account_id, chain))
        times = before.times + 1 if before else 1
        wait_ms = min(FIRST_WAIT_MS << min(times - 1, 10), LONGEST_WAIT_MS)
        self._setbacks[account_id, chain] = Setback(times, self._now_ms() + wait_ms, reason)
