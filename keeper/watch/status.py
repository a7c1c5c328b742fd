"""How each chain is doing, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from chains.blocks import Head
from config.settings import ChainSettings


class ChainState(StrEnum):
    """Only a live chain is sent to."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    HALTED = "halted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """One chain as it is seen now. `reason` says why it is not live."""

    chain: str
    state: ChainState
    reason: str
    head: Head | None = None
    received_at_ms: int | None = None
    reorgs: int = 0
    deepest_reorg: int = 0

    def age_ms(self, now_ms: int) -> int | None:
        """Age of the newest head: since it was received, or since its own time if that is longer ago.

        The chain's own time matters after a start: a head that is received now may be old.
        None while no head was ever seen.
        """
        if self.head is None or self.received_at_ms is None:
            return None
        return max(0, now_ms - self.received_at_ms, now_ms - self.head.timestamp * 1000)

    def seen(self, head: Head, received_at_ms: int, removed: int) -> ChainStatus:
        """Return the status after an update that undid `removed` blocks."""
        return replace(
            self,
            head=head,
            received_at_ms=received_at_ms,
            reorgs=self.reorgs + (1 if removed else 0),
            deepest_reorg=max(self.deepest_reorg, removed),
        )

    def aged(self, settings: ChainSettings, now_ms: int) -> ChainStatus:
        """Return the status with `state` as the head's age demands; a stopped chain stays stopped."""
        if self.state is ChainState.STOPPED:
            return self
        age_ms = self.age_ms(now_ms)
        if age_ms is None:
            return replace(self, state=ChainState.CONNECTING, reason="no head seen yet")
        if age_ms > settings.unknown_after_s * 1000:
            return replace(self, state=ChainState.HALTED, reason=f"no new block for {age_ms // 1000} s")
        if age_ms > settings.stale_after_s * 1000:
            return replace(self, state=ChainState.STALE, reason=f"no new block for {age_ms // 1000} s")
        return replace(self, state=ChainState.LIVE, reason="")
