"""All chains and all prices together: what keeper and attestor both stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import aiohttp
import structlog

from chains.client import ChainClient
from chains.errors import ChainError, StopChain
from chains.hub.reader import HubFacts, HubReader
from config.settings import Settings
from keeper.book.book import Book
from keeper.state.live import read_last_prices
from keeper.state.log import StateLog
from keeper.state.observations import PriceSetSeen, SourceSeen
from keeper.watch.chain_watch import ChainWatch
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence, catalogue
from keeper.watch.feeds import Feeds
from keeper.watch.metrics import exposition
from keeper.watch.status import ChainState, ChainStatus
from oracles.estimates.estimates import Estimates
from oracles.guards.guards import Guards
from oracles.price import PriceSet
from oracles.pricing import PriceBook
from oracles.service import PriceService
from oracles.sources.deliveries import Deliveries, Group
from oracles.sources.delivery import Delivery
from oracles.sources.http_get import open_session

CONNECT_PAUSE_S = 0.5
AGE_CHECK_S = 0.25
REPORT_S = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Prepared:
    """Another configuration, checked and put together, but not in force. `unchanged` are the sources that stay."""

    settings: Settings
    guards: Guards
    book: PriceBook
    deliveries: dict[Group, Delivery]
    feeds: dict[str, Feeds]
    unchanged: frozenset[str]


class Watcher:
    """Connects, then feeds `evidence`. `children` are what a supervisor keeps running."""

    def __init__(
        self,
        settings: Settings,
        evidence: Evidence,
        clients: dict[str, ChainClient],
        chains: dict[str, ChainWatch],
        prices: PriceService,
        session: aiohttp.ClientSession,
        now_ms: Callable[[], int],
        guards: Guards,
        state_log: StateLog,
        makes: Deliveries,
        deliveries: dict[Group, Delivery],
    ) -> None:
        self.settings = settings
        self.guards = guards
        self.evidence = evidence
        self.clients = clients
        self.chains = chains
        self._prices = prices
        self._session = session
        self._log = state_log
        self._makes = makes
        self._deliveries = deliveries
        self._now_ms = now_ms

    @classmethod
    async def connect(
        cls,
        settings: Settings,
        state_log: StateLog,
        now_ms: Callable[[], int],
        signers: Mapping[str, Sequence[str]],
    ) -> Watcher:
        """Reach every chain, read its hub's listing, and put the book and the prices together.

        Waits for chains that do not answer, as long as it takes: without them no account is known.
        Raises `StopChain` for a chain that is another one, ``ValueError`` where hub and settings differ.
        `signers` maps chain to the addresses whose balances are watched.
        """
        clients = {name: ChainClient.from_settings(name, chain) for name, chain in settings.chains.items()}
        session = open_session()
        makes = Deliveries(session, now_ms, Random())  # noqa: S311 - spreads requests, guards nothing
        reads = [
            asyncio.ensure_future(_facts(clients[name], chain.hub, tuple(settings.option_markets)))
            for name, chain in settings.chains.items()
        ]
        try:
            deliveries = makes.of(settings.sources)
            listed = await asyncio.gather(*reads)
            facts = dict(zip(settings.chains, listed, strict=True))
            known = catalogue(settings, facts)
        except BaseException:
            for read in reads:  # one that goes on would open its connections again
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
            await session.close()
            await asyncio.gather(*(client.aclose() for client in clients.values()))
            raise
        last_known_wad = await asyncio.to_thread(read_last_prices, state_log.path)
        guards = Guards(settings.assets, last_known_wad)
        price_book = PriceBook(settings.assets, settings.sources, guards)
        statuses = {name: ChainStatus(name, ChainState.CONNECTING, "no head seen yet") for name in clients}
        evidence = Evidence(known, Book(known), facts, statuses, price_book.current)
        evidence.estimates = Estimates(settings.assets)
        evidence.sources = settings.sources

        async def publish(prices: PriceSet) -> None:
            evidence.prices = prices
            evidence.estimates.observe(prices)
            state_log.observe(PriceSetSeen(prices))
            evidence.changes.announce(Change(ChangeKind.PRICES))

        prices = PriceService(price_book, tuple(deliveries.values()), publish, now_ms)
        chains = {
            name: ChainWatch(
                name,
                chain,
                clients[name],
                evidence,
                Feeds(name, settings.sources, chain),
                prices,
                state_log,
                now_ms,
                signers.get(name, ()),
            )
            for name, chain in settings.chains.items()
        }
        return cls(
            settings, evidence, clients, chains, prices, session, now_ms, guards, state_log, makes, deliveries
        )

    def start(self) -> None:
        """Start asking the price sources (they supervise themselves)."""
        self._prices.start()

    def prepare(self, settings: Settings) -> Prepared:
        """Put another configuration of sources and prices together, without effect. Raises ``ValueError``."""
        guards = self.guards.reloaded(settings.assets)
        book = PriceBook(settings.assets, settings.sources, guards)
        feeds = {name: Feeds(name, settings.sources, chain) for name, chain in settings.chains.items()}
        before = {source.name: source for source in self.settings.sources}
        unchanged = frozenset(each.name for each in settings.sources if before.get(each.name) == each)
        deliveries = self._makes.of(settings.sources, self._deliveries)
        return Prepared(settings, guards, book, deliveries, feeds, unchanged)

    async def adopt(self, prepared: Prepared) -> None:
        """Put what was prepared into force, in one step; sources that stay are not disturbed by it."""
        prepared.book.carry_over(self._prices.book, prepared.unchanged, self._now_ms())
        self.settings, self.guards, self._deliveries = prepared.settings, prepared.guards, prepared.deliveries
        for name, chain in self.chains.items():
            chain.feeds = prepared.feeds[name]
        self.evidence.sources = prepared.settings.sources
        self.evidence.prices = prepared.book.current
        self.evidence.estimates = self.evidence.estimates.reloaded(prepared.settings.assets)
        await self._prices.replace(prepared.book, tuple(prepared.deliveries.values()), prepared.unchanged)

    def release_asset(self, asset: str) -> None:
        """End what the guards of an asset hold, as a person ordered."""
        for guard in self.guards.reset(asset, self._now_ms()):
            log.warning("hold_ended_by_order", asset=asset, guard=guard)

    async def check_ages(self) -> None:
        """Let every chain's state follow its age, for ever: silence makes no event of its own."""
        while True:
            await asyncio.sleep(AGE_CHECK_S)
            for chain in self.chains.values():
                chain.check_age(self._now_ms())

    def tell_metrics(self) -> str:
        """Return the metrics of sources and prices as of now."""
        return exposition(self._prices.health, self._prices.meters, self.evidence.prices, self._now_ms())

    async def report_sources(self) -> None:
        """Tell the log how each source is doing, for ever, every `REPORT_S` if anything happened."""
        told: dict[str, tuple[int, int]] = {}
        while True:
            await asyncio.sleep(REPORT_S)
            health, meters = self._prices.health, self._prices.meters
            for name, its in health.items():
                done = (meters[name].quotes, sum(meters[name].failures.values()))
                if told.get(name) != done:
                    told[name] = done
                    self._log.observe(SourceSeen.of(its, meters[name]))

    async def close(self) -> None:
        """Close every connection. The supervisor's children must have ended."""
        await self._prices.close()
        await self._session.close()
        await asyncio.gather(*(client.aclose() for client in self.clients.values()))


async def _facts(client: ChainClient, hub: str, option_markets: tuple[str, ...]) -> HubFacts:
    told = False
    while True:
        try:
            await client.connect()
            head = await client.head()
            return await HubReader(client, hub).facts(head.hash, option_markets)
        except StopChain:
            raise
        except ChainError as error:
            if not told:
                log.warning("chain_not_reached", chain=client.name, error=str(error))
                told = True
            await asyncio.sleep(CONNECT_PAUSE_S)
