"""Taking intents in: policy, limits, simulation at the newest head, a nonce, a signature, one durable commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count

from chains.answers import FeeQuote
from chains.blocks import Head
from chains.errors import ChainError, NeverSign, NodeRefused, Reverted, SignerUnavailable
from chains.send_errors import SendClass, classify_send
from chains.transactions import Signer, check_policy, sign_transaction
from keeper.domain.intent import FILL_GAP, Intent, place_of, position_of
from keeper.execution.dispatch import Order
from keeper.execution.events import Send, Signed, SlotReserved
from keeper.execution.lifecycle import IntentView, transition
from keeper.execution.ports import LaneChain
from keeper.execution.pricing import Offer, Pricing
from keeper.execution.purse import Purse
from keeper.execution.terms import LaneTerms
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, attempt_of
from keeper.state.entries import Entry, IntentSigned, IntentSkipped
from keeper.state.errors import NonceTaken, WriteRefused
from keeper.state.fault_points import FaultPoint, fault_point
from keeper.state.log import StateLog


class Outcome(StrEnum):
    """What became of an intent that was offered."""

    SENT = "sent"
    """It is in the log and was handed over; it is live until the lane tells its end."""
    SKIPPED = "skipped"
    """It is in the log with its reason; nothing was signed. It may be offered again."""
    HELD = "held"
    """Nothing was recorded. It may be offered again."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer for one intent."""

    intent: Intent
    outcome: Outcome
    reason: str = ""


@dataclass(slots=True)
class Taken:
    """What an intake led to: answers, new live intents, what is to be sent.

    `too_dear` is which money limit said no, `unpayable_wei` what the signer could not have paid.
    """

    answers: list[Submitted] = field(default_factory=list)
    tracked: list[Tracked] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    too_dear: str | None = None
    unpayable_wei: int | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an intent is skipped (recorded with its class) or, without a class, only held.

    `unpayable_wei` is what the signer would have needed and does not have.
    """

    reason_class: str | None
    reason: str
    unpayable_wei: int | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An intent on its way in: what would be signed for it, or why it is refused."""

    intent: Intent
    offer: Offer | None = None
    refusal: _Refusal | None = None


def held(intent: Intent, reason: str) -> Submitted:
    """Return the answer for an intent that may be offered again."""
    return Submitted(intent, Outcome.HELD, reason)


class Intake:
    """The way into a lane. Takes no nonce before everything that can say no has been asked."""

    def __init__(
        self,
        terms: LaneTerms,
        chain: LaneChain,
        signer: Signer,
        log: StateLog,
        purse: Purse,
        pricing: Pricing,
    ) -> None:
        self._terms = terms
        self._chain = chain
        self._signer = signer
        self._log = log
        self._purse = purse
        self._pricing = pricing

    async def take(
        self, intents: Sequence[Intent], head: Head, live: Sequence[Tracked], next_nonce: int
    ) -> Taken:
        """Check, sign and log `intents` with nonces from `next_nonce` on. Raises `LogUnavailable`, `NonceTaken`."""
        taken = Taken()
        candidates: list[_Candidate] = []
        for intent in intents:
            reason = self._not_now(intent, live, candidates)
            if reason is None:
                candidates.append(_Candidate(self._numbered(intent)))
            else:
                taken.answers.append(held(intent, reason))
        if not candidates:
            return taken
        try:
            quote = await self._pricing.quote()
        except ChainError as error:
            taken.answers += [held(one.intent, f"no fee quote: {error}") for one in candidates]
            return taken
        if self._pricing.is_too_dear(quote):
            reason = f"the base fee of {quote.base_fee_wei} wei leaves no room under max_fee_per_gas_wei"
            taken.answers += [held(one.intent, reason) for one in candidates]
            taken.too_dear = reason
            return taken
        checked = await together(self._check(one.intent, quote, head) for one in candidates)
        for one in checked:
            if one.refusal is not None and one.refusal.reason_class is None:
                taken.answers.append(held(one.intent, one.refusal.reason))
                taken.unpayable_wei = one.refusal.unpayable_wei or taken.unpayable_wei
        recordable = [one for one in checked if one.refusal is None or one.refusal.reason_class is not None]
        within = self._within_limits(recordable)
        passed = [
            one.refusal.reason for one in within if one.refusal and one.refusal.reason_class == "spending"
        ]
        taken.too_dear = passed[0] if passed else None
        try:
            await self._commit(within, next_nonce, taken)
        finally:
            for one in within:
                self._purse.settle(one.intent.intent_id)
        return taken

    def _not_now(self, intent: Intent, live: Sequence[Tracked], before: Sequence[_Candidate]) -> str | None:
        """Return why an intent can not be taken now, by what the lane itself knows."""
        if intent.chain_id != self._terms.chain_id:
            raise ValueError(
                f"an intent for chain {intent.chain_id} was offered to {self._terms.chain_id}'s lane"
            )
        others = [one.intent for one in live] + [one.intent for one in before]
        if any(other.intent_id == intent.intent_id for other in others):
            return "it is live already"
        unmined = [one.intent for one in self._purse.live() if one.view.mined is None]
        unmined += [one.intent for one in before]
        if any(place_of(other) == place_of(intent) for other in unmined):
            return "its position has a live intent"
        # What frees the way for the others must not wait for them.
        is_full = sum(one.is_open for one in live) + len(before) >= self._terms.max_in_flight
        if is_full and intent.action != FILL_GAP:
            return "as many transactions as allowed are in flight"
        return None

    def _numbered(self, intent: Intent) -> Intent:
        """Return the intent, its position told from those of steps before it that are mined and not final."""
        taken = {
            one.intent.position_key
            for one in self._purse.live()
            if one.intent.account_id == intent.account_id
        }
        its = position_of(intent.position_key)
        keys = (its if number == 0 else f"{its}~{number}" for number in count())
        return replace(intent, position_key=next(key for key in keys if key not in taken))

    async def _check(self, intent: Intent, quote: FeeQuote, head: Head) -> _Candidate:
        """Ask the deadline, the profit, the policy and the chain's newest state."""
        offer: Offer | None = None
        if 0 < intent.valid_until_s <= head.timestamp:
            return _refused(intent, "expired", "its deadline has passed")
        try:
            priced = await self._pricing.first(intent, quote, head)
            if isinstance(priced, str):
                return _refused(intent, "profit", priced)
            offer = priced
            check_policy(offer.request(0), self._terms.policy, self._signer.address)
            await self._chain.simulate(offer.request(0), self._signer.address, head.hash)
        except NeverSign as error:
            return _refused(intent, "policy", str(error))
        except Reverted as error:
            return _refused(intent, "simulation", str(error))
        except ChainError as error:
            unpayable_wei = offer.outlay.cost_wei if offer and _says_unpayable(error) else None
            return _refused(intent, None, f"could not be simulated: {error}", unpayable_wei)
        return _Candidate(intent, offer)

    def _within_limits(self, candidates: Sequence[_Candidate]) -> list[_Candidate]:
        """Refuse what would pass a spending limit, counting all before it; in a rehearsal, everything."""
        checked: list[_Candidate] = []
        for one in candidates:
            if one.offer is None:
                checked.append(one)
                continue
            passed = self._purse.book(one.intent.intent_id, one.offer.outlay)
            if passed is not None:
                checked.append(_refused(one.intent, "spending", passed))
            elif self._terms.rehearse:
                checked.append(_refused(one.intent, "rehearsal", "would have been signed and sent"))
            else:
                checked.append(one)
        return checked

    async def _commit(self, candidates: Sequence[_Candidate], next_nonce: int, taken: Taken) -> None:
        """Log all of it in one commit; where the log refuses one of them, one by one."""
        if not candidates:
            return
        rows: list[Entry] = []
        signed: list[Tracked] = []
        unsigned: set[str] = set()
        for one in candidates:
            if one.offer is None:
                rows += _skipped(one)
                continue
            try:
                tracked = await self._sign(one.offer, next_nonce + len(signed))
            except SignerUnavailable as error:
                # its nonce goes to the next one: a signature that comes too late is for bytes nobody will send
                taken.answers.append(held(one.intent, str(error)))
                unsigned.add(one.intent.intent_id)
                continue
            signed.append(tracked)
            rows.append(IntentSigned(one.intent, tracked.newest))
        candidates = [one for one in candidates if one.intent.intent_id not in unsigned]
        if not rows:
            return
        try:
            await self._log.write(*rows)
        except NonceTaken:
            raise
        except WriteRefused as error:
            if len(candidates) == 1:
                taken.answers.append(held(candidates[0].intent, f"the log refuses it: {error}"))
                return
            for one in candidates:
                await self._commit([one], next_nonce + len(taken.tracked), taken)
            return
        taken.answers += [
            Submitted(one.intent, Outcome.SENT)
            if one.refusal is None
            else Submitted(one.intent, Outcome.SKIPPED, one.refusal.reason)
            for one in candidates
        ]
        taken.tracked += signed
        taken.orders += [Order(one, Send(one.newest.tx_hash)) for one in signed]

    async def _sign(self, offer: Offer, nonce: int) -> Tracked:
        fault_point(FaultPoint.AFTER_INTENT)
        view = transition(IntentView(), SlotReserved(nonce)).view
        fault_point(FaultPoint.AFTER_SLOT)
        signed = await sign_transaction(offer.request(nonce), self._signer, self._terms.policy)
        fault_point(FaultPoint.AFTER_SIGN)
        attempt = attempt_of(signed, offer.intent, 0, is_cancel=False, l1_fee_wei=offer.charge.fee_wei)
        view = transition(view, Signed(attempt.tx_hash, nonce, is_cancel=False)).view
        return Tracked(intent=offer.intent, view=view, attempts={attempt.tx_hash: attempt})


def _refused(
    intent: Intent, reason_class: str | None, reason: str, unpayable_wei: int | None = None
) -> _Candidate:
    return _Candidate(intent, None, _Refusal(reason_class, reason, unpayable_wei))


def _skipped(one: _Candidate) -> list[Entry]:
    if one.refusal is None:
        return []
    return [IntentSkipped(one.intent, one.refusal.reason_class or "", one.refusal.reason)]


def _says_unpayable(error: ChainError) -> bool:
    """Whether a node would not even try, because the sender has not the money."""
    return isinstance(error, NodeRefused) and classify_send(str(error)) is SendClass.FUNDS
