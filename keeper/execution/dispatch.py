"""Doing what the life cycle asks for: signing replacements and handing bytes over, lowest nonce first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from chains.blocks import Head
from chains.errors import ChainError, NeverSign, SignerUnavailable
from chains.send_errors import SendClass, SendOutcome
from chains.transactions import Signer, sign_transaction
from keeper.execution.events import AlertKind, FeeCeilingHit, Send, SendAnswered, Sign, Signed
from keeper.execution.ports import LaneChain
from keeper.execution.pricing import Pricing, Replacement
from keeper.execution.purse import Purse
from keeper.execution.recorder import Recorder
from keeper.execution.terms import LaneTerms
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, attempt_of
from keeper.state.entries import AttemptSent, AttemptSigned
from keeper.state.errors import LogUnavailable
from keeper.state.fault_points import FaultPoint, fault_point
from keeper.state.log import StateLog

OVER_ONCE_ONE_IS_TAKEN = (AlertKind.UNKNOWN_ANSWER, AlertKind.NODE_FEE_CAP)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """One effect to be done for one intent."""

    tracked: Tracked
    effect: Send | Sign


class Dispatcher:
    """Signs and sends for one lane. Nothing is handed over whose bytes are not in the log."""

    def __init__(
        self,
        terms: LaneTerms,
        chain: LaneChain,
        signer: Signer,
        log: StateLog,
        recorder: Recorder,
        purse: Purse,
        pricing: Pricing,
    ) -> None:
        self._terms = terms
        self._chain = chain
        self._signer = signer
        self._log = log
        self._recorder = recorder
        self._purse = purse
        self._pricing = pricing

    async def run(self, orders: Iterable[Order], head: Head) -> None:
        """Do `orders`, lowest nonce first; what their answers ask for is done once more, the rest waits for a head."""
        follow_ups = await self._round(orders, head)
        if follow_ups:
            await self._round(follow_ups, head)

    async def _round(self, orders: Iterable[Order], head: Head) -> list[Order]:
        sends: list[tuple[Tracked, str]] = []
        for order in sorted(orders, key=lambda order: order.tracked.nonce):
            effects: Sequence[Send | Sign] = (order.effect,)
            if isinstance(order.effect, Sign):
                effects = await self._replace(order.tracked, order.effect, head)
            sends += [(order.tracked, effect.tx_hash) for effect in effects if isinstance(effect, Send)]
        return await self._send_all(sends, head.number)

    async def _replace(self, tracked: Tracked, order: Sign, head: Head) -> Sequence[Send | Sign]:
        """Sign a bump or the cancel at the intent's nonce and log it. Nothing, if a ceiling forbids it."""
        try:
            offer = await self._pricing.replacement(tracked, is_cancel=order.is_cancel, head=head)
        except ChainError as error:
            _log.info("lane_no_fee_quote", chain=self._terms.chain, error=str(error))
            return ()
        if isinstance(offer, str):
            return await self._ceiling(tracked, offer, head.number)
        intent_id = tracked.intent.intent_id
        passed = self._purse.book(intent_id, offer.outlay, is_cancel=order.is_cancel)
        if passed is not None:
            return await self._ceiling(tracked, passed, head.number)
        try:
            return await self._sign(tracked, order, offer, head.number)
        finally:
            self._purse.settle(intent_id)

    async def _sign(
        self, tracked: Tracked, order: Sign, offer: Replacement, block_number: int
    ) -> Sequence[Send | Sign]:
        try:
            signed = await sign_transaction(offer.request, self._signer, self._terms.policy)
        except NeverSign as error:
            return await self._ceiling(tracked, str(error), block_number)
        except SignerUnavailable as error:
            _log.warning("lane_no_signature", chain=self._terms.chain, error=str(error))
            return ()
        attempt = attempt_of(
            signed,
            tracked.intent,
            len(tracked.attempts),
            is_cancel=order.is_cancel,
            l1_fee_wei=offer.l1_fee_wei,
        )
        event = Signed(attempt.tx_hash, attempt.nonce, attempt.is_cancel)
        entry = AttemptSigned(attempt, order.reason)
        effects = await self._recorder.advance(tracked, event, entry, block_number=block_number)
        tracked.add(attempt)
        fault_point(FaultPoint.DURING_CANCEL if order.is_cancel else FaultPoint.BEFORE_BUMP_SEND)
        return effects

    async def _ceiling(self, tracked: Tracked, reason: str, block_number: int) -> Sequence[Send | Sign]:
        return await self._recorder.advance(
            tracked, FeeCeilingHit(reason), block_number=block_number, reason=reason
        )

    async def _send_all(self, sends: Sequence[tuple[Tracked, str]], block_number: int) -> list[Order]:
        """Hand bytes over: the lowest nonce first and alone, then the rest at once, then what came too early."""
        follow_ups: list[Order] = []
        early: list[tuple[Tracked, str]] = []
        for batch in (sends[:1], sends[1:]):
            answers = await together(self._send(*send, block_number) for send in batch)
            for send, (outcome, orders) in zip(batch, answers, strict=True):
                follow_ups += orders
                if outcome.send_class is SendClass.NONCE_GAP:
                    early.append(send)
        for send in early:
            _, orders = await self._send(*send, block_number)
            follow_ups += orders
        return follow_ups

    async def _send(
        self, tracked: Tracked, tx_hash: str, block_number: int
    ) -> tuple[SendOutcome, list[Order]]:
        if not self._log.available:
            raise LogUnavailable("what can not be recorded is not sent")
        attempt = tracked.attempts[tx_hash]
        outcome = await self._chain.send_raw(bytes.fromhex(attempt.raw[2:]))
        fault_point(FaultPoint.DURING_SEND)
        tracked.sent(tx_hash, block_number)
        _log.info(
            "transaction_sent",
            chain=self._terms.chain,
            nonce=tracked.nonce,
            tx_hash=tx_hash,
            send_class=str(outcome.send_class),
        )
        fault_point(FaultPoint.AFTER_ANSWER)
        sent = AttemptSent(
            tracked.intent.intent_id, tx_hash, str(outcome.send_class), outcome.text, block_number
        )
        event = SendAnswered(tx_hash, outcome.send_class)
        reason = None if outcome.send_class is SendClass.PUBLISHED else outcome.text
        effects = await self._recorder.advance(tracked, event, sent, block_number=block_number, reason=reason)
        if outcome.send_class is SendClass.PUBLISHED:
            for kind in OVER_ONCE_ONE_IS_TAKEN:
                await self._recorder.clear(kind)
        return outcome, [Order(tracked, effect) for effect in effects]
