from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from random import Random

import pytest

from config.asset_settings import AssetSettings
from config.units import parse_wad
from oracles.circuit import Circuit
from oracles.price import FailureKind, PriceSet, PriceStatus, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.service import PriceService
from oracles.sources.deliveries import Deliveries
from oracles.sources.delivery import Alone, Polling
from oracles.sources.http_get import open_session
from oracles.sources.origin import Origin
from oracles.venues import Fault, Venue, served
from tests.oracles.evidence import MAX_AGE_MS, NOW_MS, http_settings, quote, reason_of, used_by

ONE = AssetSettings(floor_bps=0, widen_bps_per_minute=0, min_sources=1, min_groups=1, max_spread_bps=10_000)


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


class Published:
    """What was published, and a way to wait for it."""

    def __init__(self) -> None:
        self.sets: list[PriceSet] = []
        self._changed = asyncio.Condition()

    async def __call__(self, prices: PriceSet) -> None:
        self.sets.append(prices)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[PriceSet], bool]) -> PriceSet:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: bool(self.sets) and holds(self.sets[-1]))
            return self.sets[-1]


class Script:
    """A polled source that answers from a list, then waits for ever."""

    def __init__(
        self, name: str, *answers: int | FailureKind | Exception, retry_after_s: float = 0.0
    ) -> None:
        self.origin = Origin(name, name, "ETH/USD", 1)
        self.poll_interval_s = 0.001
        self.retry_after_s = retry_after_s
        self.asked = 0
        self.done = asyncio.Event()
        self._answers = list(answers)

    async def fetch(self) -> Quote | QuoteFailure:
        self.asked += 1
        if not self._answers:
            self.done.set()
            await asyncio.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, FailureKind):
            return self.origin.failure(answer, "", NOW_MS)
        return self.origin.quote(answer, NOW_MS, NOW_MS)


@asynccontextmanager
async def running(
    *sources: Script, clock: Clock | None = None, tick_s: float = 0.01, publish: object = None
) -> AsyncIterator[tuple[PriceService, Published]]:
    book = PriceBook({"ETH": ONE}, [http_settings(source.origin.name) for source in sources])
    published = Published()
    service = PriceService(
        book,
        [Polling(Alone(source), Random(1)) for source in sources],
        publish or published,  # type: ignore[arg-type]
        clock or Clock(),
        tick_s=tick_s,
        gather_s=0.0,
    )
    service.start()
    try:
        yield service, published
    finally:
        await service.close()


async def test_a_quote_is_published_and_the_same_again_is_not() -> None:
    source = Script("a", 100, 100, 100)
    async with running(source) as (service, published):
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 100)
        await source.done.wait()
        service.on_chain_answers([quote("a", 101)])
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 101)
        assert [prices.prices["ETH"].mid_wad for prices in published.sets] == [100, 101]
        assert service.current.prices["ETH"].mid_wad == 101


async def test_a_change_is_published_without_waiting_for_the_tick() -> None:
    async with running(Script("a", 100), tick_s=3600) as (_, published):
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 100)


async def test_staleness_shows_without_any_answer() -> None:
    clock = Clock()
    async with running(Script("a", 100), clock=clock) as (_, published):
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 100)
        clock.ms += MAX_AGE_MS + 1
        stale = await published.until(lambda prices: prices.prices["ETH"].status is PriceStatus.UNAVAILABLE)
        assert reason_of(stale.prices["ETH"], "a").startswith("stale")


async def test_an_error_nobody_foresaw_stops_neither_the_source_nor_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oracles.service.RESTART_PAUSE_S", 0.001)
    broken, well = Script("broken", KeyError("bug"), 100), Script("well", 101)
    async with running(broken, well) as (_, published):
        await published.until(lambda prices: used_by(prices.prices["ETH"]) == {"broken", "well"})


async def test_a_set_whose_publishing_failed_is_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oracles.service.RESTART_PAUSE_S", 0.001)
    offered: list[PriceSet] = []
    twice = asyncio.Event()

    async def publish(prices: PriceSet) -> None:
        offered.append(prices)
        if len(offered) == 1:
            message = "the reader was not ready"
            raise RuntimeError(message)
        twice.set()

    async with running(Script("a", 100), publish=publish):
        await asyncio.wait_for(twice.wait(), 10)
    assert offered[0] == offered[1]


async def test_answers_coalesce_while_a_consumer_is_slow() -> None:
    release, entered, twice = asyncio.Event(), asyncio.Event(), asyncio.Event()
    seen: list[int | None] = []

    async def publish(prices: PriceSet) -> None:
        seen.append(prices.prices["ETH"].mid_wad)
        entered.set()
        await release.wait()
        if len(seen) == 2:
            twice.set()

    async with running(Script("a"), tick_s=3600, publish=publish) as (service, _):
        service.on_chain_answers([quote("a", 1)])
        await entered.wait()
        service.on_chain_answers(replace(quote("a", 1), value_wad=value) for value in range(2, 1_000))
        release.set()
        await asyncio.wait_for(twice.wait(), 10)
    assert seen == [1, 999]


async def test_failures_open_the_circuit_and_a_quote_closes_it() -> None:
    source = Script("a", *[FailureKind.UNREACHABLE] * 5)
    async with running(source) as (service, _):
        await source.done.wait()
        failing = service.health["a"]
        service.on_chain_answers([quote("a", 100)])
        recovered = service.health["a"]
    assert (failing.consecutive_failures, failing.circuit) == (5, Circuit.OPEN)
    assert (recovered.consecutive_failures, recovered.circuit) == (0, Circuit.CLOSED)


async def test_a_source_that_asks_to_be_left_alone_is() -> None:
    source = Script("a", FailureKind.RATE_LIMITED, 100, retry_after_s=0.2)
    async with running(source) as (_, published):
        started_s = asyncio.get_running_loop().time()
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 100)
        assert asyncio.get_running_loop().time() - started_s >= 0.2


async def test_on_chain_answers_and_silence_are_taken_like_any_other() -> None:
    async with running(Script("feed")) as (service, published):
        service.on_chain_answers([quote("feed", 100)])
        await published.until(lambda prices: prices.prices["ETH"].mid_wad == 100)
        service.on_chain_answers([QuoteFailure("feed", "feed", "ETH/USD", FailureKind.STALE, "", NOW_MS)])
        await published.until(lambda prices: prices.prices["ETH"].status is PriceStatus.UNAVAILABLE)
        service.on_chain_answers([quote("stranger", 100)])
        assert service.health.keys() == {"feed"}


async def test_after_close_no_task_is_left() -> None:
    source = Script("a")
    async with running(source):
        await source.done.wait()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("prices:")]


async def test_four_venues_through_a_glitch_an_outage_and_a_crash() -> None:
    clock = Clock()
    markets = {"binance": "ETHUSD", "coinbase": "ETH-USD", "okx": "ETH-USD", "bitstamp": "ethusd"}
    venues = {name: Venue(name, clock) for name in markets}
    for name, venue in venues.items():
        venue.set_price(markets[name], "3000")
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        settings = [
            http_settings(
                name,
                url=await stack.enter_async_context(served(venue)),
                preset=name,
                path=None,
                price_path=None,
                symbol=markets[name],
                poll_interval_s=0.02,
                max_requests_per_s=1_000,
            )
            for name, venue in venues.items()
        ]
        published = Published()
        deliveries = tuple(Deliveries(session, clock, Random(1)).of(settings).values())
        service = PriceService(
            PriceBook({"ETH": AssetSettings()}, settings), deliveries, published, clock, tick_s=0.02
        )
        service.start()
        stack.push_async_callback(service.close)
        ok = await published.until(lambda prices: prices.prices["ETH"].status is PriceStatus.OK)
        assert ok.prices["ETH"].mid_wad == parse_wad("3000")

        venues["okx"].glitch = "0.6"
        glitched = await published.until(
            lambda prices: reason_of(prices.prices["ETH"], "okx").startswith("outlier")
        )
        assert glitched.prices["ETH"].mid_wad == parse_wad("3000")
        assert used_by(glitched.prices["ETH"]) == {"binance", "bitstamp", "coinbase"}
        venues["okx"].glitch = "1"
        await published.until(lambda prices: prices.prices["ETH"].status is PriceStatus.OK)

        venues["coinbase"].fault = Fault.DOWN
        clock.ms += MAX_AGE_MS + 1_000
        down = await published.until(
            lambda prices: used_by(prices.prices["ETH"]) == markets.keys() - {"coinbase"}
        )
        assert down.prices["ETH"].mid_wad == parse_wad("3000")
        venues["coinbase"].fault = Fault.NONE

        for name, venue in venues.items():
            venue.set_price(markets[name], "1800")
        crashed = await published.until(
            lambda prices: (
                prices.prices["ETH"].status is PriceStatus.OK
                and prices.prices["ETH"].mid_wad == parse_wad("1800")
            )
        )
        assert crashed.prices["ETH"].high_wad is not None
        assert crashed.prices["ETH"].high_wad < parse_wad("1810")
