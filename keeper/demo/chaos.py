"""`keeper demo --chaos`: every way from a process to a node leads through a proxy of its own that has bad moments."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.schedule import Schedule
from keeper.demo.configure import LocalChain


class Chaos:
    """The proxies of a demo and what happens on them. Nothing is wrong before `begin` and after `end`.

    With `on` False there are none, and every way is direct.
    """

    def __init__(self, stack: AsyncExitStack, seed: str, *, on: bool) -> None:
        self.on = on
        self._stack = stack
        self._seed = seed
        self._proxies: dict[str, RpcProxy] = {}
        self._schedules: list[asyncio.Task[None]] = []

    async def ways(self, process: str, chains: Sequence[LocalChain]) -> list[LocalChain]:
        """Return the chains as `process` reaches them."""
        if not self.on:
            return list(chains)
        found = []
        for chain in chains:
            proxy = await self._stack.enter_async_context(RpcProxy(chain.url))
            self._proxies[f"{process} to {chain.name}"] = proxy
            found.append(replace(chain, url=proxy.url, ws_url=proxy.ws_url))
        return found

    def begin(self) -> None:
        """Let it begin: one seeded schedule per way, no two alike."""
        self._schedules = [
            asyncio.create_task(Schedule(proxy, f"{self._seed} {way}").run())
            for way, proxy in self._proxies.items()
        ]

    async def end(self) -> None:
        """Let nothing be wrong any more."""
        for task in self._schedules:
            task.cancel()
        await asyncio.gather(*self._schedules, return_exceptions=True)

    def injected(self) -> Counter[str]:
        """Return how often each fault was met, over all ways."""
        return sum((proxy.injected for proxy in self._proxies.values()), Counter[str]())
