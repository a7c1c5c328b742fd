"""Does each price source answer now, with something that is a price?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

import aiohttp

from chains.answers import read_data, read_head
from chains.endpoint import Endpoint
from chains.errors import ChainError
from config.settings import Settings
from config.source_settings import OnChainSourceSettings
from keeper.runtime.clock import now_ms
from keeper.views.probes.report import Report, ok, problem, warning
from oracles.price import Quote, QuoteFailure
from oracles.sources.chain import ChainReader
from oracles.sources.deliveries import Deliveries
from oracles.sources.delivery import Delivery
from oracles.sources.http_get import open_session
from oracles.sources.readers import open_reader

LONGEST_WAIT_S = 15.0
"""For a pushed price: a quiet market may have nothing to say for a while."""


async def probe_sources(settings: Settings) -> list[Report]:
    """Ask every source once, all at the same time."""
    on_chain = [source for source in settings.sources if isinstance(source, OnChainSourceSettings)]
    async with open_session() as session:
        read = asyncio.gather(*(_on_chain(settings, source) for source in on_chain))
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


async def _on_chain(settings: Settings, source: OnChainSourceSettings) -> Report:
    reader = open_reader(source)
    node = settings.chains[source.chain].endpoints[0]
    endpoint = Endpoint(node.url, timeout_s=node.timeout_s, attempts=1)
    asked = reader.calls()
    try:
        answer = await _read(reader, endpoint)
        if reader.calls() != asked:
            answer = await _read(reader, endpoint)
    except ChainError as error:
        return warning(_subject(source.name), str(error), "does the node of its chain answer?")
    finally:
        await endpoint.aclose()
    return _judge(source.name, answer)


async def _read(reader: ChainReader, endpoint: Endpoint) -> Quote | QuoteFailure:
    calls = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in reader.calls()]
    head, *answers = await endpoint.batch([("eth_getBlockByNumber", ["latest", False]), *calls])
    block = read_head(reader.chain, head)
    data = [None if isinstance(answer, ChainError) else read_data(answer) for answer in answers]
    return reader.read(data, block.timestamp, now_ms())


def _judge(name: str, answer: Quote | QuoteFailure | None) -> Report:
    if isinstance(answer, Quote):
        return ok(_subject(name), f"answers for {answer.pair}")
    if answer is None:
        text = f"said nothing within {LONGEST_WAIT_S:g} s"
        return warning(_subject(name), text, "is its symbol spelt as its venue's stream spells it?")
    text = f"{answer.kind.value}: {answer.detail}" if answer.detail else answer.kind.value
    return warning(_subject(name), text, "look at its url, symbol, preset, address and decimals")


def _subject(name: str) -> str:
    return f"sources.{name}"
