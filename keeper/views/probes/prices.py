"""Does each price source answer now, with something that is a price?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import aiohttp

from config.settings import Settings
from keeper.runtime.clock import now_ms
from keeper.views.probes.answers import judged, subject_of
from keeper.views.probes.feeds import probe_feeds
from keeper.views.probes.report import Report, problem, warning
from oracles.price import Quote, QuoteFailure
from oracles.sources.deliveries import Deliveries
from oracles.sources.delivery import Delivery
from oracles.sources.http_get import open_session

LONGEST_WAIT_S = 15.0
"""For a pushed price: a quiet market may have nothing to say for a while."""


async def probe_sources(settings: Settings) -> list[Report]:
    """Ask every source once, all at the same time."""
    async with open_session() as session:
        read = asyncio.create_task(probe_feeds(settings))
        return [*await _off_chain(settings, session), *await read]


async def _off_chain(settings: Settings, session: aiohttp.ClientSession) -> list[Report]:
    try:
        deliveries = Deliveries(session, now_ms, Random()).of(settings.sources)  # noqa: S311 - guards nothing
    except ValueError as error:
        return [problem("sources", str(error), "mend this: the daemon would not start")]
    heard = await asyncio.gather(*(_listen(delivery) for delivery in deliveries.values()))
    return [report for reports in heard for report in reports]


async def _listen(delivery: Delivery) -> list[Report]:
    """Let a delivery work until each of its sources has said something."""
    answers: dict[str, Quote | QuoteFailure] = {}
    complete = asyncio.Event()

    def take(said: Sequence[Quote | QuoteFailure], _took_ms: int | None = None) -> None:
        for answer in said:
            answers.setdefault(answer.source, answer)
        if len(answers) == len(delivery.origins):
            complete.set()

    working = asyncio.create_task(delivery.step(take))
    try:
        async with asyncio.timeout(LONGEST_WAIT_S):
            await complete.wait()
    except TimeoutError:
        pass
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await delivery.aclose()
    return [_judge(origin.name, answers.get(origin.name)) for origin in delivery.origins]


def _judge(name: str, answer: Quote | QuoteFailure | None) -> Report:
    if answer is not None:
        return judged(name, answer)
    text = f"said nothing within {LONGEST_WAIT_S:g} s"
    return warning(subject_of(name), text, "is its symbol spelt as its venue's stream spells it?")
