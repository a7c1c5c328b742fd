"""The daemon in the test's own process, so that what it does can be counted from within."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.settings import EndpointSettings, Mode, Settings
from keeper.runtime import daemon
from keeper.runtime.engine import Engine
from keeper.watch.evidence import Evidence
from tests.end_to_end.stage import until


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation: how many decisions it led to, how long it took, and what `measure` said when it was over."""

    decisions: int
    seconds: float
    measured: int


@dataclass
class Inside:
    """What runs. `measure` is asked at the end of every evaluation, before anybody acts on it."""

    settings: Settings
    measure: Callable[[], int] = lambda: 0
    evaluations: list[Evaluation] = field(default_factory=list)
    history: list[dict[str, str]] = field(default_factory=list)
    """Every account's state after each evaluation."""
    evaluated: asyncio.Condition = field(default_factory=asyncio.Condition)
    engine: Engine | None = None

    @property
    def evidence(self) -> Evidence:
        assert self.engine is not None
        return self.engine._evidence

    @property
    def states(self) -> dict[str, str]:
        """The state last decided of every account."""
        assert self.engine is not None
        return {account: str(state) for account, state in self.engine._states.items()}

    async def note(self, decisions: int, seconds: float) -> None:
        """Take what an evaluation led to."""
        self.evaluations.append(Evaluation(decisions, seconds, self.measure()))
        self.history.append(self.states)
        async with self.evaluated:
            self.evaluated.notify_all()

    async def when(self, holds: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
        """Wait until `holds` after an evaluation, or at once."""
        try:
            async with asyncio.timeout(timeout_s), self.evaluated:
                await self.evaluated.wait_for(holds)
        except TimeoutError:
            raise AssertionError(f"not within {timeout_s:g} s: {what}") from None

    async def quiet(self, for_s: float = 0.6) -> None:
        """Wait until nothing was evaluated for longer than any source or node is left unasked."""
        seen = -1
        while seen != len(self.evaluations):
            seen = len(self.evaluations)
            await asyncio.sleep(for_s)


_INSIDE: dict[Path, Inside] = {}
"""What runs now, by its log: several may run at once."""


class WatchedEngine(Engine):
    """An engine that tells what it does."""

    def __init__(self, settings: Settings, *arguments: Any) -> None:
        super().__init__(settings, *arguments)
        self._inside = _INSIDE[settings.state_log]
        self._inside.engine = self

    async def evaluate(self) -> None:
        loop = asyncio.get_running_loop()
        before, began_s = self.decisions, loop.time()
        await super().evaluate()
        await self._inside.note(self.decisions - before, loop.time() - began_s)


@asynccontextmanager
async def running(settings: Settings, measure: Callable[[], int] = lambda: 0) -> AsyncIterator[Inside]:
    """Run the daemon until the block ends, then stop it as SIGTERM would."""
    inside = _INSIDE[settings.state_log] = Inside(settings, measure)
    stop = asyncio.Event()
    setattr(daemon, "Engine", WatchedEngine)  # noqa: B010 - not exported, and still to be replaced
    task = asyncio.create_task(daemon._run(settings, Path("none.toml"), stop))
    try:
        await until(lambda: inside.engine is not None or task.done(), "the daemon is put together")
        yield inside
    finally:
        stop.set()
        await task
        del _INSIDE[settings.state_log]
        if not _INSIDE:
            setattr(daemon, "Engine", Engine)  # noqa: B010 - as above


def observing(settings: Settings, name: str, *, polls: bool = True, **changes: Any) -> Settings:
    """The same, only watching, with a log of its own, and asking venues often.

    Without polls chains are read at the start and then left alone.
    """
    chains = {}
    for chain, its in settings.chains.items():
        quiet: dict[str, Any] = {}
        if not polls:
            endpoints = tuple(_without_hints(endpoint) for endpoint in its.endpoints)
            quiet = {"poll_interval_s": 3_600.0, "endpoints": endpoints}
        chains[chain] = its.model_copy(update=quiet | changes)
    sources = tuple(
        source.model_copy(update={"poll_interval_s": 0.1}) if source.kind == "http" else source
        for source in settings.sources
    )
    log = settings.state_log.with_name(f"{name}.db")
    update = {"mode": Mode.OBSERVE, "state_log": log, "chains": chains, "sources": sources}
    return settings.model_copy(update=update)


def _without_hints(endpoint: EndpointSettings) -> EndpointSettings:
    return endpoint.model_copy(update={"ws_url": None})
