"""Does each price source answer now, with something that is a price?"""

from __future__ import annotations

import asyncio

from chains.answers import read_data, read_head
from chains.endpoint import Endpoint
from chains.errors import ChainError
from config.settings import Settings
from config.source_settings import (
    ChainlinkSourceSettings,
    HttpSourceSettings,
    OnChainSourceSettings,
    SourceSettings,
)
from keeper.runtime.clock import now_ms
from keeper.views.probes.report import Report, ok, warning
from oracles.price import Quote, QuoteFailure
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.erc4626 import Erc4626Source
from oracles.sources.http import HttpSource
from oracles.sources.http_get import open_session


async def probe_sources(settings: Settings) -> list[Report]:
    """Ask every source once, all at the same time."""
    async with open_session() as session:

        async def one(source: SourceSettings) -> Report:
            if isinstance(source, HttpSourceSettings):
                return _judge(source.name, await HttpSource(source, session, now_ms).fetch())
            if isinstance(source, OnChainSourceSettings):
                return await _on_chain(settings, source)
            return ok(_subject(source.name), "is only asked by the daemon")

        return list(await asyncio.gather(*(one(source) for source in settings.sources)))


async def _on_chain(settings: Settings, source: OnChainSourceSettings) -> Report:
    reader = ChainlinkSource(source) if isinstance(source, ChainlinkSourceSettings) else Erc4626Source(source)
    node = settings.chains[source.chain].endpoints[0]
    endpoint = Endpoint(node.url, timeout_s=node.timeout_s, attempts=1)
    calls = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in reader.calls()]
    try:
        head, *answers = await endpoint.batch([("eth_getBlockByNumber", ["latest", False]), *calls])
        block = read_head(source.chain, head)
        data = [None if isinstance(answer, ChainError) else read_data(answer) for answer in answers]
    except ChainError as error:
        return warning(_subject(source.name), str(error), "does the node of its chain answer?")
    finally:
        await endpoint.aclose()
    return _judge(source.name, reader.read(data, block.timestamp, now_ms()))


def _judge(name: str, answer: Quote | QuoteFailure) -> Report:
    if isinstance(answer, Quote):
        return ok(_subject(name), f"answers for {answer.pair}")
    text = f"{answer.kind.value}: {answer.detail}" if answer.detail else answer.kind.value
    return warning(_subject(name), text, "look at its url, symbol, preset, address and decimals")


def _subject(name: str) -> str:
    return f"sources.{name}"
