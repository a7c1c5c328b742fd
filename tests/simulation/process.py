"""One life of the keeper in a simulation: engine, pursuit and lanes as the daemon puts them together."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast

from chains.blocks import Block as Seen
from chains.blocks import ChainUpdate
from chains.keys import Key
from config.canonical import digest
from config.settings import Settings
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.wire import Batch, RefusalReason, Refused
from keeper.book.book import Book
from keeper.domain.intent import Intent, IntentState
from keeper.execution.lane import Lane
from keeper.execution.terms import lane_terms
from keeper.margin.parameters import RiskPolicy, policy_hash
from keeper.runtime.alerts import Alerts
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.engine import Engine
from keeper.runtime.lane_driver import LaneDriver
from keeper.runtime.outcomes import note_outcome
from keeper.runtime.patience import Patience
from keeper.runtime.pursuit import Pursuit
from keeper.runtime.supervisor import Supervisor
from keeper.state import fault_points
from keeper.state.entries import ConfigUsed, RunStarted
from keeper.state.live import read_last_prices
from keeper.state.log import ChainIdentity
from keeper.state.observations import HeadSeen, PriceSetSeen
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence, catalogue
from keeper.watch.status import ChainState, ChainStatus
from oracles.estimates.estimates import Estimates
from oracles.guards.guards import Guards
from oracles.price import Quote, QuoteFailure
from oracles.pricing import PriceBook
from tests.keeper.watch.world import LIMITS, hub_facts
from tests.simulation.hub import COOLDOWN_S
from tests.simulation.store import SimulatedLog

if TYPE_CHECKING:
    from tests.simulation.chain import Block
    from tests.simulation.ports import Port

POLL_S = 0.5
SECRET = bytes.fromhex("5e" * 32)


class Killed(BaseException):
    """The process is gone: not even its own handlers run."""


class Process:
    """Begins with what the log and the chains hold, and ends by `kill` or `end`."""

    def __init__(
        self,
        settings: Settings,
        path: Path,
        ports: Mapping[str, Port],
        quorum: Callable[[Batch], AsyncGenerator[dict[int, Quorum]]],
        now_ms: Callable[[], int],
        random: Random,
    ) -> None:
        self.settings, self.ports, self.now_ms, self.random = settings, ports, now_ms, random
        self.dead = False
        identities = [
            ChainIdentity(name, its.chain_id, its.genesis_hash) for name, its in settings.chains.items()
        ]
        self.log = SimulatedLog.start(path, now_ms, identities)
        policy = RiskPolicy.from_settings(settings)
        known_hash = policy_hash(policy)
        limits = replace(LIMITS, cooldown_s=COOLDOWN_S)
        facts = {name: hub_facts(name, known_hash, limits=limits) for name in settings.chains}
        known = catalogue(settings, facts)
        guards = Guards(settings.assets, read_last_prices(path))
        self.prices = PriceBook(settings.assets, settings.sources, guards)
        statuses = {name: ChainStatus(name, ChainState.CONNECTING, "") for name in settings.chains}
        self.evidence = Evidence(known, Book(known), facts, statuses, self.prices.current)
        self.evidence.estimates = Estimates(settings.assets)
        self.evidence.stable_held |= dict.fromkeys(settings.chains, 10**13)
        self.patience = Patience(now_ms)
        self.lanes = {name: self._lane(name) for name in settings.chains}
        alerts = Alerts(settings, self.evidence, self.log, now_ms)
        asked = cast("QuorumClient", _Asked(quorum))
        lanes = {name: ChainLanes(name, [lane]) for name, lane in self.lanes.items()}
        self.pursuit = Pursuit(
            settings, self.evidence, asked, lanes, self.patience, alerts, self.log, now_ms, known_hash
        )
        self.engine = Engine(
            settings,
            policy,
            self.evidence,
            self.pursuit,
            self.patience,
            alerts,
            self.log,
            now_ms,
            lambda: guards,
        )
        self.supervisor = Supervisor(lambda _name, _error: None)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start every child."""
        text = json.dumps(self.settings.model_dump(mode="json"), sort_keys=True)
        await self.log.write(
            ConfigUsed(digest(text), text),
            RunStarted(f"run at {self.now_ms()}", "live", "simulated", 1, digest(text)),
        )
        for name, lane in self.lanes.items():
            self.supervisor.start(f"lane {name}", lane.run)
            self.supervisor.start(f"follow {name}", partial(self._follow, name))
        self.supervisor.start("engine", self.engine.run)
        self.supervisor.start("retries", self.engine.retry)
        self.supervisor.start("pursuit", self.pursuit.run)
        self._running = asyncio.create_task(self.supervisor.wait())

    def hear(self, answers: list[Quote | QuoteFailure]) -> None:
        """Take what price sources said."""
        if self.dead:
            return
        found = self.prices.update(answers, self.now_ms())
        if found is not None:
            self.evidence.prices = found
            self.evidence.changes.announce(Change(ChangeKind.PRICES))
            with contextlib.suppress(
                Killed
            ):  # the process died of it, and whoever told it the prices lives on
                self.log.observe(PriceSetSeen(found))

    def kill(self) -> None:
        """End as SIGKILL does. What is under way is never finished."""
        self.dead = True
        fault_points.clear()
        for port in self.ports.values():
            port.killed = True
        self.log.kill()

    async def end(self) -> None:
        """Let go of the tasks; a living process closes its log in order."""
        if self._running is not None:
            self.supervisor.stop()
            for task in [self._running, *self.supervisor._tasks.values()]:
                task.cancel()
            await asyncio.gather(self._running, *self.supervisor._tasks.values(), return_exceptions=True)
        if not self.dead:
            self.dead = True
            self.log.end()

    def _lane(self, name: str) -> LaneDriver:
        terms = lane_terms(name, self.settings.chains[name], self.settings.spending)
        port = self.ports[name]

        def told(intent: Intent, state: IntentState, reason: str) -> None:
            note_outcome(self.patience, self.lanes[name].lane, intent, state, reason)
            self.evidence.changes.announce(Change(ChangeKind.OUTCOME, name))

        lane = Lane(terms, port, Key(SECRET), self.log, self.now_ms, told)
        return LaneDriver(name, lane, lambda: self.evidence.live(name))

    async def _follow(self, name: str) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * POLL_S)
            if self.dead:
                await asyncio.Event().wait()
            chain, weather = self.ports[name].chain, self.ports[name].weather
            if not weather.silent and self.random.random() >= weather.fails:
                await self._see(name, chain.canonical())
            self._age(name)

    async def _see(self, name: str, canonical: list[Block]) -> None:
        evidence, newest = self.evidence, canonical[-1]
        cursor = evidence.book.cursor(name)
        if cursor is not None and cursor.hash == newest.head.hash:
            return
        chain = self.ports[name].chain
        known = {block.head.hash for block in canonical}
        removed = []
        walked = cursor
        while walked is not None and walked.hash not in known:
            removed.append(walked)
            walked = chain.blocks[walked.parent_hash].head
        first = 1 if walked is None else walked.number + 1
        added = tuple(Seen(block.head, block.events) for block in canonical if block.head.number >= first)
        now_ms = self.now_ms()
        self.evidence.touched |= evidence.book.apply(ChainUpdate(name, tuple(removed), added, now_ms))
        for block in added:
            self.log.observe(HeadSeen(block.head, canonical=True))
        evidence.statuses[name] = evidence.statuses[name].seen(newest.head, now_ms, len(removed))
        evidence.hub_prices[name] = {"ETH": newest.hub.price_wad, "USDC": 10**18}
        evidence.reconciled.add(name)
        self._age(name)
        await self.lanes[name].on_head(newest.head, tuple(head.hash for head in removed))
        evidence.changes.announce(Change(ChangeKind.CHAIN, name))

    def _age(self, name: str) -> None:
        before = self.evidence.statuses[name]
        after = before.aged(self.settings.chains[name], self.now_ms())
        if after.state is not before.state:
            self.evidence.changes.announce(Change(ChangeKind.CHAIN_STATE, name))
        self.evidence.statuses[name] = after


class _Asked:
    """The quorum's client, as pursuit sees it."""

    def __init__(self, settle: Callable[[Batch], AsyncGenerator[dict[int, Quorum]]]) -> None:
        self.settle = settle


def short(batch: Batch, why: str) -> dict[int, Quorum]:
    """Return that nobody signs."""
    return {
        at: Quorum("0x00", None, {"sim": Refused(RefusalReason.UNREACHABLE, why)})
        for at in range(len(batch.proposals))
    }
