"""Does each source that is read on a chain give a price there now, and is each sequencer up?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chains.answers import read_data, read_head
from chains.blocks import Head
from chains.endpoint import Endpoint
from chains.errors import ChainError
from config.settings import Settings
from config.source_settings import OnChainSourceSettings
from keeper.runtime.clock import now_ms
from keeper.views.probes.answers import judged, subject_of
from keeper.views.probes.report import Report, ok, warning
from oracles.price import Quote, QuoteFailure
from oracles.sources.chain import Call, ChainReader
from oracles.sources.readers import open_reader
from oracles.sources.sequencer import SequencerFeed

_NODE_ADVICE = "does the node of its chain answer?"


async def probe_feeds(settings: Settings) -> list[Report]:
    """Read every source and every uptime feed once, at the newest block of its chain."""
    sources = [source for source in settings.sources if isinstance(source, OnChainSourceSettings)]
    rollups = [name for name, chain in settings.chains.items() if chain.sequencer_feed is not None]
    return list(
        await asyncio.gather(
            *(_source(settings, source) for source in sources), *(_uptime(settings, name) for name in rollups)
        )
    )


async def _source(settings: Settings, source: OnChainSourceSettings) -> Report:
    reader = open_reader(source)
    endpoint = _endpoint(settings, source.chain)
    asked = reader.calls()
    try:
        answer = await _read(reader, endpoint)
        if reader.calls() != asked:
            answer = await _read(reader, endpoint)
    except ChainError as error:
        return warning(subject_of(source.name), str(error), _NODE_ADVICE)
    finally:
        await endpoint.aclose()
    return judged(source.name, answer)


async def _uptime(settings: Settings, chain: str) -> Report:
    subject = f"chains.{chain}.sequencer_feed"
    feed = SequencerFeed(
        settings.chains[chain].sequencer_feed or "", settings.chains[chain].sequencer_grace_s
    )
    endpoint = _endpoint(settings, chain)
    try:
        block, answers = await _answers(endpoint, chain, feed.calls())
    except ChainError as error:
        return warning(subject, str(error), _NODE_ADVICE)
    finally:
        await endpoint.aclose()
    status = feed.read(answers, block.timestamp)
    if status.up:
        return ok(subject, "the sequencer is up")
    return warning(subject, status.reason, "until it is up nothing is begun there; is this the uptime feed?")


async def _read(reader: ChainReader, endpoint: Endpoint) -> Quote | QuoteFailure:
    block, answers = await _answers(endpoint, reader.chain, reader.calls())
    return reader.read(answers, block.timestamp, now_ms())


async def _answers(endpoint: Endpoint, chain: str, calls: Sequence[Call]) -> tuple[Head, list[bytes | None]]:
    """Ask everything at the newest block, and for the block itself."""
    asked = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in calls]
    head, *answers = await endpoint.batch([("eth_getBlockByNumber", ["latest", False]), *asked])
    data = [None if isinstance(answer, ChainError) else read_data(answer) for answer in answers]
    return read_head(chain, head), data


def _endpoint(settings: Settings, chain: str) -> Endpoint:
    node = settings.chains[chain].endpoints[0]
    return Endpoint(node.url, timeout_s=node.timeout_s, attempts=1)
