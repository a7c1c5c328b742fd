"""The table where a nonce is used and no node shows a receipt: told once, and over with whatever becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.send_errors import SendClass
from keeper.domain.intent import IntentState
from keeper.execution.events import (
    AlertKind,
    BumpDue,
    CancelDue,
    ClearAlert,
    Event,
    FeeCeilingHit,
    NonceFree,
    NonceUsed,
    NonceUsedFinally,
    RaiseAlert,
    ReceiptHidden,
    ReceiptSeen,
    ResendDue,
    SendAnswered,
    Use,
)
from keeper.execution.lifecycle import Blocked, transition
from tests.keeper.execution.test_lifecycle import BROADCAST, IN_BLOCK_9, WORK, after

IN_BLOCK_3 = Use(WORK, "0xb3", 3)


def test_one_of_ours_without_a_receipt_waits_for_it_and_tells_once() -> None:
    used = after(NonceUsed(40), view=BROADCAST)
    told = transition(used, ReceiptHidden(None))
    proven = transition(told.view, ReceiptHidden(IN_BLOCK_3))

    assert (RaiseAlert(AlertKind.HIDDEN_RECEIPT),) == told.effects
    assert (Blocked.RECEIPT, IN_BLOCK_3, ()) == (proven.view.blocked, proven.view.hidden, proven.effects)
    for event in (BumpDue(), ResendDue(), CancelDue("deadline"), SendAnswered(WORK, SendClass.FUNDS)):
        assert () == transition(proven.view, event).effects
    # As a restart finds it: the log has why it waits, and not since when.
    assert () == transition(replace(proven.view, nonce_used_at=None, hidden=None), ResendDue()).effects


@pytest.mark.parametrize(
    ("event", "state", "more"),
    [
        (ReceiptSeen(IN_BLOCK_9), IntentState.MINED, ()),
        (NonceFree(), IntentState.BROADCAST, ()),
        (NonceUsedFinally(), IntentState.FINAL_LOST_NONCE, (RaiseAlert(AlertKind.FOREIGN_NONCE),)),
    ],
    ids=["seen", "undone", "another's"],
)
def test_whatever_becomes_of_a_hidden_receipt_ends_its_alert(
    event: Event, state: IntentState, more: tuple[RaiseAlert, ...]
) -> None:
    step = transition(after(NonceUsed(40), ReceiptHidden(IN_BLOCK_3), view=BROADCAST), event)

    assert (state, None, None) == (step.view.state, step.view.blocked, step.view.hidden)
    assert (ClearAlert(AlertKind.HIDDEN_RECEIPT), *more) == step.effects


def test_what_held_a_step_up_before_its_receipt_was_hidden_is_over() -> None:
    dear = after(FeeCeilingHit("dear"), NonceUsed(40), view=BROADCAST)

    assert (ClearAlert(AlertKind.FEE_CEILING), RaiseAlert(AlertKind.HIDDEN_RECEIPT)) == transition(
        dear, ReceiptHidden(IN_BLOCK_3)
    ).effects
