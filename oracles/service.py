"""The running price service: sources are asked, answers are gathered, changes are published.

One task per polled source and one that keeps the book, each supervised: an unforeseen
error is logged and the task goes on. Answers meet in a channel with one place per source,
where a newer answer replaces an older one, so that a slow consumer of prices costs
freshness and never memory. The book is touched by one task only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from typing import Protocol

import structlog

from oracles.circuit import Circuit, SourceHealth, pause_s
from oracles.price import PriceSet, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.sources.origin import Origin

JITTER = 0.1
RESTART_PAUSE_S = 1.0

_log = structlog.get_logger()


class PolledSource(Protocol):
    """A source that is asked again and again."""

    @property
    def origin(self) -> Origin:
        """Who answers."""

    @property
    def poll_interval_s(self) -> float:
        """How often to ask while all is well."""

    @property
    def retry_after_s(self) -> float:
        """How long the source asked to be left alone in its last answer."""

    async def fetch(self) -> Quote | QuoteFailure:
        """Ask once. Does not raise for a bad answer."""


class PriceService:
    """Keeps `book` current from `sources` and calls `publish` with every changed price set.

    `publish` is awaited before the next set is made; what arrives meanwhile coalesces. If
    it raises, the set is offered again. `tick_s` is the longest time without a look at the
    clock, so that a quote's age shows although nothing arrives.
    """

    def __init__(
        self,
        book: PriceBook,
        sources: Sequence[PolledSource],
        publish: Callable[[PriceSet], Awaitable[None]],
        now_ms: Callable[[], int],
        *,
        tick_s: float = 1.0,
        random: Random | None = None,
    ) -> None:
        self._book = book
        self._sources = tuple(sources)
        self._publish = publish
        self._now_ms = now_ms
        self._tick_s = tick_s
        self._random = random or Random()  # noqa: S311 - spreads requests, guards nothing
        self._health = {name: SourceHealth(name) for name in book.ages.max_age_ms}
        self._inbox: dict[str, Quote | QuoteFailure] = {}
        self._arrived = asyncio.Event()
        self._unpublished: PriceSet | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start asking. Call once, inside the running loop."""
        steps: dict[str, Callable[[], Awaitable[None]]] = {"price_book": self._keep_book}
        for source in self._sources:
            steps[source.origin.name] = partial(self._poll, source)
        self._tasks = [
            asyncio.create_task(_supervise(name, step), name=f"prices:{name}") for name, step in steps.items()
        ]

    async def close(self) -> None:
        """Stop every task and wait until they have ended. Sessions are their opener's to close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def on_chain_answers(self, answers: Iterable[Quote | QuoteFailure]) -> None:
        """Take what on-chain sources read at a new head, or that a chain has fallen silent.

        Raises ``KeyError`` for a source that is not configured.
        """
        for answer in answers:
            self._take(answer)

    @property
    def current(self) -> PriceSet:
        """The newest prices, including what was too small a change to be published."""
        return self._book.current

    @property
    def health(self) -> Mapping[str, SourceHealth]:
        """How every configured source is doing, by name."""
        return dict(self._health)

    async def _poll(self, source: PolledSource) -> None:
        started_s = asyncio.get_running_loop().time()
        answer = await source.fetch()
        self._take(answer)
        failures = self._health[source.origin.name].consecutive_failures
        pause = pause_s(source.poll_interval_s, failures, source.retry_after_s if failures else 0.0)
        spent_s = asyncio.get_running_loop().time() - started_s
        jitter = self._random.uniform(1 - JITTER, 1 + JITTER)
        await asyncio.sleep(max(pause * jitter - spent_s, source.retry_after_s if failures else 0.0))

    def _take(self, answer: Quote | QuoteFailure) -> None:
        before = self._health[answer.source]
        after = self._health[answer.source] = before.after(answer)
        _log_turn(before, after, answer)
        self._inbox[answer.source] = answer
        self._arrived.set()

    async def _keep_book(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tick_s):
                await self._arrived.wait()
        self._arrived.clear()
        answers, self._inbox = tuple(self._inbox.values()), {}
        self._unpublished = self._book.update(answers, self._now_ms()) or self._unpublished
        if self._unpublished is not None:
            await self._publish(self._unpublished)
            self._unpublished = None


async def _supervise(name: str, step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except Exception:  # noqa: BLE001 - the supervisor: whatever it was, the other sources must not notice
            _log.exception("price_task_failed", task=name)
            await asyncio.sleep(RESTART_PAUSE_S)


def _log_turn(before: SourceHealth, after: SourceHealth, answer: Quote | QuoteFailure) -> None:
    """Log when a source turns, not each time it fails: a dead source is not a log storm."""
    if isinstance(answer, QuoteFailure):
        if before.consecutive_failures == 0:
            _log.info("source_failing", source=answer.source, kind=str(answer.kind), detail=answer.detail)
        elif before.circuit is Circuit.CLOSED and after.circuit is Circuit.OPEN:
            _log.warning(
                "source_circuit_open", source=answer.source, kind=str(answer.kind), detail=answer.detail
            )
    elif before.consecutive_failures:
        _log.info("source_recovered", source=answer.source, failures=before.consecutive_failures)
