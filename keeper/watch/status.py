"""How each chain is doing: its newest head, its state, and what reorganisations it had."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chains.blocks import Head
from config.settings import ChainSettings
from keeper.watch.chain_states import RULES, ChainState, Limits, Observed, Sends, Standing

__all__ = ["ChainState", "ChainStatus"]

NOTHING_ELSE = Observed(None)


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """One chain as it is seen now. `reason` says why it is not live, `since_ms` since when its state holds."""

    chain: str
    state: ChainState
    reason: str
    head: Head | None = None
    received_at_ms: int | None = None
    reorgs: int = 0
    deepest_reorg: int = 0
    since_ms: int | None = None
    troubled_at_ms: int | None = None

    @property
    def may_send(self) -> bool:
        """Whether the chain may be acted on."""
        return RULES[self.state].sends is Sends.EVERYTHING

    @property
    def moves(self) -> bool:
        """Whether it makes blocks that are believed, be its sequencer up for long enough or not."""
        return self.state in {ChainState.LIVE, ChainState.GRACE, ChainState.SEQUENCER_DOWN}

    @property
    def counts(self) -> bool:
        """Whether what its nodes say is evidence."""
        return RULES[self.state].counts

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

    def aged(self, settings: ChainSettings, now_ms: int, against: Observed = NOTHING_ELSE) -> ChainStatus:
        """Return the status with the state that the head's age, and what else was observed, lead to."""
        before = Standing(self.state, self.reason, self.since_ms, self.troubled_at_ms)
        observed = replace(against, age_ms=self.age_ms(now_ms))
        after = before.after(observed, Limits.of(settings), now_ms)
        return replace(
            self,
            state=after.state,
            reason=after.reason,
            since_ms=after.since_ms,
            troubled_at_ms=after.troubled_at_ms,
        )
