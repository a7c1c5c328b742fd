"""The running price service: sources deliver, answers are gathered, changes are published.

One task per delivery (a polled source, or a connection that pushes for several) and one that
keeps the book, each supervised: an unforeseen error is logged and the task goes on. Answers
meet in a channel with one place per source, where a newer answer replaces an older one, so
that a slow consumer of prices costs freshness and never memory. The book is touched by
one task only. Sources, book and all may be exchanged while it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from oracles.circuit import SourceHealth
from oracles.meter import Meter
from oracles.price import PriceSet, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.sources.delivery import Delivery
from oracles.turns import CIRCUIT_OPEN, Line, Turns

RESTART_PAUSE_S = 1.0
GATHER_S = 0.02
"""How long a first change waits for others to come along: many venues speak in the same moment."""

log = structlog.get_logger()


class PriceService:
    """Keeps `book` current from `deliveries` and calls `publish` with every changed price set.

    `publish` is awaited before the next set is made; what arrives meanwhile coalesces. If
    it raises, the set is offered again. `tick_s` is the longest time without a look at the
    clock, so that a quote's age shows although nothing arrives.
    """

    def __init__(
        self,
        book: PriceBook,
        deliveries: Sequence[Delivery],
        publish: Callable[[PriceSet], Awaitable[None]],
        now_ms: Callable[[], int],
        *,
        tick_s: float = 1.0,
        gather_s: float = GATHER_S,
    ) -> None:
        self._book = book
        self._deliveries = tuple(deliveries)
        self._publish = publish
        self._now_ms = now_ms
        self._tick_s = tick_s
        self._gather_s = gather_s
        self._health = {name: SourceHealth(name) for name in book.ages.max_age_ms}
        self._meters = {name: Meter() for name in book.ages.max_age_ms}
        self._turns = {name: Turns() for name in book.ages.max_age_ms}
        self._inbox: dict[str, Quote | QuoteFailure] = {}
        self._arrived = asyncio.Event()
        self._unpublished: PriceSet | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start every delivery. Call once, inside the running loop."""
        self._keeping = asyncio.create_task(_supervise("price_book", self._keep_book), name="prices:book")
        self._begin(self._deliveries)

    async def close(self) -> None:
        """Stop every task and wait until they have ended. The session is its opener's to close."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._end(self._deliveries)

    async def replace(
        self, book: PriceBook, deliveries: Sequence[Delivery], unchanged: Collection[str]
    ) -> None:
        """Go on with another book and other deliveries; those that are in both lists are not disturbed.

        The exchange itself is one step, between two price sets. `unchanged` are the sources whose past still counts.
        """
        leaving = [each for each in self._deliveries if each not in deliveries]
        coming = [each for each in deliveries if each not in self._deliveries]
        self._book, self._deliveries = book, tuple(deliveries)
        names = book.ages.max_age_ms
        self._health = {
            name: self._health[name] if name in unchanged else SourceHealth(name) for name in names
        }
        self._meters = {name: self._meters[name] if name in unchanged else Meter() for name in names}
        self._turns = {name: self._turns.get(name) or Turns() for name in names}
        self._inbox = {name: answer for name, answer in self._inbox.items() if name in unchanged}
        self._unpublished = book.update((), self._now_ms()) or book.current
        self._arrived.set()
        if self._keeping is not None:
            self._begin(coming)
        await self._end(leaving)

    def on_chain_answers(self, answers: Iterable[Quote | QuoteFailure]) -> None:
        """Take what on-chain sources read at a new head, or that a chain has fallen silent.

        An answer of a source that is no longer configured is passed over: its chain may have been read just then.
        """
        for answer in answers:
            self._take(answer)

    @property
    def book(self) -> PriceBook:
        """The book in force. Only what replaces it may look into it."""
        return self._book

    @property
    def current(self) -> PriceSet:
        """The newest prices, including what was too small a change to be published."""
        return self._book.current

    @property
    def health(self) -> Mapping[str, SourceHealth]:
        """How every configured source is doing, by name."""
        return dict(self._health)

    @property
    def meters(self) -> Mapping[str, Meter]:
        """What every configured source has done, by name."""
        return dict(self._meters)

    def _begin(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            name = delivery.origins[0].name
            step = partial(delivery.step, self._take_all)
            self._tasks[id(delivery)] = asyncio.create_task(_supervise(name, step), name=f"prices:{name}")

    async def _end(self, deliveries: Iterable[Delivery]) -> None:
        ended = list(deliveries)
        tasks = [self._tasks.pop(id(delivery)) for delivery in ended if id(delivery) in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for delivery in ended:
            await delivery.aclose()

    def _take_all(self, answers: Sequence[Quote | QuoteFailure], took_ms: int | None = None) -> None:
        for answer in answers:
            self._take(answer, took_ms)

    def _take(self, answer: Quote | QuoteFailure, took_ms: int | None = None) -> None:
        before = self._health.get(answer.source)
        if before is None:
            return
        after = self._health[answer.source] = before.after(answer)
        self._meters[answer.source].note(answer, took_ms)
        line = self._turns[answer.source].line(before, after, answer, self._now_ms())
        if line is not None:
            _log(line)
        self._inbox[answer.source] = answer
        self._arrived.set()

    async def _keep_book(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tick_s):
                await self._arrived.wait()
                await asyncio.sleep(self._gather_s)
        self._arrived.clear()
        answers, self._inbox = tuple(self._inbox.values()), {}
        self._unpublished = self._book.update(answers, self._now_ms()) or self._unpublished
        offered = self._unpublished
        if offered is not None:
            await self._publish(offered)
            if self._unpublished is offered:
                self._unpublished = None


async def _supervise(name: str, step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except Exception:
            # the supervisor: whatever it was, the other sources must not notice
            log.exception("price_task_failed", task=name)
            await asyncio.sleep(RESTART_PAUSE_S)


def _log(line: Line) -> None:
    answer = line.answer
    more = {"unsaid": line.unsaid} if line.unsaid else {}
    if isinstance(answer, Quote):
        log.info(line.event, source=answer.source, failures=line.failures, **more)
    else:
        tell = log.warning if line.event == CIRCUIT_OPEN else log.info
        tell(line.event, source=answer.source, kind=str(answer.kind), detail=answer.detail, **more)
