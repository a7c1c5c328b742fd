"""The uptime of a rollup's sequencer, as Chainlink's feed of it says: a feed whose answer is 0 (up) or 1 (down).

While a sequencer is down nobody can change prices or defend an account on its chain; when it is back, what was
sent meanwhile comes in a rush. So prices read there count again only after a grace. `startedAt` is since when the
state holds; 0 is a round that was never begun, which says nothing, and not "up for fifty years".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from oracles.sources.chain import Call, words
from oracles.sources.chainlink import LATEST_ROUND_DATA
from oracles.sources.json_answer import shown
from oracles.sources.origin import BadAnswer

_UP, _DOWN = 0, 1


class SequencerState(StrEnum):
    """What is known of a sequencer."""

    UP = "up"
    DOWN = "down"
    IN_GRACE = "in_grace"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SequencerStatus:
    """A sequencer as of one block. `since_s` is when its state began, UTC seconds; `reason` says why it is not up."""

    state: SequencerState
    reason: str = ""
    since_s: int | None = None

    @property
    def up(self) -> bool | None:
        """Whether the chain may be acted on by this; None where nothing is known."""
        return None if self.state is SequencerState.UNKNOWN else self.state is SequencerState.UP


class SequencerFeed:
    """Reads one uptime feed, in two pure halves like a `ChainReader`."""

    def __init__(self, address: str, grace_s: float) -> None:
        self._address = address
        self._grace_ms = int(grace_s * 1000)

    def calls(self) -> list[Call]:
        """Return the call to make at one block."""
        return [(self._address, LATEST_ROUND_DATA)]

    def read(self, answers: Sequence[bytes | None], block_timestamp: int) -> SequencerStatus:
        """Return what the feed said at a block of this timestamp, in seconds. A grace ends *after* its last second."""
        (latest,) = answers
        try:
            _, answer, started_at, _, _ = words(latest, 5)
        except BadAnswer as bad:
            return SequencerStatus(SequencerState.UNKNOWN, f"the uptime feed: {bad.detail}")
        if started_at == 0 or started_at > block_timestamp or answer not in {_UP, _DOWN}:
            detail = f"the uptime feed says {shown(answer)} since {shown(started_at)}"
            return SequencerStatus(SequencerState.UNKNOWN, detail)
        if answer == _DOWN:
            return SequencerStatus(SequencerState.DOWN, "its sequencer is down", started_at)
        up_for_s = block_timestamp - started_at
        if up_for_s * 1000 <= self._grace_ms:
            detail = f"its sequencer is up again for {up_for_s} s, grace is {self._grace_ms // 1000} s"
            return SequencerStatus(SequencerState.IN_GRACE, detail, started_at)
        return SequencerStatus(SequencerState.UP, "", started_at)
