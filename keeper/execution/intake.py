"""Taking intents in: policy, limits, simulation at the newest head, a nonce, a signature, one durable commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chains.answers import FeeQuote
from chains.blocks import Head
from chains.errors import ChainError, NeverSign, Reverted, SignerUnavailable
from chains.transactions import Fees, Signer, check_policy, sign_transaction
from keeper.domain.intent import Intent
from keeper.execution.dispatch import Dispatcher, Order
from keeper.execution.events import Send, Signed, SlotReserved
from keeper.execution.fees import first_offer
from keeper.execution.lifecycle import IntentView, transition
from keeper.execution.ports import LaneChain
from keeper.execution.spending import worst_case_wei
from keeper.execution.terms import LaneTerms
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, attempt_of, request_of
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
    """What an intake led to: answers, new live intents, what is to be sent, and which money limit said no."""

    answers: list[Submitted] = field(default_factory=list)
    tracked: list[Tracked] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    too_dear: str | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an intent is skipped (recorded with its class) or, without a class, only held."""

    reason_class: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    intent: Intent
    refusal: _Refusal | None = None


def held(intent: Intent, reason: str) -> Submitted:
    """Return the answer for an intent that may be offered again."""
    return Submitted(intent, Outcome.HELD, reason)


class Intake:
    """The way into a lane. Takes no nonce before everything that can say no has been asked."""

    def __init__(
        self, terms: LaneTerms, chain: LaneChain, signer: Signer, log: StateLog, dispatcher: Dispatcher
    ) -> None:
        self._terms = terms
        self._chain = chain
        self._signer = signer
        self._log = log
        self._dispatcher = dispatcher

    async def take(
        self, intents: Sequence[Intent], head: Head, live: Sequence[Tracked], next_nonce: int
    ) -> Taken:
        """Check, sign and log `intents` with nonces from `next_nonce` on. Raises `LogUnavailable`, `NonceTaken`."""
        taken = Taken()
        candidates: list[_Candidate] = []
        for intent in intents:
            reason = self._not_now(intent, live, candidates)
            if reason is None:
                candidates.append(_Candidate(intent))
            else:
                taken.answers.append(held(intent, reason))
        if not candidates:
            return taken
        try:
            quote = await self._chain.fees()
        except ChainError as error:
            taken.answers += [held(one.intent, f"no fee quote: {error}") for one in candidates]
            return taken
        fees = self._offer(quote)
        if fees is None:
            reason = f"the base fee of {quote.base_fee_wei} wei leaves no room under max_fee_per_gas_wei"
            taken.answers += [held(one.intent, reason) for one in candidates]
            taken.too_dear = reason
            return taken
        checked = await together(self._check(one.intent, fees, head) for one in candidates)
        for one in checked:
            if one.refusal is not None and one.refusal.reason_class is None:
                taken.answers.append(held(one.intent, one.refusal.reason))
        recordable = [one for one in checked if one.refusal is None or one.refusal.reason_class is not None]
        within = self._within_limits(recordable, fees, live)
        passed = [
            one.refusal.reason for one in within if one.refusal and one.refusal.reason_class == "spending"
        ]
        taken.too_dear = passed[0] if passed else None
        await self._commit(within, fees, next_nonce, taken)
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
        position = (intent.account_id, intent.position_key)
        if any((other.account_id, other.position_key) == position for other in others):
            return "its position has a live intent"
        if sum(one.is_open for one in live) + len(before) >= self._terms.max_in_flight:
            return "as many transactions as allowed are in flight"
        return None

    def _offer(self, quote: FeeQuote) -> Fees | None:
        return first_offer(quote, self._terms.policy.max_fee_per_gas_wei)

    async def _check(self, intent: Intent, fees: Fees, head: Head) -> _Candidate:
        """Ask the policy, the deadline and the chain's newest state."""
        request = request_of(intent, 0, fees)
        if 0 < intent.valid_until_s <= head.timestamp:
            return _Candidate(intent, _Refusal("expired", "its deadline has passed"))
        try:
            check_policy(request, self._terms.policy, self._signer.address)
            await self._chain.simulate(request, self._signer.address, head.hash)
        except NeverSign as error:
            return _Candidate(intent, _Refusal("policy", str(error)))
        except Reverted as error:
            return _Candidate(intent, _Refusal("simulation", str(error)))
        except ChainError as error:
            return _Candidate(intent, _Refusal(None, f"could not be simulated: {error}"))
        return _Candidate(intent)

    def _within_limits(
        self, candidates: Sequence[_Candidate], fees: Fees, live: Sequence[Tracked]
    ) -> list[_Candidate]:
        """Refuse what would pass a spending limit, counting all before it; in a rehearsal, everything."""
        checked: list[_Candidate] = []
        more_wei = 0
        for one in candidates:
            if one.refusal is not None:
                checked.append(one)
                continue
            request = request_of(one.intent, 0, fees)
            passed = self._dispatcher.over_limit(request, live, more_wei=more_wei)
            if passed is not None:
                checked.append(_Candidate(one.intent, _Refusal("spending", passed)))
                continue
            more_wei += worst_case_wei(fees.cap_wei, request.gas_limit)
            if self._terms.rehearse:
                checked.append(
                    _Candidate(one.intent, _Refusal("rehearsal", "would have been signed and sent"))
                )
            else:
                checked.append(one)
        return checked

    async def _commit(
        self, candidates: Sequence[_Candidate], fees: Fees, next_nonce: int, taken: Taken
    ) -> None:
        """Log all of it in one commit; where the log refuses one of them, one by one."""
        if not candidates:
            return
        rows: list[Entry] = []
        signed: list[Tracked] = []
        unsigned: set[str] = set()
        for one in candidates:
            if one.refusal is not None:
                reason_class = one.refusal.reason_class or ""
                rows.append(IntentSkipped(one.intent, reason_class, one.refusal.reason))
                continue
            try:
                tracked = await self._sign(one.intent, fees, next_nonce + len(signed))
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
                await self._commit([one], fees, next_nonce + len(taken.tracked), taken)
            return
        taken.answers += [
            Submitted(one.intent, Outcome.SENT)
            if one.refusal is None
            else Submitted(one.intent, Outcome.SKIPPED, one.refusal.reason)
            for one in candidates
        ]
        taken.tracked += signed
        taken.orders += [Order(one, Send(one.newest.tx_hash)) for one in signed]

    async def _sign(self, intent: Intent, fees: Fees, nonce: int) -> Tracked:
        fault_point(FaultPoint.AFTER_INTENT)
        view = transition(IntentView(), SlotReserved(nonce)).view
        fault_point(FaultPoint.AFTER_SLOT)
        signed = await sign_transaction(request_of(intent, nonce, fees), self._signer, self._terms.policy)
        fault_point(FaultPoint.AFTER_SIGN)
        attempt = attempt_of(signed, intent, 0, is_cancel=False)
        view = transition(view, Signed(attempt.tx_hash, nonce, is_cancel=False)).view
        return Tracked(intent=intent, view=view, attempts={attempt.tx_hash: attempt})
