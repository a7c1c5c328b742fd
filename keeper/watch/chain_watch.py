"""Watching one chain: its head, its hub's events into the book, its feeds, and whether it is alive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from chains.backup_pass import LogPass
from chains.blocks import ChainUpdate, Head
from chains.client import ChainClient
from chains.errors import ChainError, FinalityViolation, Reverted
from chains.heads import HeadFollower
from chains.hub.codec import decode, selector
from chains.hub.desk import DeskReader
from chains.hub.reader import HubReader, balance_call
from config.settings import ChainSettings, Finality
from keeper.book.errors import BookError, OutOfStep
from keeper.state.chain_entries import ChainStopped, LogsMissed
from keeper.state.entries import Entry
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.observations import ChainStatusSeen, HeadSeen, LogPassSeen
from keeper.watch import chain_alerts
from keeper.watch.chain_states import Observed
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.endpoints import EndpointTeller
from keeper.watch.evidence import Evidence
from keeper.watch.feeds import FeedReading, Feeds
from keeper.watch.late_events import LateEvents, account_of
from keeper.watch.rows import LegReader
from keeper.watch.status import ChainState, ChainStatus
from oracles.service import PriceService
from oracles.sources.chain import Call

SETTLE_PAUSE_S = 0.1
WRITE_AGAIN_S = 0.25
RESUMED = "resumed by a person: restart the daemon, so that the chain is read anew"

_VOLATILE = tuple(selector(f"{name}()") for name in ("pool_cash", "epoch", "paused", "policy_hash"))

log = structlog.get_logger()

HeadListener = Callable[[Head, tuple[str, ...]], Awaitable[None]]
"""Told of each new head once it is in the book, with the hashes it removed."""


class ChainWatch:
    """One chain's watcher. `follow` and `settle` are long-lived children of a supervisor."""

    def __init__(
        self,
        name: str,
        settings: ChainSettings,
        client: ChainClient,
        evidence: Evidence,
        feeds: Feeds,
        prices: PriceService,
        state_log: StateLog,
        now_ms: Callable[[], int],
        signers: Sequence[str] = (),
    ) -> None:
        self.name = name
        # Legs are read before something is signed, or to mend the book: neither rests on one endpoint's word.
        many = client.decisive
        desk = DeskReader(many, settings.option_desk) if settings.option_desk is not None else None
        self.reader = LegReader(HubReader(many, settings.hub), desk)
        self.listeners: list[HeadListener] = []
        self._settings = settings
        self._client = client
        self._evidence = evidence
        self.feeds = feeds
        self._prices = prices
        self._log = state_log
        self._now_ms = now_ms
        self._signers = tuple(signers)
        self._book_stands = asyncio.Lock()
        self._caught_up = False
        self._has_ended = False
        self._unsettled = asyncio.Event()
        self._unsettled.set()
        self._missed: set[str] = set()
        self._late = LateEvents()
        self._endpoints = EndpointTeller(name, state_log)
        self._applied: deque[Head] = deque(maxlen=settings.finality_depth + 1)

    async def follow(self) -> None:
        """Follow the chain's head until cancelled; a chain that must be stopped is, and stays, stopped."""
        try:
            await HeadFollower(
                self._client,
                address=self._emitters,
                start=list(self._applied) or self._settings.hub_deployed_block,
                decode=decode,
                on_update=self._on_update,
                now_ms=self._now_ms,
                finality_depth=self._settings.finality_depth,
                poll_interval_s=self._settings.poll_interval_s,
                finality_tag=self._settings.finality is Finality.TAG,
                on_pass=self._on_pass,
                doubt=self._evidence.doubts[self.name],
                hint_urls=[each.ws_url for each in self._settings.endpoints if each.ws_url is not None],
            ).run()
        except FinalityViolation as error:
            await self._break(error)
            await asyncio.Event().wait()
        except BookError as error:
            await self._stop(error, ChainState.STOPPED)
            await asyncio.Event().wait()

    async def settle(self) -> None:
        """Reconcile the book with the hub once it has caught up, and whenever something turns out to have been missed."""
        while True:
            await self._unsettled.wait()
            await asyncio.sleep(SETTLE_PAUSE_S)
            try:
                await self._reconcile()
            except ChainError as error:
                log.info("reconcile_waits", chain=self.name, error=str(error))
            except OutOfStep:
                continue

    def check_age(self, now_ms: int) -> None:
        """Let the chain's state follow its head's age and what else speaks against it, and announce a change."""
        self._endpoints.tell(self._client.pool, now_ms)
        self._note_unagreed()
        if not self._judge(now_ms):
            return
        self._observe(self._status)
        if not self._status.moves:
            self._prices.on_chain_answers(self.feeds.silent(now_ms))
        self._evidence.changes.announce(Change(ChangeKind.CHAIN_STATE, self.name))

    def _judge(self, now_ms: int) -> bool:
        """Bring the chain's state up to date. Returns whether it is another one."""
        before = self._status
        after = before.aged(self._settings, now_ms, self._against())
        self._evidence.statuses[self.name] = after
        if after.state is before.state:
            return False
        log.info("chain_state", chain=self.name, state=after.state, before=before.state, reason=after.reason)
        return True

    def _against(self) -> Observed:
        """Return what speaks against the chain, beside its head's age."""
        pool = self._client.pool
        violated = self._evidence.stops.get(self.name, "")
        return Observed(
            None,
            stopped=RESUMED if self._has_ended and not violated else "",
            violated=violated,
            mismatched=pool.mismatched,
            disputed=pool.disputed,
            has_sequencer=self._settings.sequencer_feed is not None,
            sequencer=self._evidence.sequencers.get(self.name),
        )

    def _note_unagreed(self) -> None:
        """Tell of decisive reads that too few endpoints agreed on, and when they do again."""
        why = self._client.pool.not_agreed
        if why == self._evidence.unagreed.get(self.name, ""):
            return
        if why:
            self._evidence.unagreed[self.name] = why
        else:
            self._evidence.unagreed.pop(self.name)
        log.warning("not_agreed" if why else "agreed_again", chain=self.name, reason=why)
        self._evidence.changes.announce(Change(ChangeKind.CHAIN_STATE, self.name))

    @property
    def _emitters(self) -> str | tuple[str, ...]:
        """The contracts whose logs make the book: the hub and, where it has one, its option desk."""
        desk = self._settings.option_desk
        return self._settings.hub if desk is None else (self._settings.hub, desk)

    @property
    def _status(self) -> ChainStatus:
        return self._evidence.statuses[self.name]

    @property
    def _hub_feeds(self) -> frozenset[str]:
        """The feeds that the hub itself reads."""
        facts = self._evidence.facts[self.name]
        return frozenset({token.feed for token in facts.tokens} | {market.feed for market in facts.markets})

    async def _on_pass(self, found: LogPass) -> None:
        """Take what a second reading of final blocks found: the progress and what was missed in one transaction."""
        if not found.missed:
            self._log.observe(LogPassSeen(self.name, found.first, found.last, found.logs))
            return
        places = tuple(each.place for each in found.missed)
        await self._written(
            LogsMissed(self.name, found.first, found.last, places), chain_alerts.logs_missed(found)
        )
        self._log.observe(LogPassSeen(self.name, found.first, found.last, found.logs))
        self._late.take(found.missed)
        self._missed |= {account_of(each.event) for each in found.missed} - {""}
        self._unsettled.set()

    async def _on_update(self, update: ChainUpdate) -> None:
        update = self._late.within(update)
        async with self._book_stands:
            self._evidence.touched |= self._evidence.book.apply(update)
        # An update that is no back-fill reaches the newest block there was when it was read.
        self._caught_up |= bool(update.added) and not update.backfill
        for _ in update.removed:
            self._applied.pop()
        self._applied.extend(block.head for block in update.added)
        head = self._applied[-1] if self._applied else self._evidence.book.cursor(self.name)
        if head is None:
            return
        self._take_head(head, update)
        # The lane first: it must know what was undone before anybody plans on it, and its own reads take time.
        for listener in self.listeners:
            await listener(head, tuple(removed.hash for removed in update.removed))
        if update.backfill:
            return  # more comes at once: an outage of any length is one change
        try:
            await self._read_at(head)
        finally:
            # Once per head, with all that was read at it: one change is one evaluation.
            self._evidence.changes.announce(Change(ChangeKind.CHAIN, self.name))

    def _take_head(self, head: Head, update: ChainUpdate) -> None:
        # Blocks that are filled in are old because they are long past: the age of such a head says nothing of now.
        if not update.backfill:
            self._evidence.statuses[self.name] = self._status.seen(
                head, update.received_at_ms, len(update.removed)
            )
            self._judge(self._now_ms())
        self._log.observe(
            *(HeadSeen(removed, canonical=False) for removed in update.removed),
            *(HeadSeen(block.head, canonical=True) for block in update.added),
        )
        self._observe(self._status)

    async def _read_at(self, head: Head) -> None:
        """Read what moves without a log (feeds, rates, the hub's cash, our own balance) in one batch."""
        own = [(self._settings.hub, call) for call in _VOLATILE]
        own += [balance_call(self._settings.tokens[0].address, signer) for signer in self._signers]
        feeds = self.feeds  # they may be replaced while the chain is asked
        asked = feeds.calls()
        try:
            answers = await self._client.call_many([*own, *asked], head.hash)
        except ChainError as error:
            log.info("reads_at_head_failed", chain=self.name, error=str(error))
            return
        found = [None if isinstance(answer, Reverted) else answer for answer in answers]
        self._take_own(found[: len(own)])
        self._take_feeds(await self._settled(feeds, found[len(own) :], asked, head))

    async def _settled(
        self, feeds: Feeds, found: list[bytes | None], asked: list[Call], head: Head
    ) -> FeedReading:
        """Return what the feeds say; a proxy that points elsewhere now has its new aggregator asked at once."""
        reading = feeds.read(found, head.timestamp, self._now_ms(), self._hub_feeds)
        calls = feeds.calls()
        if calls == asked:
            return reading
        try:
            answers = await self._client.call_many(calls, head.hash)
        except ChainError as error:
            log.info("reads_at_head_failed", chain=self.name, error=str(error))
            return reading
        found = [None if isinstance(answer, Reverted) else answer for answer in answers]
        return feeds.read(found, head.timestamp, self._now_ms(), self._hub_feeds)

    def _take_feeds(self, reading: FeedReading) -> None:
        self._prices.on_chain_answers(reading.quotes)
        self._evidence.hub_prices[self.name] = reading.hub_prices
        sequencer, before = reading.sequencer, self._evidence.sequencers.get(self.name)
        if sequencer is not None:
            if before is None or sequencer.state is not before.state:
                log.info("sequencer", chain=self.name, state=sequencer.state, reason=sequencer.reason)
            self._evidence.sequencers[self.name] = sequencer
            if self._judge(self._now_ms()):
                self._observe(self._status)

    def _take_own(self, answers: list[bytes | None]) -> None:
        words = [int.from_bytes(answer) if answer and len(answer) == 32 else None for answer in answers]
        pool_cash, epoch, paused, policy, *held = words
        if pool_cash is None or epoch is None or paused is None or policy is None:
            log.warning("hub_did_not_answer", chain=self.name)
            return
        self._evidence.facts[self.name] = replace(
            self._evidence.facts[self.name],
            pool_cash=pool_cash,
            epoch=epoch,
            paused=bool(paused),
            policy_hash="0x" + policy.to_bytes(32).hex(),
        )
        for signer, balance in zip(self._signers, held, strict=True):
            if balance is not None:
                self._evidence.stable_by_sender[self.name, signer] = balance
        if held and held[0] is not None:
            self._evidence.stable_held[self.name] = held[0]

    async def _reconcile(self) -> None:
        """Compare every account of the book with one batched read at the book's own block.

        A difference means that events were missed or misread: the hub's answer is adopted, and it
        is said, because it should never happen.
        """
        async with self._book_stands:
            # Held while the hub is read: a fast chain's next block would come before the answer, every time.
            head = self._evidence.book.cursor(self.name)
            if head is None or not await self._has_caught_up(head):
                return
            ids = list(
                dict.fromkeys(
                    [
                        *(account.account_id for account in self._evidence.book.accounts()),
                        *sorted(self._missed),
                    ]
                )
            )
            rows = await self.reader.rows(ids, head.hash)
            found = self._evidence.book.reconcile(self.name, head.hash, rows)
            if found:
                # Told before it is mended: a difference that was mended is not found again.
                await self._log.write(chain_alerts.book_differs(self.name, found))
                self._evidence.touched |= self._evidence.book.adopt(self.name, head.hash, rows)
            self._missed.clear()
            self._unsettled.clear()
        self._evidence.reconciled.add(self.name)
        log.info("reconciled", chain=self.name, block=head.number, accounts=len(ids), differences=len(found))
        self._evidence.changes.announce(Change(ChangeKind.CHAIN, self.name))

    async def _has_caught_up(self, head: Head) -> bool:
        """Whether the book was ever at the chain's newest block. Before, accounts may have legs that it has not met."""
        if not self._caught_up:
            self._caught_up = (await self._client.head()).hash == head.hash
        return self._caught_up

    async def _break(self, error: FinalityViolation) -> None:
        """Stop the chain for good: what was final is gone, and the log holds it until a person resumes."""
        self._evidence.stops[self.name] = str(error)
        await self._stop(error, ChainState.FINALITY_VIOLATED, ChainStopped(self.name, str(error)))
        self._evidence.stops[self.name] = str(error)  # whatever was read back meanwhile

    async def _stop(self, error: Exception, state: ChainState, *entries: Entry) -> None:
        self._has_ended = True
        log.error("chain_stopped", chain=self.name, error=str(error))
        self._evidence.statuses[self.name] = replace(
            self._status, state=state, reason=str(error), since_ms=self._now_ms()
        )
        self._observe(self._status)
        self._evidence.changes.announce(Change(ChangeKind.CHAIN_STATE, self.name))
        await self._written(*entries, chain_alerts.chain_stopped(self.name, state, str(error)))

    async def _written(self, *entries: Entry) -> None:
        """Write entries, however long the log can not be written: nothing is sent here meanwhile."""
        while True:
            try:
                await self._log.write(*entries)
            except LogUnavailable:
                await asyncio.sleep(WRITE_AGAIN_S)
            else:
                return

    def _observe(self, status: ChainStatus) -> None:
        head = status.head
        if head is not None and status.received_at_ms is not None:
            self._log.observe(
                ChainStatusSeen(
                    self.name,
                    str(status.state),
                    status.reason,
                    head.number,
                    head.hash,
                    head.timestamp,
                    status.received_at_ms,
                    status.since_ms,
                )
            )
