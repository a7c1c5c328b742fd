"""The daemon under test: a process of its own, started, killed, asked to stop, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]


class Daemon:
    """`python -m keeper run -c FILE`. A context manager that leaves nothing running."""

    def __init__(self, config: Path, *, fault: str = "") -> None:
        """`fault` is a fault point that kills the process: ``name:n``, the n-th time it is passed."""
        self._config = config
        self._fault = fault
        self._process: asyncio.subprocess.Process | None = None

    @property
    def output(self) -> Path:
        """What it and all before it with this configuration wrote."""
        return self._config.with_suffix(".log")

    async def __aenter__(self) -> Self:
        environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
        if self._fault:
            environment["KEEPER_FAULT_POINT"] = f"{self._fault}:kill"
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "keeper", "run", "-c", str(self._config), "--json"),
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.process.kill()
        await self.process.wait()

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process. Not before it was started."""
        assert self._process is not None
        return self._process

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.returncode is None

    async def ended(self, timeout_s: float = 15.0) -> int:
        """Wait for its end and return the exit code, negative for a signal."""
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it at once, without a word: kill -9."""
        if self.alive:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> tuple[int, float]:
        """Ask it to end. Returns the exit code and how many seconds that took."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self.process.send_signal(signal.SIGTERM)
        return await self.ended(), loop.time() - began_s
