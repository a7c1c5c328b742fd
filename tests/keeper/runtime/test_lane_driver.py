"""A lane is recovered before anything new, halted with its chain, and told of every block that went."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chains.blocks import Head
from chains.errors import EndpointUnavailable
from keeper.domain.intent import Intent
from keeper.execution.intake import Outcome, Submitted
from keeper.runtime import lane_driver as module
from keeper.runtime.lane_driver import LaneDriver
from tests.keeper.state.samples import intent
from tests.keeper.watch.world import head


@dataclass
class ScriptedLane:
    fails: int = 0
    told: list[tuple[Any, ...]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    def _note(self, *what: Any) -> None:
        self.told.append(what)
        self.changed.set()

    async def recover(self, its: Head) -> None:
        self._note("recover", its.number)
        if self.fails:
            self.fails -= 1
            raise EndpointUnavailable("down")

    async def on_head(self, its: Head, removed: Collection[str] = ()) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self._note("head", its.number, *removed)

    def halt(self, reason: str) -> None:
        self._note("halt")

    async def submit(self, intents: Sequence[Intent]) -> list[Submitted]:
        return [Submitted(each, Outcome.SENT) for each in intents]


class Scene:
    def __init__(self) -> None:
        self.lane = ScriptedLane()
        self.live = True
        self.driver = LaneDriver("alpha", cast("Any", self.lane), lambda: self.live)

    async def head(self, number: int, *removed: str) -> None:
        """Bring a head and wait until the lane was told something."""
        self.lane.changed.clear()
        await self.driver.on_head(head("alpha", number), removed)
        await self.lane.changed.wait()
        await asyncio.sleep(0)


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(module, "RECOVER_PAUSE_S", 0.001)
    found = Scene()
    running = asyncio.create_task(found.driver.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_nothing_is_taken_before_the_lane_has_recovered(scene: Scene) -> None:
    assert [Outcome.HELD] == [each.outcome for each in await scene.driver.submit([intent()])]

    await scene.head(1)
    await scene.head(2)

    assert [("recover", 1), ("head", 2)] == scene.lane.told
    assert [Outcome.SENT] == [each.outcome for each in await scene.driver.submit([intent()])]


async def test_a_recovery_that_fails_is_tried_again_without_a_new_head(scene: Scene) -> None:
    scene.lane.fails = 2

    await scene.head(1)
    while not scene.driver.ready:
        await scene.lane.changed.wait()
        scene.lane.changed.clear()
        await asyncio.sleep(0)

    assert [("recover", 1)] * 3 == scene.lane.told


async def test_a_chain_that_comes_back_is_recovered_again(scene: Scene) -> None:
    await scene.head(1)
    scene.live = False
    await scene.head(2)
    assert not scene.driver.ready
    scene.live = True
    await scene.head(3)

    assert [("recover", 1), ("halt",), ("recover", 3)] == scene.lane.told
    assert scene.driver.ready


async def test_a_reorganisation_is_looked_at_before_anything_new_is_taken(scene: Scene) -> None:
    await scene.head(1)
    scene.lane.gate = asyncio.Event()
    await scene.driver.on_head(head("alpha", 2), ("0xgone",))

    assert not scene.driver.ready
    scene.lane.gate.set()
    scene.lane.changed.clear()
    await scene.lane.changed.wait()
    await asyncio.sleep(0)

    assert ("head", 2, "0xgone") == scene.lane.told[-1]
    assert scene.driver.ready


async def test_a_removed_block_is_told_with_later_heads_too(scene: Scene) -> None:
    await scene.head(1)
    await scene.head(2, "0xgone")
    await scene.head(3)

    assert [("head", 2, "0xgone"), ("head", 3, "0xgone")] == scene.lane.told[1:]
