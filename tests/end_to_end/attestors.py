"""Attestors in the test's own process: the real service on its real port, each with its own watcher and log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from config.settings import Settings
from keeper.runtime.attestor import _attest


class RunningAttestor:
    """One attestor that can be taken down and brought back."""

    def __init__(self, settings: Settings) -> None:
        assert settings.attestor is not None
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.attestor.port}/v1/attest"
        self._own = settings.attestor
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start and wait until it answers on its port."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(_attest(self.settings, self._own, Path("none.toml"), self._stop))
        async with aiohttp.ClientSession() as session, asyncio.timeout(20):
            while not self._task.done():
                try:
                    async with session.get(self.url):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.02)
        await self._task

    async def stop(self) -> None:
        """End it in order. Nothing answers on its port any more."""
        task, self._task = self._task, None
        if task is not None:
            self._stop.set()
            await task
