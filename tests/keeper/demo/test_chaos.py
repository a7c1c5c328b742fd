"""The demo's bad days: a seed decides which faults come in which order, and they end when they are told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from chains.devnet.deploy import Deployment
from chains.devnet.faults import schedule
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.schedule import MILD, Schedule
from keeper.demo.chaos import Chaos
from keeper.demo.configure import LocalChain


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "PAUSES_S", (0.0, 0.001))
    monkeypatch.setattr(schedule, "LASTS_S", (0.0, 0.001))


@pytest.fixture
async def proxy() -> AsyncIterator[RpcProxy]:
    async with RpcProxy("http://127.0.0.1:1") as proxy:
        yield proxy


async def named(proxy: RpcProxy, seed: str, count: int) -> list[str]:
    """The first faults of a schedule, by name."""
    found: list[str] = []

    class Noted(list[object]):
        def append(self, rule: object) -> None:
            found.append(getattr(rule, "name", ""))
            super().append(rule)

    proxy.rules = Noted()  # type: ignore[assignment]
    task = asyncio.create_task(Schedule(proxy, seed).run())
    async with asyncio.timeout(20):
        while len(found) < count:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [] == proxy.rules
    return found[:count]


async def test_a_seed_decides_the_order_and_every_kind_has_its_turn(proxy: RpcProxy) -> None:
    kinds = len(MILD)
    first = await named(proxy, "a", kinds)

    assert first == await named(proxy, "a", kinds)
    assert first != await named(proxy, "b", kinds)
    assert kinds == len(set(first))
    assert "" not in first


def test_every_mild_fault_is_made_from_the_generator_alone() -> None:
    proxy = RpcProxy("http://127.0.0.1:1")
    rules = [[making(proxy, random.Random("x")) for making in MILD] for _ in range(2)]
    assert [getattr(each, "seed", None) for each in rules[0]] == [
        getattr(each, "seed", None) for each in rules[1]
    ]


async def test_each_process_has_a_way_of_its_own_and_without_chaos_a_direct_one() -> None:
    deployment = Deployment("alpha", 31_101, "0x00", "0x11", (), {}, {}, "0x12")
    chain = LocalChain("alpha", 31_101, 1.0, "http://127.0.0.1:1", "ws://127.0.0.1:1", deployment)
    async with AsyncExitStack() as stack:
        chaos = Chaos(stack, "seed", on=True)
        ways = [(await chaos.ways(process, [chain]))[0] for process in ("keeper", "attestor-1")]
        assert 3 == len({chain.url, *(way.url for way in ways)})
        assert [chain] == await Chaos(stack, "seed", on=False).ways("keeper", [chain])
        chaos.begin()
        await chaos.end()
        assert 0 == chaos.injected().total()
