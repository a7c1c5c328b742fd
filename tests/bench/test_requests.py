"""What watching costs: requests and evaluations, counted at a proxy before every node. Run by `make bench`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest
import pytest_asyncio
import structlog

from chains.client import ChainClient
from chains.devnet.faults.verdicts import Params
from chains.hub.codec import LEGS
from chains.hub.reader import HubReader
from keeper.domain.account import CutPoint
from keeper.margin.critical import CriticalPrices
from oracles.price import Price
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import Crowd, ids, owing
from tests.end_to_end.inside import Inside, observing, running
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.stage import Stage

pytestmark = [
    pytest.mark.chain,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
CHAINS = {"alpha": 31_161, "beta": 31_162, "gamma": 31_163}
EACH = 1_000
CHANGES = 20
ACCOUNTS_A_REQUEST = 500
PLANS = {name: owing(1 + EACH * at, EACH, 500, 0.9) for at, name in enumerate(CHAINS)}
"""One ether each; those that owe most are called while the price falls."""


@pytest.fixture(scope="module", autouse=True)
def _only_figures() -> Iterator[None]:
    """Keep the daemon's log out of the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


def one_opinion(text: str) -> str:
    """One venue is enough for a price, so that one change of it is one change of the price."""
    return steady_prices(text).replace("min_sources = 3\nmin_groups = 3", "min_sources = 1\nmin_groups = 1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    plans = [ChainPlan(name, chain_id, block_time_s=0, pace_s=40) for name, chain_id in CHAINS.items()]
    directory = tmp_path_factory.mktemp("bench")
    async with Stage(directory, *plans, venues=["coinbase"], alone=True, text=one_opinion) as stage:
        began_s = time.perf_counter()
        await asyncio.gather(*(Crowd(stage.chains[name]).open(its) for name, its in PLANS.items()))
        took_s = time.perf_counter() - began_s
        line(f"{EACH:,} accounts on each of {len(CHAINS)} chains, opened in {took_s:.0f} s")
        yield stage


@dataclass
class Counted:
    """What passed the proxies of all chains since `watch`. `polls` only ask for the newest block."""

    requests: Counter[str] = field(default_factory=Counter)
    polls: Counter[str] = field(default_factory=Counter)
    legs: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.requests.total()

    def watch(self, stage: Stage) -> None:
        for name, chain in stage.chains.items():
            chain.proxy.listeners[:] = [self._listener(name)]

    def _listener(self, chain: str) -> Callable[[list[tuple[str, Params]]], None]:
        def hear(calls: list[tuple[str, Params]]) -> None:
            self.requests[chain] += 1
            self.polls[chain] += calls == [("eth_getBlockByNumber", ["latest", False])]
            asks_legs = any(
                method == "eth_call" and params[0]["data"].startswith("0x" + LEGS.hex())
                for method, params in calls
            )
            self.legs[chain] += asks_legs

        return hear


class TimedScan:
    """The engine's scan with a stop-watch."""

    def __init__(self, scan: CriticalPrices) -> None:
        self._scan = scan
        self.ms: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scan, name)

    def candidates(self, prices: Mapping[str, Price], cut: Sequence[CutPoint]) -> list[str]:
        began_s = time.perf_counter()
        found = self._scan.candidates(prices, cut)
        self.ms.append(1_000 * (time.perf_counter() - began_s))
        return found


async def test_a_price_change(stage: Stage) -> None:
    counted = Counted()
    settings = observing(stage.settings, "prices", polls=False)
    async with running(settings, lambda: counted.total) as inside:
        scan = await settled(inside)
        counted.watch(stage)
        before = len(inside.evaluations)
        for change in range(1, CHANGES + 1):
            await moved(stage, inside, f"{2_000 - 4 * change}")
        await inside.quiet()
    found = inside.evaluations[before:]
    decisions = sum(each.decisions for each in found)
    line(
        f"a price change       {counted.total} requests, {len(found) / CHANGES:g} evaluations; {CHANGES} of them: {decisions} decisions"
    )
    line(
        f"an evaluation        {spread([1_000 * each.seconds for each in found])}, of that the scan {spread(scan.ms)}"
    )

    assert 0 == max(each.measured for each in found)
    assert CHANGES == len(found)
    assert 0 < decisions


async def test_a_new_block(stage: Stage) -> None:
    counted = Counted()
    async with running(observing(stage.settings, "blocks", polls=False, poll_interval_s=0.1)) as inside:
        await settled(inside)
        counted.watch(stage)
        before = len(inside.evaluations)
        for block in range(1, CHANGES + 1):
            await stage.chain.mine()
            await inside.when(lambda: len(inside.evaluations) >= before + block, f"block {block}")  # noqa: B023 - at once
        await inside.quiet()
    evaluations = len(inside.evaluations) - before
    its_own = stage.chain.name
    requests = counted.requests[its_own] - counted.polls[its_own]
    others = counted.total - counted.requests[its_own] - (counted.polls.total() - counted.polls[its_own])
    line(
        f"a new block          {requests / CHANGES:g} requests beside polls, {evaluations / CHANGES:g} evaluations"
    )

    assert CHANGES == evaluations
    assert 0 == others


async def test_a_full_reconciliation(stage: Stage) -> None:
    counted = Counted()
    counted.watch(stage)
    async with running(observing(stage.settings, "reconciliation", polls=False)) as inside:
        await settled(inside)
    watched = EACH * len(CHAINS)
    line(
        f"a reconciliation     {counted.legs.total()} requests for {watched:,} accounts on {len(CHAINS)} chains"
    )
    line(f"the whole start      {counted.total} requests")

    assert watched >= ACCOUNTS_A_REQUEST * counted.legs.total()
    assert set(CHAINS) == {chain for chain, times in counted.legs.items() if times}


async def test_beside_the_naive_loop_of_one_call_per_account(stage: Stage) -> None:
    counted, accounts = Counted(), ids(PLANS["alpha"])
    client = ChainClient.from_settings("alpha", stage.settings.chains["alpha"])
    reader = HubReader(client, stage.settings.chains["alpha"].hub)
    await client.connect()
    head = await client.head()
    counted.watch(stage)
    began_s = time.perf_counter()
    one_by_one = [await reader.legs([account], head.hash) for account in accounts]
    naive_s, naive = time.perf_counter() - began_s, counted.total
    began_s = time.perf_counter()
    together = await reader.legs(accounts, head.hash)
    together_s = time.perf_counter() - began_s
    await client.aclose()
    line(
        f"naive, each account  {naive:,} requests, {naive_s:.2f} s for {EACH:,} accounts, with every change of a price"
    )
    line(f"batched              {counted.total - naive:,} requests, {together_s:.2f} s for the same")

    assert [row for (row,) in one_by_one] == together
    assert EACH == naive
    assert EACH >= ACCOUNTS_A_REQUEST * (counted.total - naive)


async def settled(inside: Inside) -> TimedScan:
    """Wait until every account is known, put the stop-watch in, and wait for the start's last changes."""
    watched = EACH * len(CHAINS)
    await inside.when(
        lambda: len(inside.states) == watched and "unknown" not in inside.states.values(),
        "all are known",
        120,
    )
    await inside.quiet()
    assert inside.engine is not None
    timed = TimedScan(inside.engine._scan)
    setattr(inside.engine, "_scan", timed)  # noqa: B010 - it is a stand-in by shape
    return timed


async def moved(stage: Stage, inside: Inside, price: str) -> None:
    """Change the price of ether and wait for the evaluation that sees it."""
    before = mid(inside)
    stage.market.set({"ETH": price})
    await inside.when(lambda: mid(inside) != before, f"ETH at {price} is evaluated")


def mid(inside: Inside) -> int | None:
    price = inside.evidence.prices.prices.get("ETH")
    return price.mid_wad if price is not None else None


def spread(values_ms: Sequence[float]) -> str:
    cuts = quantiles(values_ms, n=20)
    return f"p50 {cuts[9]:.1f} ms, p95 {cuts[18]:.1f} ms"


def line(text: str) -> None:
    print(f"\n{text}", end="", flush=True)
