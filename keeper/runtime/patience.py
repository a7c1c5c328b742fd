"""How long to leave an account alone on a chain after something did not work.

Two things can fail, and one does not make good the other. What never went out (no quorum, refused
by the lane) costs nothing: the wait is short and is forgotten once something goes out. What was mined and reverted
costs gas each time, and going out is just what it does: the wait is longer and is forgotten
only when a step succeeds. Waits double with every failure in a row. They only delay the next
try: the account's state is evaluated all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 60_000
FIRST_WAIT_AFTER_REVERT_MS = 4_000
LONGEST_WAIT_AFTER_REVERT_MS = 600_000
FORGOTTEN_AFTER_MS = 600_000
"""A failure that was not repeated for so long after its wait says nothing any more."""


class Kind(StrEnum):
    """What failed."""

    BEFORE_SENDING = "before_sending"
    ON_CHAIN = "on_chain"


_WAITS_MS = {
    Kind.BEFORE_SENDING: (FIRST_WAIT_MS, LONGEST_WAIT_MS),
    Kind.ON_CHAIN: (FIRST_WAIT_AFTER_REVERT_MS, LONGEST_WAIT_AFTER_REVERT_MS),
}


@dataclass(frozen=True, slots=True)
class Setback:
    """The last failure: how many in a row, until when to wait, and why."""

    times: int
    until_ms: int
    reason: str


class Patience:
    """Remembers setbacks by (account, chain). Bounded by what failed within the last hours."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._setbacks: dict[tuple[str, str, Kind], Setback] = {}

    def failed(self, account_id: str, chain: str, reason: str) -> None:
        """Note that nothing went out: the quorum was not reached, or the lane did not take the call."""
        self._note(account_id, chain, Kind.BEFORE_SENDING, reason)

    def went_out(self, account_id: str, chain: str) -> None:
        """Note that a call was sent: the next failure to send one starts anew."""
        self._setbacks.pop((account_id, chain, Kind.BEFORE_SENDING), None)

    def reverted(self, account_id: str, chain: str, reason: str) -> None:
        """Note that a call was mined without effect, or lost its nonce."""
        self._note(account_id, chain, Kind.ON_CHAIN, reason)

    def succeeded(self, account_id: str, chain: str) -> None:
        """Note that a call was mined and did what it should."""
        self._setbacks.pop((account_id, chain, Kind.ON_CHAIN), None)

    def must_wait(self, account_id: str, chain: str) -> bool:
        """Whether it is too early to try again."""
        now_ms = self._now_ms()
        found = (self._setbacks.get((account_id, chain, kind)) for kind in Kind)
        return any(setback is not None and now_ms < setback.until_ms for setback in found)

    def next_due_ms(self) -> int | None:
        """Return when the first wait that is not over ends, or None. Forgets what is long over."""
        now_ms = self._now_ms()
        for key, each in list(self._setbacks.items()):
            if each.until_ms + FORGOTTEN_AFTER_MS < now_ms:
                del self._setbacks[key]
        return min(
            (each.until_ms for each in self._setbacks.values() if each.until_ms > now_ms), default=None
        )

    def setback(self, account_id: str, chain: str, kind: Kind = Kind.BEFORE_SENDING) -> Setback | None:
        """Return the last failure that nothing has made good yet."""
        return self._setbacks.get((account_id, chain, kind))

    def __len__(self) -> int:
        """How many setbacks are remembered."""
        return len(self._setbacks)

    def _note(self, account_id: str, chain: str, kind: Kind, reason: str) -> None:
        before = self._setbacks.get((account_id, chain, kind))
        times = before.times + 1 if before else 1
        first_ms, longest_ms = _WAITS_MS[kind]
        wait_ms = min(first_ms << min(times - 1, 10), longest_ms)
        self._setbacks[account_id, chain, kind] = Setback(times, self._now_ms() + wait_ms, reason)
