"""What is read of a chain's feeds at one head, and at which block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import encode

from chains.errors import EndpointUnavailable, Reverted
from config.settings import ChainSettings
from config.source_settings import ChainlinkSourceSettings
from config.units import WAD
from keeper.state.log import StateLog
from keeper.watch.chain_watch import ChainWatch
from keeper.watch.feeds import Feeds
from oracles.price import Quote, QuoteFailure
from oracles.sources.sequencer import SequencerState
from tests.keeper.watch.world import NOW_MS, NOW_S, Pool, World, address, log_path

PROXY, AGGREGATOR, UPTIME = address(0xF1), address(0xF2), address(0xF3)
FEED = ChainlinkSourceSettings(
    kind="chainlink", name="eth", pair="ETH/USD", group="chainlink", chain="alpha", address=PROXY
)


def words(*values: int) -> bytes:
    return encode(["int256"] * len(values), values)


class Node:
    """Answers for a proxy, its aggregator and an uptime feed, and fails from the n-th batch on."""

    def __init__(self, batches: int = 99) -> None:
        self.pool = Pool()
        self.asked: list[tuple[str, list[str]]] = []
        self.during: Any = None
        self.uptime = b""
        self._batches = batches

    @property
    def decisive(self) -> Node:
        return self

    async def call_many(self, calls: Sequence[tuple[str, bytes]], block_hash: str) -> list[bytes | Reverted]:
        if len(self.asked) == self._batches:
            raise EndpointUnavailable("down")
        self.asked.append((block_hash, [to for to, _ in calls]))
        if self.during is not None:
            self.during()
        said = {
            (PROXY, "feaf968c"): words(7, 2_000 * 10**8, NOW_S, NOW_S, 7),
            (PROXY, "313ce567"): words(8),
            (PROXY, "245a7bfc"): words(int(AGGREGATOR, 16)),
            (AGGREGATOR, "22adbc78"): words(1),
            (AGGREGATOR, "70da2f67"): words(10**13),
            (UPTIME, "feaf968c"): self.uptime,
        }
        return [said.get((to, data[:4].hex()), Reverted(b"")) for to, data in calls]


class Prices:
    def __init__(self) -> None:
        self.taken: list[Quote | QuoteFailure] = []

    def on_chain_answers(self, answers: Iterable[Quote | QuoteFailure]) -> None:
        self.taken.extend(answers)


class Watched:
    def __init__(self, log: StateLog, node: Node, **chain: Any) -> None:
        self.world = World()
        self.prices = Prices()
        settings = self.world.settings.chains["alpha"]
        with_more = ChainSettings.model_validate(settings.model_dump() | chain)
        self.watch = ChainWatch(
            "alpha",
            settings,
            cast("Any", node),
            self.world.evidence,
            Feeds("alpha", [FEED], with_more),
            cast("Any", self.prices),
            log,
            lambda: NOW_MS,
        )

    async def read(self) -> str:
        its = self.world.mine_unseen("alpha")
        await self.watch._read_at(its)
        return its.hash


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


async def test_a_proxys_aggregator_is_asked_at_the_same_block_and_only_once(log: StateLog) -> None:
    node = Node()
    watched = Watched(log, node)

    first, second = await watched.read(), await watched.read()

    assert [first, first, second] == [block for block, _ in node.asked]
    assert 4 == node.asked[1][1].count(AGGREGATOR)
    assert 0 == node.asked[2][1].count(AGGREGATOR)
    assert [2_000 * WAD] * 2 == [each.value_wad for each in watched.prices.taken if isinstance(each, Quote)]
    assert {"ETH": 2_000 * WAD} == watched.world.evidence.hub_prices["alpha"]


async def test_without_the_second_answer_there_is_no_price_rather_than_an_unbounded_one(
    log: StateLog,
) -> None:
    watched = Watched(log, Node(batches=1))
    await watched.read()
    assert [False] == [isinstance(each, Quote) for each in watched.prices.taken]
    assert {} == watched.world.evidence.hub_prices["alpha"]


async def test_answers_go_to_the_feeds_that_asked_though_others_took_their_place_meanwhile(
    log: StateLog,
) -> None:
    node = Node()
    watched = Watched(log, node)

    def replaced() -> None:
        watched.watch.feeds = Feeds("alpha", [])

    node.during = replaced
    await watched.read()
    assert [True] == [isinstance(each, Quote) for each in watched.prices.taken]


async def test_what_the_uptime_feed_says_is_evidence(log: StateLog) -> None:
    node = Node()
    watched = Watched(log, node, sequencer_feed=UPTIME)
    seen: list[SequencerState] = []
    for answer in (0, 1):
        node.uptime = words(2, answer, NOW_S - 4_000, NOW_S - 4_000, 2)
        await watched.read()
        seen.append(watched.world.evidence.sequencers["alpha"].state)

    assert [SequencerState.UP, SequencerState.DOWN] == seen
    assert [True, False] == [isinstance(each, Quote) for each in watched.prices.taken]
    assert {"ETH": 2_000 * WAD} == watched.world.evidence.hub_prices["alpha"]


async def test_a_chain_without_one_says_nothing_of_it(log: StateLog) -> None:
    watched = Watched(log, Node())
    await watched.read()
    assert {} == watched.world.evidence.sequencers
