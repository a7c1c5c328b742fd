"""The whole middle of a keeper in one process over many accounts, from its book to its file, measured step by step.

``python -m tests.bench.one_process ACCOUNTS DIRECTORY`` prints what it measured as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, cast

import structlog

from chains.hub.events import DebtSet
from chains.hub.signatures import digest
from config.units import WAD
from keeper.attest.quorum import Quorum, QuorumClient
from keeper.attest.wire import Batch
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState
from keeper.planner.decide import Assessment
from keeper.runtime.alerts import Alerts
from keeper.runtime.chain_lanes import ChainLanes
from keeper.runtime.engine import Engine
from keeper.runtime.lane_driver import LaneDriver
from keeper.runtime.patience import Patience
from keeper.runtime.pursuit import Pursuit
from keeper.state.log import StateLog
from oracles.price import PriceSet
from tests.bench.four_chains import CHAINS, FRAGILE, HUBS, NAMES, FourChains, price_set
from tests.keeper.runtime.scene import ScriptedLane
from tests.soak.gauges import rss_bytes

QUIET_TIMES = 20
LOUD_TIMES = 3
CHANGED = 50
BEAT_S = 0.005
FALLEN = {"LINK": 9.0}
STEP = 0.001
"""By which part of itself ether falls at each evaluation of a market that wanders."""
APART = {name: {"LINK": (160 + at) * WAD // 10} for at, name in enumerate(NAMES)}
"""What the hubs say of the few accounts' asset while it is held for that."""

KINDS = {
    "everybody": "everybody for the first time",
    "head": "a head without news",
    "price": "a price that moves nobody",
    "wander": f"ether {STEP:.1%} lower each time",
    "held": "an asset is held on all chains (every 5 s)",
    "fall": f"a price at which {FRAGILE} can be liquidated",
    "rise": "that price back again",
    "changed": f"a head in which {CHANGED} changed",
    "after": "the head after it",
}


@dataclass
class Cost:
    """What evaluations of one kind came to: seconds, and counts of the last of them.

    `stall_s` is the longest that anything else in the process had to wait, over all of them; `passes` are the full ones.
    """

    seconds: list[float] = field(default_factory=list)
    stall_s: float = 0.0
    exact: int = 0
    decisions: int = 0
    plans: int = 0
    sent: int = 0
    journal_rows: int = 0
    file_rows: int = 0
    passes: int = 0

    def told(self) -> dict[str, float]:
        """Return the figures, of the seconds their median."""
        return {name: value for name, value in vars(self).items() if name != "seconds"} | {
            "seconds": median(self.seconds),
            "slowest_s": max(self.seconds),
        }


class Signs:
    """A quorum that signs everything."""

    async def settle(self, batch: Batch) -> AsyncGenerator[dict[int, Quorum]]:
        hubs = {chain_id: HUBS[name] for name, chain_id in CHAINS.items()}
        shown = [digest(each.attestation, each.chain_id, hubs[each.chain_id]) for each in batch.proposals]
        yield {at: Quorum("0x" + its.hex(), (bytes(65),) * 2, {}) for at, its in enumerate(shown)}


class Heart:
    """Beats while the loop lets it: the longest time between two beats is how long anything else had to wait."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def beat(self) -> None:
        last_s = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT_S)
            now_s = time.perf_counter()
            self.longest_s = max(self.longest_s, now_s - last_s - BEAT_S)
            last_s = now_s


class OneProcess:
    """An engine with everything around it that needs no node: pursuit over lanes that take all, and the log's file."""

    def __init__(self, chains: FourChains, log: StateLog) -> None:
        self.chains, self.log = chains, log
        clock = lambda: chains.now_ms  # noqa: E731 - one line says it
        self.lanes = {name: ScriptedLane(name, room=10_000) for name in NAMES}
        patience, evidence = Patience(clock), chains.evidence
        alerts = Alerts(chains.settings, evidence, log, clock)
        self.pursuit = Pursuit(
            chains.settings,
            evidence,
            cast("QuorumClient", Signs()),
            {name: ChainLanes(name, [cast("LaneDriver", lane)]) for name, lane in self.lanes.items()},
            patience,
            alerts,
            log,
            clock,
            chains.policy_hash,
        )
        self.engine = Engine(
            chains.settings, chains.policy, evidence, self.pursuit, patience, alerts, log, clock
        )
        self.heart = Heart()
        self.exact = self.plans = 0
        self._prices = 0
        self._owing = {
            name: [each for each, leg in ledger.legs.items() if leg.debt][FRAGILE:]
            for name, ledger in evidence.book._chains.items()
        }
        self._count()

    async def evaluated(self, cost: Cost, change: Callable[[], None]) -> None:
        """Let a change happen and evaluate; add to `cost` what both together came to."""
        self.chains.now_ms += 100
        await self.log.flush()
        before, rows, passes, its = self._counts(), self._rows(), self.engine._scan.passes, cost
        await asyncio.sleep(2 * BEAT_S)
        self.heart.longest_s = 0.0
        began_s = time.perf_counter()
        change()
        await self.engine.evaluate()
        its.seconds.append(time.perf_counter() - began_s)
        await asyncio.sleep(2 * BEAT_S)
        its.stall_s = max(its.stall_s, self.heart.longest_s)
        exact, decisions, plans, journal_rows = (
            after - then for after, then in zip(self._counts(), before, strict=True)
        )
        await self._sent()
        await self.log.flush()
        its.exact, its.decisions, its.plans = exact, decisions, plans
        its.passes += self.engine._scan.passes - passes
        its.journal_rows, its.file_rows = journal_rows, self._rows() - rows
        its.sent = sum(len(lane.taken) for lane in self.lanes.values())
        for lane in self.lanes.values():
            lane.taken.clear()
            lane.live.clear()

    def priced(self, usd: dict[str, float]) -> None:
        """Let prices be these, and the others as they always are."""
        self._prices += 1
        self.chains.evidence.prices = self._price_set(usd)

    def _price_set(self, usd: dict[str, float]) -> PriceSet:
        return price_set(self._prices, usd)

    def head(self, number: int, changed: int = 0) -> None:
        """Let a chain have its next block, in which so many accounts owe a little more."""
        chain, start = NAMES[number % len(NAMES)], number // len(NAMES) * changed
        legs = self.chains.evidence.book._chains[chain].legs
        events = [
            DebtSet(each, legs[each].debt + 10**6, legs[each].version + 1)
            for each in self._owing[chain][start : start + changed]
        ]
        self.chains.take(self.chains.mined(chain, *events))

    async def _sent(self) -> None:
        while self.pursuit._waiting or self.pursuit._under_way:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(BEAT_S)

    def _counts(self) -> tuple[int, int, int, int]:
        return self.exact, self.engine.decisions, self.plans, self.log.head.seq

    def _rows(self) -> int:
        return self.log._writer._store._connection.total_changes

    def _count(self) -> None:
        assess, offer = self.engine._planning.assess, self.pursuit.offer

        def counted(account: Account, previous: AccountState | None, cut: Sequence[CutPoint]) -> Assessment:
            self.exact += 1
            return assess(account, previous, cut)

        def offered(decision: Any) -> None:
            self.plans += 1
            offer(decision)

        self.engine._planning.assess = counted  # type: ignore[method-assign]
        self.pursuit.offer = offered  # type: ignore[method-assign]


def filled(accounts: int) -> tuple[FourChains, dict[str, float]]:
    """Return four chains with so many accounts, and what it took to read them."""
    chains = FourChains.empty()
    bare_bytes, events, taken_s, slowest_s = rss_bytes(), 0, 0.0, 0.0
    for update in chains.back_fill(accounts):
        events += sum(len(block.events) for block in update.added)
        began_s = time.perf_counter()
        chains.take(update)
        its_s = time.perf_counter() - began_s
        taken_s, slowest_s = taken_s + its_s, max(slowest_s, its_s)
    for name in NAMES:
        chains.take(chains.mined(name))
    chains.evidence.reconciled |= set(NAMES)
    gc.collect()
    return chains, {
        "events": events,
        "seconds": taken_s,
        "slowest_update_s": slowest_s,
        "bare_bytes": bare_bytes,
        "bytes": rss_bytes() - bare_bytes,
    }


async def steps(its: OneProcess) -> dict[str, Cost]:
    """Evaluate everybody for the first time, and then what a keeper meets again and again."""
    costs = {name: Cost() for name in KINDS}
    await its.evaluated(costs["everybody"], lambda: None)
    settling = Cost()
    for number in range(3):
        await its.evaluated(settling, lambda: its.head(number))  # noqa: B023 - called here
    for number in range(QUIET_TIMES):
        await its.evaluated(costs["head"], lambda: its.head(number))  # noqa: B023
    for number in range(QUIET_TIMES):
        cents = number % 7 / 100
        await its.evaluated(costs["price"], lambda: its.priced({"ETH": 2_000 + cents}))  # noqa: B023
    for number in range(QUIET_TIMES):
        await its.evaluated(costs["wander"], lambda: its.priced({"ETH": 2_000 * (1 - STEP * number)}))  # noqa: B023
    await its.evaluated(settling, lambda: its.priced({}))
    for _ in range(LOUD_TIMES):
        its.chains.evidence.hub_prices = dict(APART)
        await its.evaluated(costs["held"], lambda: None)
        its.chains.evidence.hub_prices = {}
        await its.evaluated(settling, lambda: None)
    for _ in range(LOUD_TIMES):
        await its.evaluated(costs["fall"], lambda: its.priced(FALLEN))
        await its.evaluated(costs["rise"], lambda: its.priced({}))
    for number in range(QUIET_TIMES):
        await its.evaluated(costs["changed"], lambda: its.head(number, CHANGED))  # noqa: B023
        await its.evaluated(costs["after"], lambda: its.head(number))  # noqa: B023
        for _ in range(2):  # until what was changed is final
            await its.evaluated(settling, lambda: its.head(number))  # noqa: B023
    return costs


async def measure(accounts: int, directory: Path) -> dict[str, Any]:
    """Return all figures of so many accounts."""
    chains, filling = filled(accounts)
    async with StateLog.open(directory / f"{accounts}.db", "live", lambda: chains.now_ms) as log:
        its = OneProcess(chains, log)
        async with asyncio.TaskGroup() as tasks:
            children = [tasks.create_task(its.pursuit.run()), tasks.create_task(its.heart.beat())]
            costs = await steps(its)
            for child in children:
                child.cancel()
        gc.collect()
        settled, dropped, passes = rss_bytes(), log.observations_dropped, its.engine._scan.passes
    return {
        "accounts": accounts,
        "legs": sum(len(account.legs) for account in chains.evidence.book.accounts()),
        "filling": filling,
        "costs": {name: cost.told() for name, cost in costs.items()},
        "settled_bytes": settled,
        "peak_bytes": _peak_bytes(),
        "file_bytes": (directory / f"{accounts}.db").stat().st_size,
        "dropped": dropped,
        "passes": passes,
    }


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmHWM:"))


def main(accounts: int, directory: Path) -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asyncio.run(measure(accounts, directory))))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
