"""From an event to the log: the transition, its rows and its alerts in one commit, and only then the memory."""

from __future__ import annotations

from typing import NamedTuple

from keeper.domain.intent import IntentState
from keeper.execution.events import AlertKind, ClearAlert, Effect, Event, RaiseAlert, Send, Sign
from keeper.execution.lifecycle import transition
from keeper.execution.terms import LaneTerms
from keeper.execution.tracked import Tracked
from keeper.state.entries import AlertClosed, AlertOpened, Entry, IntentMoved
from keeper.state.log import StateLog


class _Words(NamedTuple):
    """What an alert says, and whether it is about the sender as a whole or one intent."""

    severity: str
    title: str
    advice: str
    is_of_sender: bool


_WORDS = {
    AlertKind.FUNDS: _Words(
        "critical",
        "the sender can not pay for its transactions",
        "top it up; the same bytes go out again",
        True,
    ),
    AlertKind.FEE_CEILING: _Words(
        "warning",
        "a higher fee would pass a ceiling, a spending limit or what it should earn",
        "raise max_fee_per_gas_wei or the spending limits, or wait: what stays stuck is cancelled",
        True,
    ),
    AlertKind.FOREIGN_NONCE: _Words(
        "critical",
        "another transaction of this key took an intent's nonce",
        "the key is used elsewhere: stop that, or change the key",
        False,
    ),
    AlertKind.FOREIGN_PENDING: _Words(
        "critical",
        "a pool holds another transaction of this key at an intent's nonce",
        "the key is used elsewhere: stop that, or change the key",
        False,
    ),
    AlertKind.NEVER_MINABLE: _Words(
        "critical",
        "the nodes say that a transaction can never be mined",
        "a wrong setting or a bug: see detail",
        False,
    ),
    AlertKind.NODE_FEE_CAP: _Words(
        "warning", "a node's own fee cap refused a transaction", "raise the node's --rpc.txfeecap", True
    ),
    AlertKind.KEY_RESERVED: _Words(
        "critical",
        "the key is used for blob transactions elsewhere",
        "give the keeper a key of its own",
        True,
    ),
    AlertKind.UNKNOWN_ANSWER: _Words(
        "warning",
        "a node answered a broadcast with a text that is not known",
        "see detail; it was treated as unknown",
        True,
    ),
    AlertKind.HIDDEN_RECEIPT: _Words(
        "warning",
        "an intent's nonce is used for good, and no node shows a receipt of its transactions",
        "until one does, its position is not acted on and its cost stays reserved: mend the node, or add an endpoint "
        "that keeps receipts (and the state of the blocks since, where detail says that nobody could tell who used it)",
        False,
    ),
}


class Recorder:
    """The only one that changes a tracked intent's view, and only after the log has it."""

    def __init__(self, terms: LaneTerms, sender: str, log: StateLog) -> None:
        self._terms = terms
        self._sender = sender
        self._log = log
        self._open_alerts: set[str] = set()

    async def advance(
        self, tracked: Tracked, event: Event, *entries: Entry, block_number: int, reason: str | None = None
    ) -> tuple[Send | Sign, ...]:
        """Write what `event` makes of the intent, with `entries`, in one commit; return what is to be done.

        Raises `LogUnavailable` and leaves the intent as it was.
        """
        before = tracked.view
        step = transition(before, event)
        after = step.view
        told = tracked.reason if reason is None else reason
        rows = list(entries)
        if (before.state, before.blocked, before.cancelling, tracked.reason) != (
            after.state,
            after.blocked,
            after.cancelling,
            told,
        ):
            blocked = None if after.blocked is None else str(after.blocked)
            moved = IntentMoved(
                tracked.intent.intent_id, after.state, blocked, after.cancelling, told, block_number
            )
            rows.append(moved)
        rows += self._alerts(tracked, step.effects, told)
        if rows:
            await self._log.write(*rows)
        tracked.view = after
        tracked.reason = told
        self._remember(rows)
        return tuple(effect for effect in step.effects if isinstance(effect, (Send, Sign)))

    async def alert(self, kind: AlertKind, subject: str, detail: str) -> None:
        """Raise an alert that is about no intent the lane knows."""
        rows = self._opened(kind, subject, detail)
        if rows:
            await self._log.write(*rows)
        self._remember(rows)

    async def clear(self, kind: AlertKind, subject: str = "") -> None:
        """Close an alert that this lane opened; nothing if it did not."""
        key = self._key(kind, subject)
        if key in self._open_alerts:
            await self._log.write(AlertClosed(key, "resolved"))
            self._open_alerts.discard(key)

    def is_open(self, kind: AlertKind) -> bool:
        """Whether this lane has raised an alert of this kind that nothing has closed."""
        base = self._key(kind, "").rstrip("/")
        return any(key == base or key.startswith(f"{base}/") for key in self._open_alerts)

    def _alerts(self, tracked: Tracked, effects: tuple[Effect, ...], detail: str) -> list[Entry]:
        rows: list[Entry] = []
        for effect in effects:
            if isinstance(effect, RaiseAlert):
                rows += self._opened(effect.kind, tracked.intent.intent_id, detail)
            elif isinstance(effect, ClearAlert):
                rows.append(AlertClosed(self._key(effect.kind, tracked.intent.intent_id), "resolved"))
        return rows

    def _opened(self, kind: AlertKind, subject: str, detail: str) -> list[Entry]:
        key = self._key(kind, subject)
        if key in self._open_alerts:
            return []
        words = _WORDS[kind]
        where = f"{self._terms.chain}, sender {self._sender}, {subject}"
        return [AlertOpened(key, words.severity, words.title, f"{where}: {detail}", words.advice)]

    def _key(self, kind: AlertKind, subject: str) -> str:
        base = f"{kind}/{self._terms.chain}/{self._sender}"
        return base if _WORDS[kind].is_of_sender else f"{base}/{subject}"

    def _remember(self, rows: list[Entry]) -> None:
        for row in rows:
            if isinstance(row, AlertOpened):
                self._open_alerts.add(row.dedupe_key)
            elif isinstance(row, AlertClosed):
                self._open_alerts.discard(row.dedupe_key)


def is_over(state: IntentState) -> bool:
    """Whether an intent in this state needs nothing any more."""
    return state in _ENDS


_ENDS = frozenset(
    {
        IntentState.SKIPPED,
        IntentState.FINAL_OK,
        IntentState.FINAL_REVERTED,
        IntentState.FINAL_CANCELLED,
        IntentState.FINAL_LOST_NONCE,
    }
)
