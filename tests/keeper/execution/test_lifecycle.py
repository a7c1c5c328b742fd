"""The table of an intent's life: single steps, and a random world that tries to make it act twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

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
from keeper.execution.lifecycle import (
    LIVE_STATES,
    UNMINED_STATES,
    Blocked,
    IllegalTransition,
    IntentView,
    transition,
)

WORK, BUMP, CANCEL = "0xw0", "0xw1", "0xc0"
IN_BLOCK_9 = Mined(WORK, "0xb9", 9, 1)


def after(*events: Event, view: IntentView | None = None) -> IntentView:
    view = view or IntentView()
    for event in events:
        view = transition(view, event).view
    return view


SIGNED = after(SlotReserved(7), Signed(WORK, 7, is_cancel=False))
BROADCAST = after(SendAnswered(WORK, SendClass.PUBLISHED), view=SIGNED)
MINED = after(ReceiptSeen(IN_BLOCK_9), view=BROADCAST)


def test_a_refused_intent_never_takes_a_nonce() -> None:
    view = after(Refused("spending"))

    assert (IntentState.SKIPPED, None) == (view.state, view.nonce)


def test_signing_is_followed_by_sending_those_bytes() -> None:
    step = transition(after(SlotReserved(7)), Signed(WORK, 7, is_cancel=False))

    assert (Send(WORK),) == step.effects


@pytest.mark.parametrize(
    ("send_class", "state", "effects"),
    [
        (SendClass.PUBLISHED, IntentState.BROADCAST, ()),
        (SendClass.NONCE_USED, IntentState.SENT_UNKNOWN, ()),
        (SendClass.NONCE_GAP, IntentState.SENT_UNKNOWN, ()),
        (SendClass.TRANSIENT, IntentState.SENT_UNKNOWN, ()),
        (SendClass.POOL_FULL, IntentState.SENT_UNKNOWN, ()),
        (SendClass.UNKNOWN, IntentState.SENT_UNKNOWN, (RaiseAlert(AlertKind.UNKNOWN_ANSWER),)),
        (SendClass.FEE_CAP_NODE, IntentState.SENT_UNKNOWN, (RaiseAlert(AlertKind.NODE_FEE_CAP),)),
        (SendClass.RESERVED, IntentState.SENT_UNKNOWN, (RaiseAlert(AlertKind.KEY_RESERVED),)),
        (SendClass.FUNDS, IntentState.SENT_UNKNOWN, (RaiseAlert(AlertKind.FUNDS),)),
        (SendClass.UNDERPRICED, IntentState.SENT_UNKNOWN, (Sign(is_cancel=False, reason="underpriced"),)),
        (SendClass.REPLACE_UNDERPRICED, IntentState.SENT_UNKNOWN, (RaiseAlert(AlertKind.FOREIGN_PENDING),)),
        (
            SendClass.FATAL_TX,
            IntentState.SENT_UNKNOWN,
            (RaiseAlert(AlertKind.NEVER_MINABLE), Sign(is_cancel=True, reason="never minable")),
        ),
    ],
)
def test_what_the_first_answer_leads_to(
    send_class: SendClass, state: IntentState, effects: tuple[Effect, ...]
) -> None:
    step = transition(SIGNED, SendAnswered(WORK, send_class))

    assert (state, effects) == (step.view.state, step.effects)


@pytest.mark.parametrize("send_class", list(SendClass))
def test_whatever_a_node_says_the_nonce_stays(send_class: SendClass) -> None:
    assert after(SendAnswered(WORK, send_class), view=SIGNED).nonce == 7


def test_a_replacement_that_is_too_cheap_over_our_own_is_bumped_again() -> None:
    bumped = after(Signed(BUMP, 7, is_cancel=False), view=BROADCAST)

    step = transition(bumped, SendAnswered(BUMP, SendClass.REPLACE_UNDERPRICED))

    assert (Sign(is_cancel=False, reason="replace_underpriced"),) == step.effects


def test_a_late_answer_about_older_bytes_signs_nothing() -> None:
    bumped = after(Signed(BUMP, 7, is_cancel=False), view=BROADCAST)

    assert () == transition(bumped, SendAnswered(WORK, SendClass.UNDERPRICED)).effects


def test_funds_block_bumps_and_a_published_resend_unblocks() -> None:
    blocked = after(SendAnswered(WORK, SendClass.FUNDS), view=SIGNED)

    assert Blocked.FUNDS is blocked.blocked
    assert () == transition(blocked, BumpDue()).effects
    assert (Send(WORK),) == transition(blocked, ResendDue()).effects
    assert after(SendAnswered(WORK, SendClass.PUBLISHED), view=blocked).blocked is None


def test_a_fee_ceiling_alerts_once_and_keeps_the_old_bytes_going() -> None:
    first = transition(BROADCAST, FeeCeilingHit("too dear"))
    again = transition(first.view, FeeCeilingHit("too dear"))

    assert (RaiseAlert(AlertKind.FEE_CEILING),) == first.effects
    assert () == again.effects
    assert (Send(WORK),) == transition(first.view, ResendDue()).effects


def test_a_deadline_cancels_once_at_the_same_nonce_and_resends_only_the_cancel() -> None:
    step = transition(BROADCAST, CancelDue("deadline"))
    cancelled = after(Signed(CANCEL, 7, is_cancel=True), view=step.view)

    assert (Sign(is_cancel=True, reason="deadline"),) == step.effects
    assert () == transition(cancelled, CancelDue("deadline")).effects
    assert (Send(CANCEL),) == transition(cancelled, ResendDue()).effects
    assert (Sign(is_cancel=True, reason="bump"),) == transition(cancelled, BumpDue()).effects


def test_no_work_is_signed_after_a_cancel_was_decided() -> None:
    cancelling = after(CancelDue("deadline"), view=BROADCAST)

    with pytest.raises(IllegalTransition, match="only its cancel"):
        transition(cancelling, Signed(BUMP, 7, is_cancel=False))


def test_another_nonce_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="for ever"):
        transition(BROADCAST, Signed(BUMP, 8, is_cancel=False))


def test_a_receipt_of_a_foreign_hash_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="no attempt"):
        transition(BROADCAST, ReceiptSeen(replace(IN_BLOCK_9, tx_hash="0xother")))


@pytest.mark.parametrize(
    ("tx_hash", "status", "end"),
    [
        (WORK, 1, IntentState.FINAL_OK),
        (WORK, 0, IntentState.FINAL_REVERTED),
        (CANCEL, 1, IntentState.FINAL_CANCELLED),
    ],
)
def test_what_is_mined_decides_the_end_not_what_was_wanted(
    tx_hash: str, status: int, end: IntentState
) -> None:
    cancelling = after(CancelDue("deadline"), Signed(CANCEL, 7, is_cancel=True), view=BROADCAST)

    view = after(ReceiptSeen(Mined(tx_hash, "0xb9", 9, status)), Finalised(), view=cancelling)

    assert end is view.state


def test_a_reorg_sends_the_newest_bytes_again() -> None:
    step = transition(MINED, ReceiptGone())

    assert (IntentState.BROADCAST, None, (Send(WORK),)) == (step.view.state, step.view.mined, step.effects)


def test_a_nonce_used_by_another_waits_for_finality_and_signs_nothing() -> None:
    used = after(NonceUsed(40), NonceUsed(41), view=BROADCAST)

    assert used.nonce_used_at == 40
    for event in (BumpDue(), ResendDue(), CancelDue("deadline")):
        assert () == transition(used, event).effects
    assert after(NonceFree(), view=used).nonce_used_at is None
    lost = transition(used, NonceUsedFinally())
    assert (IntentState.FINAL_LOST_NONCE, (RaiseAlert(AlertKind.FOREIGN_NONCE),)) == (
        lost.view.state,
        lost.effects,
    )


@pytest.mark.parametrize("state", sorted(set(IntentState) - LIVE_STATES))
@pytest.mark.parametrize(
    "event",
    [
        Signed(BUMP, 7, is_cancel=False),
        SendAnswered(WORK, SendClass.PUBLISHED),
        ReceiptSeen(IN_BLOCK_9),
        ReceiptGone(),
        ResendDue(),
        BumpDue(),
        CancelDue("x"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_happens_to_an_intent_that_has_ended(state: IntentState, event: Event) -> None:
    with pytest.raises(IllegalTransition):
        transition(replace(BROADCAST, state=state), event)


class World(RuleBasedStateMachine):
    """A chain, a pool and foreign users of the key do what they like; the intent must act at most once.

    `on_chain` is the transaction that holds the nonce on the canonical chain now: ours, ``foreign`` or None.
    """

    @initialize()
    def begin(self) -> None:
        self.count = 0
        self.pool: set[str] = set()
        self.told: set[AlertKind] = set()
        self.on_chain: str | None = None
        self.height = 1
        self.view = after(SlotReserved(7))
        self.sign(is_cancel=False)

    def apply(self, event: Event) -> None:
        step = transition(self.view, event)
        self.view = step.view
        for effect in step.effects:
            if isinstance(effect, Send):
                self.pool.add(effect.tx_hash)
            elif isinstance(effect, Sign) and self.count < 12:
                self.sign(is_cancel=effect.is_cancel)
            elif isinstance(effect, RaiseAlert):
                self.told.add(effect.kind)
            elif isinstance(effect, ClearAlert):
                self.told.discard(effect.kind)

    def sign(self, *, is_cancel: bool) -> None:
        self.count += 1
        self.apply(Signed(f"{'c' if is_cancel else 'w'}{self.count}", 7, is_cancel=is_cancel))

    def is_live(self) -> bool:
        return self.view.state in LIVE_STATES

    def is_open(self) -> bool:
        return self.view.state in UNMINED_STATES

    @precondition(is_open)
    @rule(send_class=st.sampled_from(SendClass), which=st.integers(0, 20))
    def a_node_answers(self, send_class: SendClass, which: int) -> None:
        tx_hash = self.view.attempts[which % len(self.view.attempts)].tx_hash
        if tx_hash in self.pool:
            self.apply(SendAnswered(tx_hash, send_class))

    @precondition(is_open)
    @rule(event=st.sampled_from([BumpDue(), ResendDue(), CancelDue("deadline"), FeeCeilingHit("dear")]))
    def time_passes(self, event: Event) -> None:
        self.apply(event)

    @precondition(lambda self: self.on_chain is None and self.is_live())
    @rule(which=st.integers(0, 20), foreign=st.booleans())
    def a_block_takes_the_nonce(self, which: int, foreign: bool) -> None:
        self.height += 1
        self.on_chain = "foreign" if foreign or not self.pool else sorted(self.pool)[which % len(self.pool)]

    @precondition(lambda self: self.is_live())
    @rule()
    def a_reorg_frees_the_nonce(self) -> None:
        self.on_chain = None
        self.height += 1

    @precondition(lambda self: self.is_live())
    @rule()
    def the_lane_looks(self) -> None:
        ours = self.on_chain is not None and self.on_chain != "foreign"
        if ours:
            assert self.on_chain is not None
            self.apply(ReceiptSeen(Mined(self.on_chain, f"b{self.height}", self.height, 1)))
        elif self.view.state is IntentState.MINED:
            self.apply(ReceiptGone())
        elif self.on_chain == "foreign":
            self.apply(NonceUsed(self.height))
        else:
            self.apply(NonceFree())

    @precondition(lambda self: self.is_live())
    @rule()
    def the_chain_becomes_final(self) -> None:
        self.the_lane_looks()
        if self.view.state is IntentState.MINED:
            self.apply(Finalised())
        elif self.view.nonce_used_at is not None:
            self.apply(NonceUsedFinally())

    @precondition(lambda self: self.is_open() and self.on_chain is not None)
    @rule(is_told=st.booleans())
    def a_node_hides_the_receipt_for_long(self, is_told: bool) -> None:
        self.apply(NonceUsed(self.height))
        if is_told and self.on_chain != "foreign":
            self.apply(ReceiptHidden(Use(str(self.on_chain), f"b{self.height}", self.height)))
        else:
            self.apply(ReceiptHidden(None))

    @precondition(is_open)
    @rule()
    def a_restart_forgets_what_the_log_has_not(self) -> None:
        self.view = replace(self.view, nonce_used_at=None, hidden=None)

    @precondition(lambda self: not self.is_live())
    @rule(event=st.sampled_from([BumpDue(), ResendDue(), CancelDue("deadline"), ReceiptGone(), Finalised()]))
    def an_end_is_an_end(self, event: Event) -> None:
        with pytest.raises(IllegalTransition):
            transition(self.view, event)

    @invariant()
    def one_nonce_for_ever(self) -> None:
        assert self.view.nonce == 7

    @invariant()
    def nothing_is_sent_that_was_not_signed(self) -> None:
        assert self.pool <= {attempt.tx_hash for attempt in self.view.attempts}

    @invariant()
    def after_the_first_cancel_only_cancels_are_signed(self) -> None:
        kinds = [attempt.is_cancel for attempt in self.view.attempts]
        assert kinds == sorted(kinds)

    @invariant()
    def the_end_is_what_the_chain_holds(self) -> None:
        if self.is_live():
            return
        assert self.on_chain is not None
        ours = IntentState.FINAL_CANCELLED if self.on_chain.startswith("c") else IntentState.FINAL_OK
        expected = IntentState.FINAL_LOST_NONCE if self.on_chain == "foreign" else ours
        assert expected is self.view.state

    @invariant()
    def a_hidden_receipt_is_told_as_long_as_it_is_hidden(self) -> None:
        assert (AlertKind.HIDDEN_RECEIPT in self.told) == (self.view.blocked is Blocked.RECEIPT)

    @invariant()
    def every_live_state_has_an_exit(self) -> None:
        if not self.is_live():
            return
        newest = Mined(self.view.attempts[-1].tx_hash, "b", self.height, 1)
        assert (
            transition(after(ReceiptSeen(newest), view=self.view), Finalised()).view.state not in LIVE_STATES
        )


TestWorld = World.TestCase
