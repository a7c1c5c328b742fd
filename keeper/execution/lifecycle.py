"""The life of an intent as a pure table: (what it is, what happened) -> (what it is now, what to do).

::

    PROPOSED -> RESERVED -> SIGNED -> SENT_UNKNOWN <-> BROADCAST -> MINED -> FINAL_OK, _REVERTED, _CANCELLED
       |                       bump and cancel: same nonce |  ^        |
       +-> SKIPPED                                         |  +--------+ its block is no longer canonical
                                                           +-> FINAL_LOST_NONCE (another's transaction, final)

An intent has one nonce for ever, so at most one of its transactions is ever on one chain. Nothing here knows a
clock, a node or the log: the lane observes, asks `transition`, makes the result durable, and does the effects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from chains.send_errors import SendClass
from keeper.domain.intent import IntentState
from keeper.execution.events import (
    AlertKind,
    BumpDue,
    CancelDue,
    ClearAlert,
    Effect,
    Event,
    FeeCeilingHit,
    Finalised,
    Mined,
    NonceFree,
    NonceUsed,
    NonceUsedFinally,
    RaiseAlert,
    ReceiptGone,
    ReceiptHidden,
    ReceiptSeen,
    Refused,
    ResendDue,
    Send,
    SendAnswered,
    Sign,
    Signed,
    SlotReserved,
    Use,
)

LIVE_STATES = frozenset(
    {
        IntentState.PROPOSED,
        IntentState.RESERVED,
        IntentState.SIGNED,
        IntentState.SENT_UNKNOWN,
        IntentState.BROADCAST,
        IntentState.MINED,
    }
)
UNMINED_STATES = frozenset({IntentState.SIGNED, IntentState.SENT_UNKNOWN, IntentState.BROADCAST})


class Blocked(StrEnum):
    """Why an intent can not go on by itself."""

    FUNDS = "funds"
    """The sender can not pay: the same bytes go out again after a top-up."""
    FEE = "fee"
    """A higher fee would pass a ceiling or a spending limit: the old bytes stay out."""
    RECEIPT = "receipt"
    """Its nonce is used for good, and no node shows a receipt of ours: it is looked for until one does."""


class IllegalTransition(Exception):
    """An event that can not happen in this state: the caller is wrong."""


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One signed transaction of the intent. `handed_over` is True once any endpoint may have seen it."""

    tx_hash: str
    is_cancel: bool
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class IntentView:
    """All that decides an intent's next step. `attempts` are in the order they were signed.

    `nonce_used_at` is the block at which the chain's nonce was first seen past ours with no receipt of ours;
    `hidden` is which of ours is known to have used it all the same.
    """

    state: IntentState = IntentState.PROPOSED
    nonce: int | None = None
    attempts: tuple[AttemptView, ...] = ()
    mined: Mined | None = None
    blocked: Blocked | None = None
    cancelling: bool = False
    nonce_used_at: int | None = None
    hidden: Use | None = None

    @property
    def is_used(self) -> bool:
        """Whether its nonce is used, as far as is known: nothing more that is signed or sent can be mined."""
        return self.nonce_used_at is not None or self.blocked is Blocked.RECEIPT

    def attempt(self, tx_hash: str) -> AttemptView:
        """Return the attempt of that hash. Raises `IllegalTransition` if it is not ours."""
        for attempt in self.attempts:
            if attempt.tx_hash == tx_hash:
                return attempt
        message = f"{tx_hash} is no attempt of this intent"
        raise IllegalTransition(message)


class Transition(NamedTuple):
    """What the intent is now, and what to do about it, in order."""

    view: IntentView
    effects: tuple[Effect, ...] = ()


def transition(view: IntentView, event: Event) -> Transition:
    """Return what `event` makes of an intent. Raises `IllegalTransition` where it can not happen."""
    rule = _TABLE.get(view.state, {}).get(type(event))
    if rule is None:
        message = f"{type(event).__name__} can not happen to an intent that is {view.state}"
        raise IllegalTransition(message)
    return rule(view, event)


def final_state(view: IntentView) -> IntentState:
    """Return the end of a mined intent: what was mined decides, not what was wanted."""
    mined = view.mined
    if mined is None:
        message = "nothing of this intent is mined"
        raise IllegalTransition(message)
    if view.attempt(mined.tx_hash).is_cancel:
        return IntentState.FINAL_CANCELLED
    return IntentState.FINAL_OK if mined.status == 1 else IntentState.FINAL_REVERTED


def _refused(view: IntentView, _: Refused) -> Transition:
    return Transition(replace(view, state=IntentState.SKIPPED))


def _reserved(view: IntentView, event: SlotReserved) -> Transition:
    return Transition(replace(view, state=IntentState.RESERVED, nonce=event.nonce))


def _signed_first(view: IntentView, event: Signed) -> Transition:
    if event.is_cancel:
        message = "the first transaction of an intent is its call"
        raise IllegalTransition(message)
    return _signed(replace(view, state=IntentState.SIGNED), event)


def _signed(view: IntentView, event: Signed) -> Transition:
    if event.nonce != view.nonce:
        message = f"signed at nonce {event.nonce}, but the intent has nonce {view.nonce} for ever"
        raise IllegalTransition(message)
    if view.cancelling and not event.is_cancel:
        message = "a cancelled intent signs only its cancel"
        raise IllegalTransition(message)
    attempts = (*view.attempts, AttemptView(event.tx_hash, event.is_cancel))
    effects: tuple[Effect, ...] = (Send(event.tx_hash),)
    if view.blocked is Blocked.FEE:
        effects = (*effects, ClearAlert(AlertKind.FEE_CEILING))
    blocked = None if view.blocked is Blocked.FEE else view.blocked
    return Transition(replace(view, attempts=attempts, blocked=blocked), effects)


def _answered(view: IntentView, event: SendAnswered) -> Transition:
    sent = view.attempt(event.tx_hash)
    attempts = tuple(replace(one, handed_over=True) if one is sent else one for one in view.attempts)
    others_out = any(one.handed_over for one in view.attempts)
    is_newest = sent is view.attempts[-1]
    known = view.state if view.state is IntentState.BROADCAST else IntentState.SENT_UNKNOWN
    view = replace(view, attempts=attempts, state=known)
    match event.send_class:
        case SendClass.PUBLISHED:
            effects = (ClearAlert(AlertKind.FUNDS),) if view.blocked is Blocked.FUNDS else ()
            blocked = None if view.blocked is Blocked.FUNDS else view.blocked
            return Transition(replace(view, state=IntentState.BROADCAST, blocked=blocked), effects)
        case SendClass.FUNDS if not view.is_used:
            return Transition(replace(view, blocked=Blocked.FUNDS), (RaiseAlert(AlertKind.FUNDS),))
        case SendClass.UNDERPRICED | SendClass.REPLACE_UNDERPRICED if not is_newest:
            return Transition(view)
        case SendClass.REPLACE_UNDERPRICED if not others_out:
            return Transition(view, (RaiseAlert(AlertKind.FOREIGN_PENDING),))
        case SendClass.UNDERPRICED | SendClass.REPLACE_UNDERPRICED:
            return Transition(view, (Sign(view.cancelling, str(event.send_class)),))
        case SendClass.FATAL_TX if sent.is_cancel or view.cancelling:
            return Transition(view, (RaiseAlert(AlertKind.NEVER_MINABLE),))
        case SendClass.FATAL_TX:
            effects_of_fatal = (
                RaiseAlert(AlertKind.NEVER_MINABLE),
                Sign(is_cancel=True, reason="never minable"),
            )
            return Transition(replace(view, cancelling=True), effects_of_fatal)
        case _:
            kind = _ALERTS.get(event.send_class)
            return Transition(view, () if kind is None else (RaiseAlert(kind),))


_ALERTS: Mapping[SendClass, AlertKind] = {
    SendClass.FEE_CAP_NODE: AlertKind.NODE_FEE_CAP,
    SendClass.RESERVED: AlertKind.KEY_RESERVED,
    SendClass.UNKNOWN: AlertKind.UNKNOWN_ANSWER,
}


def _unchanged(view: IntentView, _: Event) -> Transition:
    return Transition(view)


def _receipt_seen(view: IntentView, event: ReceiptSeen) -> Transition:
    view.attempt(event.mined.tx_hash)
    mined = replace(
        view, state=IntentState.MINED, mined=event.mined, blocked=None, nonce_used_at=None, hidden=None
    )
    return Transition(mined, _unblocked(view))


def _unblocked(view: IntentView) -> tuple[Effect, ...]:
    return () if view.blocked is None else (ClearAlert(_ALERT_OF[view.blocked]),)


_ALERT_OF: Mapping[Blocked, AlertKind] = {
    Blocked.FUNDS: AlertKind.FUNDS,
    Blocked.FEE: AlertKind.FEE_CEILING,
    Blocked.RECEIPT: AlertKind.HIDDEN_RECEIPT,
}


def _receipt_gone(view: IntentView, _: ReceiptGone) -> Transition:
    return Transition(
        replace(view, state=IntentState.BROADCAST, mined=None), (Send(view.attempts[-1].tx_hash),)
    )


def _finalised(view: IntentView, _: Finalised) -> Transition:
    return Transition(replace(view, state=final_state(view)))


def _nonce_used(view: IntentView, event: NonceUsed) -> Transition:
    if view.nonce_used_at is not None:
        return Transition(view)
    return Transition(replace(view, nonce_used_at=event.block_number))


def _nonce_free(view: IntentView, _: NonceFree) -> Transition:
    free = replace(view, nonce_used_at=None, hidden=None)
    if view.blocked is not Blocked.RECEIPT:
        return Transition(free)
    return Transition(replace(free, blocked=None), _unblocked(view))


def _receipt_hidden(view: IntentView, event: ReceiptHidden) -> Transition:
    hidden = replace(view, blocked=Blocked.RECEIPT, hidden=event.use)
    if view.blocked is Blocked.RECEIPT:
        return Transition(hidden)
    return Transition(hidden, (*_unblocked(view), RaiseAlert(AlertKind.HIDDEN_RECEIPT)))


def _nonce_lost(view: IntentView, _: NonceUsedFinally) -> Transition:
    lost = replace(view, state=IntentState.FINAL_LOST_NONCE, blocked=None, hidden=None)
    over = _unblocked(view) if view.blocked is Blocked.RECEIPT else ()
    return Transition(lost, (*over, RaiseAlert(AlertKind.FOREIGN_NONCE)))


def _cancel(view: IntentView, event: CancelDue) -> Transition:
    if view.cancelling or view.is_used:
        return Transition(view)
    return Transition(replace(view, cancelling=True), (Sign(is_cancel=True, reason=event.reason),))


def _bump(view: IntentView, _: BumpDue) -> Transition:
    if view.is_used or view.blocked is Blocked.FUNDS:
        return Transition(view)
    return Transition(view, (Sign(view.cancelling, "bump"),))


def _resend(view: IntentView, _: ResendDue) -> Transition:
    if view.is_used:
        return Transition(view)
    return Transition(view, (Send(view.attempts[-1].tx_hash),))


def _ceiling(view: IntentView, _: FeeCeilingHit) -> Transition:
    if view.blocked is not None:
        return Transition(view)
    return Transition(replace(view, blocked=Blocked.FEE), (RaiseAlert(AlertKind.FEE_CEILING),))


_Rules: TypeAlias = "Mapping[type[Any], Callable[[IntentView, Any], Transition]]"

_UNMINED: _Rules = {
    Signed: _signed,
    SendAnswered: _answered,
    ReceiptSeen: _receipt_seen,
    NonceUsed: _nonce_used,
    NonceFree: _nonce_free,
    NonceUsedFinally: _nonce_lost,
    ReceiptHidden: _receipt_hidden,
    CancelDue: _cancel,
    BumpDue: _bump,
    ResendDue: _resend,
    FeeCeilingHit: _ceiling,
}

_TABLE: Mapping[IntentState, _Rules] = {
    IntentState.PROPOSED: {Refused: _refused, SlotReserved: _reserved},
    IntentState.RESERVED: {Signed: _signed_first},
    IntentState.SIGNED: _UNMINED,
    IntentState.SENT_UNKNOWN: _UNMINED,
    IntentState.BROADCAST: _UNMINED,
    IntentState.MINED: {
        SendAnswered: _unchanged,
        ReceiptSeen: _receipt_seen,
        ReceiptGone: _receipt_gone,
        Finalised: _finalised,
    },
}
