"""Following a chain's head: which blocks came, which went, and the hub's events in them.

The truth is what polling reads and parent hashes link together. Blocks near the tip are
taken one by one with their logs by block hash; what lies deeper than finality is read by
ranges. A block is handed on only with everything below it: no range is ever skipped, and
after any failure the same place is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from chains.answers import Emitters, Log, read_hash, read_quantity
from chains.backup_pass import LogPass
from chains.blocks import Block, ChainUpdate, Head
from chains.chain_tail import ChainTail, follows, is_linked
from chains.client import ChainClient
from chains.errors import (
    ChainError,
    ChainMismatch,
    FinalityViolation,
    MalformedAnswer,
    NotYetThere,
    RateLimited,
)
from chains.head_hints import HeadHints
from chains.hub.events import HubEvent
from chains.log_audit import LogAudit
from chains.second_reading import Decode, SecondReading
from config.secrets import SecretUrl

LINKED_BLOCKS = 64
"""A gap up to this (or the finality depth, if larger) is closed block by block."""
RANGE_BLOCKS = 2_000
MIN_GAP_S = 0.05
"""Polls are never closer than this, whatever the hints say."""
MOST_VAIN_HINTS = 5
"""So many hints without a new head, and none is taken until polling finds one: a socket that lies costs no requests."""
MAX_PAUSE_S = 5.0
PATIENCE_POLLS = 3
"""A head that fell back is believed after this many poll intervals: a lagging node looks the same."""
SURVEY_EVERY_S = 30.0
STALL_S = 10.0
SURVEY_UNWELL_S = 1.0
"""How often endpoints are looked at when one of them has gone out: who comes back must agree several times."""
UNWELL_SURVEYS = 30
"""After so many in a row without getting well they are as rare as while the head stands still."""
COMPARED_BELOW = 2
"""So far below the tip endpoints are compared: not all have the very newest block yet."""

_log = structlog.get_logger()


class HeadFollower:
    """Follows one chain and hands every change to `on_update`, in order, one at a time.

    `start` is the block the hub was deployed in, or the heads already applied (oldest first, the
    last is where to go on; the more of the last `finality_depth` are given, the deeper a
    reorganisation that happened meanwhile can be undone). From a block number, the first update is
    the block before it, so that there is a head from the beginning.

    `on_update` is awaited before the next block is read; if it raises, the follower ends with that
    error and nothing was advanced. `decode` reads one log of `address`, the hub and its desk.
    With `finality_tag` what the chain calls finalized may not be undone either. `on_pass` is told of each
    range of final blocks whose logs were read a second time, which is soon once `doubt` is set: somebody else sees
    other amounts. `hint_urls` are WebSockets that may shorten a wait; nothing depends on them. `now_ms` stamps updates.
    """

    def __init__(
        self,
        client: ChainClient,
        *,
        address: Emitters,
        start: int | Sequence[Head],
        decode: Decode,
        on_update: Callable[[ChainUpdate], Awaitable[None]],
        now_ms: Callable[[], int],
        finality_depth: int,
        poll_interval_s: float,
        hint_urls: Sequence[SecretUrl] = (),
        range_blocks: int = RANGE_BLOCKS,
        finality_tag: bool = False,
        on_pass: Callable[[LogPass], Awaitable[None]] | None = None,
        doubt: asyncio.Event | None = None,
    ) -> None:
        self.last_progress_ms = 0
        """When the last update was taken, 0 before the first."""
        self.last_answer_ms = 0
        """When the chain last told its head, 0 before the first time."""
        self._client = client
        self._address = address
        self._anchor = max(start - 1, 0) if isinstance(start, int) else 0
        self._decode = decode
        self._on_update = on_update
        self._now_ms = now_ms
        self._finality_depth = finality_depth
        self._poll_interval_s = poll_interval_s
        self._range_blocks = range_blocks
        self._tail = None if isinstance(start, int) else ChainTail(start, finality_depth)
        self._audit = LogAudit(finality_depth)
        self._has_tag = finality_tag
        self._final: Head | None = None
        self._second = SecondReading(client, address, decode, on_pass)
        self._doubts = doubt or asyncio.Event()
        self._wake = asyncio.Event()
        self._hints = HeadHints(client.name, hint_urls, self._wake.set)
        self._vain_hints = 0
        self._fallen_since_s: float | None = None
        self._failures = 0
        self._handing_on = False

    @property
    def tip(self) -> Head | None:
        """The newest head handed on, or given at the start."""
        return self._tail.tip if self._tail else None

    async def run(self) -> None:
        """Follow until cancelled. Raises `FinalityViolation`, and whatever `on_update` raises; outlasts all else."""
        hints = asyncio.create_task(self._hints.run(), name=f"{self._client.name}-head-hints")
        surveys = asyncio.create_task(self._survey(), name=f"{self._client.name}-survey")
        try:
            while True:
                began_s = asyncio.get_running_loop().time()
                for task in (hints, surveys):
                    if task.done():
                        task.result()
                before = self.tip
                pause_s = await self._poll_or_note()
                if self.tip != before:
                    self._vain_hints = 0
                await self._pause(began_s, pause_s)
        finally:
            for task in (hints, surveys):
                task.cancel()
            await asyncio.gather(hints, surveys, return_exceptions=True)

    async def poll(self) -> None:
        """Look once, and hand on what changed since the last look."""
        head, final = await self._newest()
        seen_ms = self.last_answer_ms = self._now_ms()
        tail = self._tail or await self._begin(seen_ms)
        if head.hash == tail.tip.hash:
            self._fallen_since_s = None
        elif tail.holds(head) or head.number < tail.oldest.number:
            await self._fall_back(tail, head, seen_ms)
        else:
            self._fallen_since_s = None
            if head.number - tail.tip.number > max(LINKED_BLOCKS, self._finality_depth):
                await self._backfill(tail, head.number - self._finality_depth, seen_ms)
            await self._advance(tail, head, seen_ms)
            await self._look_again(tail, seen_ms)
        if self._doubts.is_set():
            await self._look_at_all(tail, seen_ms)
        self._take_final(tail, final)
        await self._second.read(self._final_number(tail))

    async def _newest(self) -> tuple[Head, Head | None]:
        return await self._client.head_and_final() if self._has_tag else (await self._client.head(), None)

    def _take_final(self, tail: ChainTail, final: Head | None) -> None:
        """Believe what the chain calls finalized where it is on the chain that was followed; it only rises."""
        if final is None or (self._final is not None and final.number <= self._final.number):
            return
        if tail.holds(final) or final.number < tail.oldest.number:
            self._final = final
        elif final.number <= tail.tip.number:
            self._client.pool.doubt.set()

    def _final_number(self, tail: ChainTail) -> int:
        return self._final.number if self._final else tail.tip.number - self._finality_depth

    def _check_undo(self, ancestor: Head, head: Head) -> None:
        if self._final is not None and ancestor.number < self._final.number:
            raise FinalityViolation(
                f"{head.chain}: block {self._final.number} {self._final.hash}, which the chain called finalized,"
                f" is not below head {head.number} {head.hash}"
            )

    async def _begin(self, seen_ms: int) -> ChainTail:
        anchor = await self._client.block(self._anchor)
        await self._hand_on((), [Block(anchor, ())], seen_ms, backfill=True)
        self._tail = ChainTail([anchor], self._finality_depth)
        return self._tail

    async def _advance(self, tail: ChainTail, head: Head, seen_ms: int) -> None:
        """Link `head` to the tail, over whatever lies between or has replaced the tail's end."""
        path = await self._path(tail.tip.number + 1, head)
        ancestor = tail.tip
        if not (path and follows(path[0], ancestor)):
            path = await self._path(tail.oldest.number, head)
            shared = [found for found in path if tail.holds(found)]
            if not shared:
                raise FinalityViolation(
                    f"{head.chain}: final block {tail.oldest.number} {tail.oldest.hash} is not below"
                    f" head {head.number} {head.hash}"
                )
            ancestor = shared[-1]
            path = path[len(shared) :]
        if ancestor != tail.tip:
            await self._doubt(path, head)
            self._check_undo(ancestor, head)
        self._second.begin(tail.tip)
        logs = await self._client.logs_by_block([found.hash for found in path], self._address)
        added = [Block(found, self._events(its_logs)) for found, its_logs in zip(path, logs, strict=True)]
        await self._hand_on(tail.after(ancestor), added, seen_ms)
        if ancestor != tail.tip:
            self._audit.undone(ancestor)
            self._second.undone(ancestor)
        tail.move(ancestor, path)
        for found, its_logs in zip(path, logs, strict=True):
            self._audit.delivered(found, its_logs)
            self._second.told(found, its_logs)

    async def _doubt(self, path: Sequence[Head], head: Head) -> None:
        """Before anything is undone, ask all endpoints whether they see it so too: one that lies must not undo.

        Raises `NotYetThere` if the head is not there any more for those that are believed then.
        """
        if self._client.has_several:
            await self._client.survey(path[0].number if path else head.number)
            if (await self._client.block(head.number)).hash != head.hash:
                raise NotYetThere("the endpoints that are believed have another head")

    async def _look_again(self, tail: ChainTail, seen_ms: int) -> None:
        """Read blocks that are about to be final a second time; undo down to one whose logs were incomplete."""
        span = self._audit.due(tail.heads)
        if span is None:
            return
        await self._compare(tail, span, seen_ms)
        self._audit.done(span[1])

    async def _look_at_all(self, tail: ChainTail, seen_ms: int) -> None:
        """As `_look_again`, at every block that may still be undone, and let final ones be read again soon."""
        self._second.hurry(tail.tip.number)
        if tail.oldest.number < tail.tip.number:
            await self._compare(tail, (tail.oldest.number + 1, tail.tip.number), seen_ms)
        self._doubts.clear()

    async def _compare(self, tail: ChainTail, span: tuple[int, int], seen_ms: int) -> None:
        missed = self._audit.first_missed(await self._client.logs_range(*span, self._address))
        if missed is None:
            return
        _log.error("logs_were_omitted", chain=self._client.name, block=missed)
        ancestor = tail.heads[missed - 1 - tail.oldest.number]
        await self._hand_on(tail.after(ancestor), [], seen_ms)
        self._second.undone(ancestor)
        tail.move(ancestor, [])

    async def _path(self, first: int, head: Head) -> list[Head]:
        """Return the blocks from number `first` to `head`, shown to be one chain; none if `head` is lower."""
        if first > head.number:
            return []
        path = [*await self._client.blocks(range(first, head.number)), head]
        if not is_linked(path):
            raise NotYetThere("the chain changed while it was read")
        return path

    async def _backfill(self, tail: ChainTail, border: int, seen_ms: int) -> None:
        """Read everything up to block `border`, which is final, in ranges."""
        while tail.tip.number < border:
            tip, last = tail.tip, min(tail.tip.number + self._range_blocks, border)
            logs = await self._client.logs_range(tip.number + 1, last, self._address)
            by_block: dict[int, list[Log]] = {last: []}
            for log in logs:
                by_block.setdefault(read_quantity(log["blockNumber"]), []).append(log)
            numbers = sorted({tip.number + 1, *by_block})
            found = dict(zip(numbers, await self._client.blocks(numbers), strict=True))
            if not follows(found[tip.number + 1], tip):
                await self._rewind(tail, seen_ms)
                continue
            for number, its_logs in by_block.items():
                if any(read_hash(log["blockHash"]) != found[number].hash for log in its_logs):
                    raise NotYetThere(f"logs and block {number} are of different chains")
            added = [Block(found[number], self._events(by_block[number])) for number in sorted(by_block)]
            await self._hand_on((), added, seen_ms, backfill=True)
            for number, its_logs in by_block.items():
                self._second.told(found[number], its_logs)
            tail.leap(found[last])

    async def _rewind(self, tail: ChainTail, seen_ms: int) -> None:
        """Undo the tail down to what is still on the chain, when the head is too far up to walk down from."""
        now = await self._client.blocks([head.number for head in tail.heads])
        shared = [head for head in now if tail.holds(head)]
        if not is_linked(now):
            raise NotYetThere("the chain changed while it was read")
        if not shared:
            raise FinalityViolation(
                f"{tail.tip.chain}: block {tail.oldest.number} {tail.oldest.hash} is gone"
            )
        removed = tail.after(shared[-1])
        if not removed:
            raise NotYetThere("the chain's blocks contradict each other")
        self._check_undo(shared[-1], tail.tip)
        await self._hand_on(removed, [], seen_ms)
        self._second.undone(shared[-1])
        tail.move(shared[-1], [])

    async def _fall_back(self, tail: ChainTail, head: Head, seen_ms: int) -> None:
        """Believe a lower head once it has stayed: until then the node may only be behind."""
        now_s = asyncio.get_running_loop().time()
        if self._fallen_since_s is None:
            self._fallen_since_s = now_s
        if now_s - self._fallen_since_s < PATIENCE_POLLS * self._poll_interval_s:
            return
        if not tail.holds(head):
            await self._client.survey()
            again = await self._client.head()
            if again.number < tail.oldest.number:
                raise FinalityViolation(
                    f"{head.chain}: the head fell from {tail.tip.number} to {again.number},"
                    f" below final block {tail.oldest.number}"
                )
            return
        self._check_undo(head, head)
        await self._hand_on(tail.after(head), [], seen_ms)
        self._audit.undone(head)
        self._second.undone(head)
        tail.move(head, [])
        self._fallen_since_s = None

    async def _hand_on(
        self, removed: Sequence[Head], added: Sequence[Block], seen_ms: int, *, backfill: bool = False
    ) -> None:
        update = ChainUpdate(self._client.name, tuple(removed), tuple(added), seen_ms, backfill)
        self._handing_on = True
        await self._on_update(update)
        self._handing_on = False
        self.last_progress_ms = self._now_ms()

    def _events(self, logs: Sequence[Log]) -> tuple[HubEvent, ...]:
        try:
            found = [self._decode(log) for log in logs]
        except ValueError as error:
            raise MalformedAnswer(f"a log of the hub can not be read: {error}") from error
        return tuple(event for event in found if event is not None)

    async def _poll_or_note(self) -> float:
        """Poll, and tell an outage once. Returns how long to wait, negative if nothing should shorten it."""
        self._handing_on = False
        try:
            await self.poll()
        except FinalityViolation:
            raise
        except ChainError as failure:
            if self._handing_on:
                raise
            if self._failures == 0:
                _log.warning(
                    "chain_read_failed",
                    chain=self._client.name,
                    error=str(failure),
                    kind=type(failure).__name__,
                )
            self._failures += 1
            asked_s = failure.retry_after_s if isinstance(failure, RateLimited) else 0.0
            backed_off_s = self._poll_interval_s * (1 << min(self._failures - 1, 6))
            return -max(self._poll_interval_s, asked_s, min(backed_off_s, MAX_PAUSE_S))
        if self._failures:
            _log.info("chain_read_recovered", chain=self._client.name, failures=self._failures)
            self._failures = 0
        return self._poll_interval_s

    async def _pause(self, began_s: float, pause_s: float) -> None:
        if pause_s < 0 or self._vain_hints >= MOST_VAIN_HINTS:
            await asyncio.sleep(abs(pause_s))
            self._wake.clear()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
            self._vain_hints += 1
        self._wake.clear()
        await asyncio.sleep(max(0.0, began_s + MIN_GAP_S - asyncio.get_running_loop().time()))

    async def _survey(self) -> None:
        """Look at all endpoints now and then, sooner while the head stands still, someone is out, or in doubt."""
        pool = self._client.pool
        since_s, unwell = 0.0, 0
        while True:
            before = self.tip
            unwell = unwell + 1 if pool.is_unwell else 0
            pause_s = SURVEY_UNWELL_S if 0 < unwell <= UNWELL_SURVEYS else STALL_S
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await pool.doubt.wait()
            since_s += pause_s
            moved = self.tip != before and not pool.is_unwell and not pool.doubt.is_set()
            if moved and since_s < SURVEY_EVERY_S:
                continue
            since_s = 0.0
            with suppress(ChainMismatch):
                await self._client.survey(
                    max(0, self.tip.number - COMPARED_BELOW) if self.tip is not None else None
                )
