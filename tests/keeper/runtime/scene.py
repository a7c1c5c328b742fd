"""A pursuit on a small world: lanes and a quorum that do as told, a clock that is set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from chains.hub.signatures import digest
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.wire import Batch, RefusalReason, Refused
from keeper.domain.intent import Intent
from keeper.execution.intake import Outcome, Submitted
from keeper.runtime.alerts import Alerts
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.engine import Engine
from keeper.runtime.lane_driver import LaneDriver
from keeper.runtime.patience import Patience
from keeper.runtime.pursuit import Pursuit
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from tests.keeper.watch.world import CHAINS, HUBS, KEEPER, NOW_MS, World


@dataclass
class Mined:
    tx_hash: str
    status: int


@dataclass
class View:
    mined: Mined | None


@dataclass
class One:
    intent: Intent
    is_open: bool = True
    view: View = field(default_factory=lambda: View(None))
    attempts: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScriptedLane:
    """Takes what it is given, as told; `lane` is itself."""

    chain: str
    outcome: Outcome = Outcome.SENT
    ready: bool = True
    hold: asyncio.Event | None = None
    live: list[One] = field(default_factory=list)
    taken: list[Intent] = field(default_factory=list)
    got_some: asyncio.Event = field(default_factory=asyncio.Event)
    sender: str = KEEPER
    is_solvent: bool = True
    room: int = 64
    hindrance: str = ""

    @property
    def lane(self) -> ScriptedLane:
        return self

    def is_busy(self, account_id: str, position_key: str, seen_block: int | None = None) -> bool:
        return any(
            (one.intent.account_id, one.intent.position_key) == (account_id, position_key)
            for one in self.live
        )

    async def submit(self, intents: Sequence[Intent]) -> list[Submitted]:
        if self.hold is not None:
            await self.hold.wait()
        self.taken += intents
        self.got_some.set()
        if self.outcome is Outcome.SENT:
            self.live += [One(intent) for intent in intents]
        return [Submitted(intent, self.outcome, "as told") for intent in intents]


@dataclass
class ScriptedQuorum:
    """Signs everything, or refuses everything."""

    short: bool = False
    reason: RefusalReason = RefusalReason.HEALTHY
    asked: list[Batch] = field(default_factory=list)

    async def settle(self, batch: Batch) -> AsyncGenerator[dict[int, Quorum]]:
        self.asked.append(batch)
        found: tuple[bytes, ...] | None = None if self.short else (bytes(65), bytes(65))
        answers = {"anna": Refused(self.reason, "here")} if self.short else {}
        hubs = {chain_id: HUBS[name] for name, chain_id in CHAINS.items()}
        shown = [digest(each.attestation, each.chain_id, hubs[each.chain_id]) for each in batch.proposals]
        yield {at: Quorum("0x" + its.hex(), found, answers) for at, its in enumerate(shown)}


class Scene:
    """A pursuit with an engine, over lanes that do as told."""

    def __init__(self, world: World, log: StateLog, *others: str) -> None:
        """`others` send on every chain too, after the keeper's own."""
        self.world, self.log, self.now_ms = world, log, NOW_MS
        evidence = world.evidence
        self.lanes = {name: ScriptedLane(name) for name in world.nodes}
        self.others = {name: [ScriptedLane(name, sender=other) for other in others] for name in world.nodes}
        self.quorum = ScriptedQuorum()
        clock = lambda: self.now_ms  # noqa: E731 - one line says it
        self.patience = Patience(clock)
        self.alerts = Alerts(world.settings, evidence, log, clock)
        self.pursuit = Pursuit(
            world.settings,
            evidence,
            cast("QuorumClient", self.quorum),
            {
                name: ChainLanes(name, [cast("LaneDriver", each) for each in (lane, *self.others[name])])
                for name, lane in self.lanes.items()
            },
            self.patience,
            self.alerts,
            log,
            clock,
            world.policy_hash,
        )
        self.engine = Engine(
            world.settings, world.policy, evidence, self.pursuit, self.patience, self.alerts, log, clock
        )
        evidence.stable_held |= dict.fromkeys(world.nodes, 10**12)

    async def turn(self) -> None:
        """Evaluate once and let everything that follows happen."""
        await self.engine.evaluate()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0.001)
            if not self.pursuit._under_way and not self.pursuit._waiting:
                return

    def decisions(self) -> int:
        with LogReader(self.log.path) as reader:
            return len(reader.decisions(limit=10_000))
