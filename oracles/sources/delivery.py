"""How answers come from sources to the price service: whoever delivers does so by itself, step by step.

A delivery stands for one source or for several that share a request or a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Protocol

from oracles.circuit import pause_s
from oracles.price import Quote, QuoteFailure
from oracles.sources.origin import Origin

JITTER = 0.1


class Take(Protocol):
    """What answers are handed to: at once, and without waiting."""

    def __call__(self, answers: Sequence[Quote | QuoteFailure], took_ms: int | None = None, /) -> None:
        """Take answers, which took so long to come since they were asked for, if they were."""


class Delivery(Protocol):
    """What a price service runs."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Whose answers it brings."""

    async def step(self, take: Take) -> None:
        """Do one more part of the work for ever: hand over what came of it, and pause.

        Does not raise for anything that a far side does.
        """

    async def aclose(self) -> None:
        """Give back what it opened itself."""


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


class PolledBatch(Protocol):
    """Several sources that one question answers."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Who answers."""

    @property
    def poll_interval_s(self) -> float:
        """How often to ask while all is well."""

    @property
    def retry_after_s(self) -> float:
        """How long the other side asked to be left alone in its last answer."""

    async def fetch(self) -> Sequence[Quote | QuoteFailure]:
        """Ask once; one answer for each of `origins`. Does not raise for a bad answer."""

    async def aclose(self) -> None:
        """Give back what it opened itself."""


class Alone:
    """A batch of one."""

    def __init__(self, source: PolledSource) -> None:
        self.origins = (source.origin,)
        self._source = source

    @property
    def poll_interval_s(self) -> float:
        """The source's own."""
        return self._source.poll_interval_s

    @property
    def retry_after_s(self) -> float:
        """The source's own."""
        return self._source.retry_after_s

    async def fetch(self) -> tuple[Quote | QuoteFailure]:
        """Ask the source."""
        return (await self._source.fetch(),)

    async def aclose(self) -> None:
        """A single source has opened nothing."""


class Polling:
    """Asks a batch again and again, more rarely while none of its sources gives a quote, with some jitter."""

    def __init__(self, batch: PolledBatch, random: Random) -> None:
        self.origins = batch.origins
        self._batch = batch
        self._random = random
        self._failures = 0

    async def step(self, take: Take) -> None:
        """Ask once, hand over the answers, and wait until the next time."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        answers = await self._batch.fetch()
        spent_s = loop.time() - started_s
        take(answers, round(spent_s * 1_000))
        lost = all(isinstance(answer, QuoteFailure) for answer in answers)
        self._failures = self._failures + 1 if lost else 0
        asked_for_s = self._batch.retry_after_s if self._failures else 0.0
        pause = pause_s(self._batch.poll_interval_s, self._failures, asked_for_s)
        jitter = self._random.uniform(1 - JITTER, 1 + JITTER)
        await asyncio.sleep(max(pause * jitter - spent_s, asked_for_s))

    async def aclose(self) -> None:
        """Close the batch."""
        await self._batch.aclose()
