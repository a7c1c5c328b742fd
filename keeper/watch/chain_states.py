"""The states of a chain: one pure function from what is observed to the state, and what each state allows.

A chain is live while nothing speaks against it. Of several causes the gravest names the state. A cause that is
over ends its state, after a while without any (`calm_ms`) where it comes and goes; what broke finality ends only by a
person's word, because no later observation can tell which side was right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from config.settings import ChainSettings
from oracles.sources.sequencer import SequencerState, SequencerStatus

CALM_BLOCKS = 2
MAX_CALM_MS = 10_000
"""After a halt a chain must have been well for as long as it takes to make this many blocks, at most this long."""


class ChainState(StrEnum):
    """Only a live chain is sent to."""

    CONNECTING = "connecting"
    LIVE = "live"
    GRACE = "grace"
    SEQUENCER_DOWN = "sequencer_down"
    STALE = "stale"
    HALTED = "halted"
    DISAGREEING = "disagreeing"
    MISMATCHED = "mismatched"
    FINALITY_VIOLATED = "finality_violated"
    STOPPED = "stopped"


class Sends(StrEnum):
    """What may be sent on a chain: everything, or nothing at all, replacements and cancels included."""

    EVERYTHING = "everything"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a state means. `counts`: whether what the chain's nodes say is evidence for health.

    `severity` and `advice` are of the alert that tells of it; no severity, no alert.
    """

    sends: Sends = Sends.NOTHING
    counts: bool = True
    needs_calm: bool = False
    severity: str = ""
    advice: str = ""


RULES: dict[ChainState, Rule] = {
    ChainState.LIVE: Rule(Sends.EVERYTHING),
    ChainState.CONNECTING: Rule(),
    ChainState.GRACE: Rule(
        severity="warning",
        advice="nothing is begun there and no price read there counts; it ends by itself after the grace",
    ),
    ChainState.SEQUENCER_DOWN: Rule(
        severity="warning",
        advice="nothing is begun there and no price read there counts; it ends by itself after the grace",
    ),
    ChainState.STALE: Rule(
        severity="warning",
        advice="accounts with a leg there are held as unknown until it moves again",
    ),
    ChainState.HALTED: Rule(
        needs_calm=True,
        severity="warning",
        advice="accounts with a leg there are held as unknown until it moves again",
    ),
    ChainState.DISAGREEING: Rule(
        counts=False,
        needs_calm=True,
        severity="critical",
        advice="find out which node is on the wrong fork; it ends by itself once they agree for a while",
    ),
    ChainState.MISMATCHED: Rule(
        counts=False,
        needs_calm=True,
        severity="critical",
        advice="mend the node, or its URL; it ends by itself once a node serves the configured chain for a while",
    ),
    ChainState.FINALITY_VIOLATED: Rule(
        counts=False,
        severity="critical",
        advice="find out which side is right, then `keeper resume --chain NAME` and restart the daemon",
    ),
    ChainState.STOPPED: Rule(
        severity="critical",
        advice="find out which side is right, then restart the daemon",
    ),
}


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of a chain at one moment. Empty texts say that there is nothing of the kind.

    `age_ms` is the newest head's, None while none was seen. `sequencer` is what the uptime feed said last, None if it
    was never read; `has_sequencer` whether there is one.
    """

    age_ms: int | None
    stopped: str = ""
    violated: str = ""
    mismatched: str = ""
    disputed: str = ""
    has_sequencer: bool = False
    sequencer: SequencerStatus | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When a chain counts as stale or halted, and how long it must have been well after graver causes."""

    stale_after_ms: int
    unknown_after_ms: int
    calm_ms: int

    @classmethod
    def of(cls, settings: ChainSettings) -> Limits:
        """Return the limits of a configured chain."""
        return cls(
            round(settings.stale_after_s * 1000),
            round(settings.unknown_after_s * 1000),
            min(MAX_CALM_MS, round(CALM_BLOCKS * settings.block_time_s * 1000)),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The state a chain is in, why, and since when. `troubled_at_ms`: when a cause that needs calm was last seen."""

    state: ChainState = ChainState.CONNECTING
    reason: str = "no head seen yet"
    since_ms: int | None = None
    troubled_at_ms: int | None = field(default=None)

    def after(self, observed: Observed, limits: Limits, now_ms: int) -> Standing:
        """Return the standing that an observation leads to."""
        if self.state is ChainState.STOPPED:
            return self  # what follows it has ended: nothing that is observed now is of it
        state, reason = cause(observed, limits)
        if RULES[state].needs_calm:
            return self._moved(state, reason, now_ms, now_ms)
        troubled_at_ms = self.troubled_at_ms
        if troubled_at_ms is not None and troubled_at_ms > now_ms:
            troubled_at_ms = now_ms  # the clock was set back: it prolongs nothing
        if state is ChainState.LIVE and troubled_at_ms is not None:
            if now_ms - troubled_at_ms < limits.calm_ms:
                reason = f"it is over, and watched until {_s(limits.calm_ms)} s are past"
                return self._moved(self.state, reason, now_ms, troubled_at_ms)
            troubled_at_ms = None
        return self._moved(state, reason, now_ms, troubled_at_ms)

    def _moved(self, state: ChainState, reason: str, now_ms: int, troubled_at_ms: int | None) -> Standing:
        if state is self.state:
            return replace(self, reason=reason, troubled_at_ms=troubled_at_ms)
        return Standing(state, reason, now_ms, troubled_at_ms)


def cause(observed: Observed, limits: Limits) -> tuple[ChainState, str]:
    """Return the gravest thing that speaks against a chain, and what it is; live and nothing if there is none."""
    causes: list[tuple[ChainState, str]] = [
        (ChainState.STOPPED, observed.stopped),
        (ChainState.FINALITY_VIOLATED, observed.violated),
        (ChainState.MISMATCHED, observed.mismatched),
        (ChainState.DISAGREEING, observed.disputed),
        *_age(observed.age_ms, limits),
        *_sequencer(observed),
    ]
    return next(((state, reason) for state, reason in causes if reason), (ChainState.LIVE, ""))


def _age(age_ms: int | None, limits: Limits) -> list[tuple[ChainState, str]]:
    if age_ms is None:
        return [(ChainState.CONNECTING, "no head seen yet")]
    reason = f"no new block for {_s(age_ms)} s"
    if age_ms > limits.unknown_after_ms:
        return [(ChainState.HALTED, reason)]
    return [(ChainState.STALE, reason)] if age_ms > limits.stale_after_ms else []


def _sequencer(observed: Observed) -> list[tuple[ChainState, str]]:
    its = observed.sequencer
    if its is None:
        return (
            [(ChainState.SEQUENCER_DOWN, "the uptime feed was not read yet")]
            if observed.has_sequencer
            else []
        )
    if its.up:
        return []
    grace = its.state is SequencerState.IN_GRACE
    return [
        (ChainState.GRACE if grace else ChainState.SEQUENCER_DOWN, its.reason or "its sequencer is not up")
    ]


def _s(ms: int) -> int:
    return ms // 1000
