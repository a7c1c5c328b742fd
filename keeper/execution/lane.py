"""The lane of one (chain, signer): from intents to mined transactions, one nonce each, through crashes and reorgs.

The lane is driven by heads. It holds nothing that the log does not: after any failure, and at start, it reads
its live intents back and hands the same bytes over again before it takes anything new.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import structlog

from chains.answers import Receipt
from chains.blocks import Head
from chains.errors import ChainError, StopChain
from chains.transactions import Signer
from keeper.domain.intent import Intent, IntentState, place_of
from keeper.execution.data_fees import DataFees
from keeper.execution.dispatch import Dispatcher, Order
from keeper.execution.events import (
    AlertKind,
    BumpDue,
    CancelDue,
    Event,
    ReceiptGone,
    ReceiptSeen,
    ResendDue,
)
from keeper.execution.funding import Funding
from keeper.execution.gaps import Gaps
from keeper.execution.intake import Intake, Submitted, Taken, held
from keeper.execution.lifecycle import Blocked
from keeper.execution.ports import LaneChain
from keeper.execution.pricing import Pricing
from keeper.execution.purse import Purse
from keeper.execution.recorder import Recorder, is_over
from keeper.execution.sight import Sight, Sighting
from keeper.execution.spending import DAY_MS
from keeper.execution.terms import LaneTerms
from keeper.execution.together import together
from keeper.execution.tracked import Tracked, restore, target_of
from keeper.state import entries
from keeper.state.errors import LogRefused, LogUnavailable, NonceTaken
from keeper.state.fault_points import FaultPoint, fault_point
from keeper.state.live import read_lane
from keeper.state.log import StateLog

_log = structlog.get_logger()


def _ignore(intent: Intent, state: IntentState, reason: str) -> None:
    """Tell nobody."""


class Lane:
    """Drives the intents of one signer on one chain. `recover` first; then `on_head` per head, `submit` at will.

    `told` is called after the log has it, when an intent is mined, loses its block, or ends. Lanes of one chain share
    a `purse`. `data_fees` is for chains that charge for data.
    """

    def __init__(
        self,
        terms: LaneTerms,
        chain: LaneChain,
        signer: Signer,
        log: StateLog,
        now_ms: Callable[[], int],
        told: Callable[[Intent, IntentState, str], None] = _ignore,
        *,
        purse: Purse | None = None,
        data_fees: DataFees | None = None,
    ) -> None:
        self._terms = terms
        self._log = log
        self._sender = signer.address
        self._now_ms = now_ms
        self._told = told
        self._purse = purse or Purse(terms.limits, now_ms)
        self._purse.join(signer.address, lambda: self.live)
        self._sight = Sight(chain, signer.address, terms.finality_depth)
        self._recorder = Recorder(terms, signer.address, log)
        pricing = Pricing(terms, chain, signer.address, data_fees)
        self._dispatcher = Dispatcher(terms, chain, signer, log, self._recorder, self._purse, pricing)
        self._intake = Intake(terms, chain, signer, log, self._purse, pricing)
        self._gaps = Gaps(terms, signer.address)
        self._funding = Funding(terms, chain, signer.address, self._recorder)
        self._live: dict[str, Tracked] = {}
        self._next_nonce = 0
        self._head: Head | None = None
        self._halted: str | None = "the lane has not recovered yet"
        self._is_behind_log = True
        self._turn_lock = asyncio.Lock()

    @property
    def sender(self) -> str:
        """The address that sends."""
        return self._sender

    @property
    def is_solvent(self) -> bool:
        """Whether it can pay for its transactions, as far as nodes have said."""
        return self._funding.missing_wei is None and not any(
            one.view.blocked is Blocked.FUNDS for one in self._live.values()
        )

    @property
    def hindrance(self) -> str:
        """Why another signer should be taken instead, if there is one. Empty where nothing speaks against this one."""
        if not self.is_solvent:
            return "it can not pay for its transactions"
        foreign = (AlertKind.FOREIGN_NONCE, AlertKind.FOREIGN_PENDING)
        if any(self._recorder.is_open(kind) for kind in foreign):
            return "its key is used elsewhere"
        if any(one.view.is_used and one.view.hidden is None for one in self._live.values()):
            return "its key may be used elsewhere"
        return ""

    @property
    def live(self) -> tuple[Tracked, ...]:
        """The live intents, lowest nonce first."""
        return tuple(sorted(self._live.values(), key=lambda one: one.nonce))

    @property
    def room(self) -> int:
        """How many more intents may be in flight."""
        return max(0, self._terms.max_in_flight - sum(one.is_open for one in self._live.values()))

    def is_busy(self, account_id: str, position_key: str, seen_block: int | None = None) -> bool:
        """Whether the position has an intent here that may still be mined, or whose block is above `seen_block`.

        What is mined is part of what the next step is planned on: that need not wait until it is final.
        """
        place = account_id, position_key
        its = [one.view.mined for one in self._live.values() if place_of(one.intent) == place]
        return any(
            mined is None or (seen_block is not None and mined.block_number > seen_block) for mined in its
        )

    def halt(self, reason: str) -> None:
        """Send nothing until `recover`: the chain is not one to act on now."""
        self._halted = reason

    async def recover(self, head: Head) -> None:
        """Read the live intents back, look every hash up, and hand the same bytes over again. Then take new ones.

        Raises `ChainError` or `LogUnavailable` if that was not possible; the lane then stays halted.
        """
        async with self._turn():
            await self._reload()
            self._gaps.begin(await self._sight.settled(head))
            self._head = head
            used = await self._sight.nonce(head.hash)
            await self._check_nonces(used)
            sightings = await self._sight.look(self.live, head, used, all_of_them=True)
            orders = await self._settle(sightings, head)
            sent = {order.tracked.intent.intent_id for order in orders}
            for one in self.live:
                if one.is_open and one.intent.intent_id not in sent:
                    orders += await self._advance(one, ResendDue(), head)
            await self._dispatcher.run(orders, head)
            self._halted = None
            _log.info(
                "lane_recovered", chain=self._terms.chain, live=len(self._live), next_nonce=self._next_nonce
            )

    async def submit(self, intents: Sequence[Intent]) -> list[Submitted]:
        """Take intents in order (the first gets the lowest nonce), log them durably, and send them.

        Returns what became of each: sent (its outcome will be told), skipped (recorded with its reason) or held
        (not recorded, may be offered again). Never raises for what the chain or the log does.
        """
        try:
            async with self._turn():
                fault_point(FaultPoint.AFTER_DECISION)
                if self._halted is not None or self._head is None:
                    return [held(intent, self._halted or "no head seen yet") for intent in intents]
                return await self._take(intents, self._head)
        except LogUnavailable as error:
            return [held(intent, f"the state log is unavailable: {error}") for intent in intents]
        except NonceTaken as error:
            return [held(intent, f"the lane was behind its log: {error}") for intent in intents]

    async def on_head(self, head: Head, removed: Collection[str] = ()) -> None:
        """Look at what `head` brought, with the hashes of blocks that are no longer canonical, and keep things moving.

        Never raises for what the chain or the log does: the next head tries again.
        """
        if self._halted is not None:
            return
        try:
            async with self._turn():
                self._head = head
                fault_point(FaultPoint.AFTER_MINED)
                used = await self._used_nonces(head)
                if used is None:
                    return
                await self._check_nonces(used)
                orders = await self._settle(await self._sight.look(self.live, head, used, removed), head)
                orders += await self._due(head, {order.tracked.intent.intent_id for order in orders})
                await self._dispatcher.run(orders, head)
                await self._fill_gap(used, head)
                await self._funding.look_again(head)
        except LogUnavailable as error:
            _log.error("lane_waits_for_the_log", chain=self._terms.chain, error=str(error))

    async def cancel(self, intent_id: str, reason: str) -> bool:
        """Free the intent's nonce with a transfer to self. Return whether there was anything to cancel."""
        async with self._turn():
            one = self._live.get(intent_id)
            if one is None or not one.is_open or self._head is None:
                return False
            orders = await self._advance(one, CancelDue(reason), self._head, reason=reason)
            await self._dispatcher.run(orders, self._head)
            return True

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One at a time; and whoever failed or was cancelled midway leaves the memory to be read back first."""
        async with self._turn_lock:
            try:
                if self._is_behind_log and self._halted is None:
                    await self._reload()
                yield
            except BaseException:
                self._is_behind_log = True
                raise

    async def _reload(self) -> None:
        since_ms = self._now_ms() - DAY_MS
        try:
            record = await asyncio.to_thread(
                read_lane, self._log.path, self._terms.chain_id, self._sender, since_ms
            )
        except LogRefused as error:
            raise LogUnavailable(str(error)) from error
        self._live = {live.intent.intent_id: restore(live) for live in record.live}
        self._purse.load(self._sender, record.costs)
        self._next_nonce = max(self._next_nonce, record.next_nonce or 0)
        self._is_behind_log = False

    async def _used_nonces(self, head: Head) -> int | None:
        """Return the sender's nonce at `head`, or None if this head can not be looked at."""
        try:
            return await self._sight.nonce(head.hash)
        except StopChain as error:
            self.halt(str(error))
        except ChainError as error:
            _log.warning("lane_skips_a_head", chain=self._terms.chain, head=head.number, error=str(error))
        return None

    async def _check_nonces(self, used: int) -> None:
        """Skip nonces that others used. The log knows every one of ours, so these are not."""
        if used > self._next_nonce > 0:
            detail = f"the chain's nonce is {used}, the log expects {self._next_nonce}"
            await self._recorder.alert(AlertKind.FOREIGN_NONCE, f"nonce {self._next_nonce}", detail)
        self._next_nonce = max(self._next_nonce, used)

    async def _fill_gap(self, used: int, head: Head) -> None:
        filler = self._gaps.look(head, used, self.live, self._next_nonce)
        if filler is not None:
            answers = await self._take([filler], head, at_nonce=filler.sequence)
            _log.warning(
                "lane_fills_a_gap", chain=self._terms.chain, nonce=filler.sequence, answers=str(answers)
            )

    async def _take(
        self, intents: Sequence[Intent], head: Head, at_nonce: int | None = None
    ) -> list[Submitted]:
        first_nonce = self._next_nonce if at_nonce is None else at_nonce
        taken = await self._intake.take(intents, head, self.live, first_nonce)
        for one in taken.tracked:
            self._live[one.intent.intent_id] = one
            self._next_nonce = max(self._next_nonce, one.nonce + 1)
        fault_point(FaultPoint.AFTER_COMMIT)
        try:
            await self._dispatcher.run(taken.orders, head)
            await self._say_if_too_dear(taken)
            await self._funding.noticed(taken.unpayable_wei, head)
        except LogUnavailable as error:
            self._is_behind_log = True
            _log.error("lane_waits_for_the_log", chain=self._terms.chain, error=str(error))
        return taken.answers

    async def _say_if_too_dear(self, taken: Taken) -> None:
        if taken.too_dear is not None:
            await self._recorder.alert(AlertKind.FEE_CEILING, "new intents", taken.too_dear)
        elif taken.tracked and not any(one.view.blocked is Blocked.FEE for one in self._live.values()):
            await self._recorder.clear(AlertKind.FEE_CEILING)

    async def _settle(self, sightings: Sequence[Sighting], head: Head) -> list[Order]:
        """Record what was seen on chain, each intent's in order. Return what follows from it."""
        of_each: dict[str, list[Sighting]] = {}
        for sighting in sightings:
            of_each.setdefault(sighting.tracked.intent.intent_id, []).append(sighting)
        found = await together(self._settle_one(its_own, head) for its_own in of_each.values())
        return [order for orders in found for order in orders]

    async def _settle_one(self, sightings: Sequence[Sighting], head: Head) -> list[Order]:
        orders: list[Order] = []
        for sighting in sightings:
            one = sighting.tracked
            rows: list[entries.Entry] = []
            reason = sighting.reason
            before = one.view.mined
            if before is not None and isinstance(sighting.event, (ReceiptGone, ReceiptSeen)):
                rows.append(entries.ReceiptGone(one.intent.intent_id, before.tx_hash, before.block_hash))
            receipt = sighting.receipt
            if receipt is not None:
                rows.append(_receipt_row(one, receipt))
                if not receipt.succeeded:
                    reason = await self._sight.why_reverted(one, receipt)
            is_rollback = isinstance(sighting.event, ReceiptGone)
            fault_point(FaultPoint.DURING_ROLLBACK if is_rollback else FaultPoint.BEFORE_MINED_ROW)
            orders += await self._advance(one, sighting.event, head, *rows, reason=reason)
            if rows and before is not None:
                self._purse.unpaid(before)
            if receipt is not None:
                is_cancel = one.attempts[receipt.tx_hash].is_cancel
                self._purse.paid(self._sender, receipt, "" if is_cancel else target_of(one.intent))
        return orders

    async def _due(self, head: Head, busy: Collection[str]) -> list[Order]:
        """Cancel, bump or resend what needs it. Only the lowest open nonce is bumped, or what can not be mined."""
        orders: list[Order] = []
        is_lowest = True
        for one in self.live:
            if not one.is_open or one.view.is_used:
                continue
            if not is_lowest:
                one.lowest_since_block = None
            elif one.lowest_since_block is None:
                one.lowest_since_block = head.number
            event = None if one.intent.intent_id in busy else self._due_event(one, head, is_lowest=is_lowest)
            is_lowest = False
            if event is not None:
                reason = event.reason if isinstance(event, CancelDue) else None
                orders += await self._advance(one, event, head, reason=reason)
        return orders

    def _due_event(self, one: Tracked, head: Head, *, is_lowest: bool) -> Event | None:
        terms = self._terms
        blocked = one.view.blocked
        waited = (
            one.newest_at_block is not None and head.number - one.newest_at_block >= terms.bump_after_blocks
        )
        unsent = one.last_sent_block is None or head.number - one.last_sent_block >= terms.resend_after_blocks
        under_water = one.newest.max_fee_per_gas_wei < head.base_fee_wei
        may_bump = waited and (is_lowest or under_water) and blocked is not Blocked.FUNDS
        if not one.view.cancelling:
            hopeless = self._hopeless(one, head, may_bump=may_bump)
            if hopeless is not None:
                return CancelDue(hopeless)
        if unsent and (blocked is not None or not may_bump):
            return ResendDue()
        return BumpDue() if may_bump else None

    def _hopeless(self, one: Tracked, head: Head, *, may_bump: bool) -> str | None:
        """Return why the nonce should be freed rather than waited for; None while the call may still be mined."""
        terms = self._terms
        if 0 < one.intent.valid_until_s <= head.timestamp:
            return "its deadline has passed"
        if may_bump and one.bumps >= terms.max_bumps:
            return f"not mined after {one.bumps} bumps"
        if one.lowest_since_block is None or one.view.blocked is Blocked.FUNDS:
            return None
        waited = head.number - one.lowest_since_block
        if one.view.blocked is Blocked.FEE and waited >= 2 * terms.bump_after_blocks:
            return f"it may not offer more: {one.reason}"
        if waited >= terms.give_up_after_blocks:
            return f"not mined within {waited} blocks"
        return None

    async def _advance(
        self, one: Tracked, event: Event, head: Head, *rows: entries.Entry, reason: str | None = None
    ) -> list[Order]:
        before = one.view.state
        effects = await self._recorder.advance(one, event, *rows, block_number=head.number, reason=reason)
        after = one.view.state
        if is_over(after):
            self._live.pop(one.intent.intent_id, None)
        if after is not before and (is_over(after) or IntentState.MINED in {before, after}):
            self._told(one.intent, after, one.reason)
        return [Order(one, effect) for effect in effects]


def _receipt_row(one: Tracked, receipt: Receipt) -> entries.ReceiptSeen:
    return entries.ReceiptSeen(
        intent_id=one.intent.intent_id,
        tx_hash=receipt.tx_hash,
        block_hash=receipt.block_hash,
        block_number=receipt.block_number,
        status=int(receipt.succeeded),
        gas_used=receipt.gas_used,
        gas_price_wei=receipt.effective_gas_price_wei,
        cost_wei=receipt.cost_wei,
    )
