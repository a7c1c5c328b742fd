"""Killed at any point and started again: every intent ends, and none is done twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keeper.state.fault_points import FaultPoint
from tests.keeper.execution.crasher import INTENTS, live
from tests.keeper.execution.scene import ETHER, Node, Scene

pytestmark = pytest.mark.chain

CASES = [
    ("plain", FaultPoint.AFTER_DECISION, 1),
    ("plain", FaultPoint.AFTER_INTENT, 3),
    ("plain", FaultPoint.AFTER_SLOT, 2),
    ("plain", FaultPoint.AFTER_SIGN, INTENTS),
    ("plain", FaultPoint.AFTER_COMMIT, 1),
    ("plain", FaultPoint.DURING_SEND, 3),
    ("plain", FaultPoint.AFTER_ANSWER, 1),
    ("plain", FaultPoint.AFTER_MINED, 1),
    ("plain", FaultPoint.BEFORE_MINED_ROW, 2),
    ("bump", FaultPoint.BEFORE_BUMP_SEND, 1),
    ("cancel", FaultPoint.DURING_CANCEL, 1),
    ("reorg", FaultPoint.DURING_ROLLBACK, 3),
    ("plain", FaultPoint.DURING_OBSERVATIONS, 1),
    ("plain", FaultPoint.DURING_MIGRATION, 1),
]
AT_ONCE = frozenset({FaultPoint.AFTER_COMMIT, FaultPoint.DURING_SEND, FaultPoint.BEFORE_MINED_ROW})
"""Those of two signers that are not left to the slow tests."""
MORE_CASES = [
    ("plain", FaultPoint.DURING_SEND, 1),
    ("plain", FaultPoint.AFTER_ANSWER, INTENTS),
    ("bump", FaultPoint.BEFORE_BUMP_SEND, 2),
    ("bump", FaultPoint.AFTER_ANSWER, INTENTS + 2),
    ("cancel", FaultPoint.DURING_CANCEL, 3),
    ("cancel", FaultPoint.DURING_SEND, INTENTS + 2),
    ("reorg", FaultPoint.DURING_ROLLBACK, 1),
    ("reorg", FaultPoint.DURING_SEND, INTENTS + 2),
]


@pytest.fixture
async def outside(node: Node, tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene whose lane lives in other processes."""
    client = node.client()
    await client.connect()
    scene = Scene(node, client, tmp_path / "state.db")
    await node("anvil_setBalance", scene.key.address, hex(100 * ETHER))
    yield scene
    await client.aclose()


async def run_and_die(node: Node, path: Path, story: str, fault: str, signers: int = 1) -> int:
    environment = {**os.environ, "KEEPER_FAULT_POINT": fault}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.keeper.execution.crasher"),
        *(node.url, node.genesis_hash, str(path), story, str(signers)),
        env=environment,
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


@pytest.mark.parametrize(
    ("story", "point", "times"),
    [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in MORE_CASES)],
)
async def test_a_killed_lane_finishes_what_it_began_and_does_nothing_twice(
    node: Node, outside: Scene, story: str, point: FaultPoint, times: int
) -> None:
    assert -signal.SIGKILL == await run_and_die(node, outside.path, story, f"{point}:{times}:kill")

    await assert_all_is_finished(node, outside, story)


@pytest.mark.parametrize(
    ("story", "point", "times"),
    [pytest.param(*case, marks=() if case[1] in AT_ONCE else pytest.mark.slow) for case in CASES],
)
async def test_two_signers_lanes_are_finished_after_a_kill_as_well(
    node: Node, outside: Scene, story: str, point: FaultPoint, times: int
) -> None:
    outside.more_keys(1)
    for key in outside.others:
        await node("anvil_setBalance", key.address, hex(100 * ETHER))

    # Each lane has half of the intents, so what one lane does is passed less often.
    fault = f"{point}:{min(times, INTENTS // 2)}:kill"
    assert -signal.SIGKILL == await run_and_die(node, outside.path, story, fault, signers=2)

    await assert_all_is_finished(node, outside, story, signers=2)
    assert {key.address for key in (outside.key, *outside.others)} == {
        row["sender"] for row in outside.rows("SELECT DISTINCT sender FROM slots")
    }


async def assert_all_is_finished(node: Node, outside: Scene, story: str, signers: int = 1) -> None:
    await live(node.url, node.genesis_hash, outside.path, story, signers)

    await outside.assert_sound()
    ends = outside.states()
    assert INTENTS == len(ends)
    assert all(end.startswith(("final", "skipped")) for end in ends)
    assert ends.count("final_ok") == len(await outside.emitted())
    if story != "cancel":
        assert ["final_ok"] * INTENTS == ends


@pytest.mark.slow
async def test_a_lane_killed_again_and_again_still_gets_there(node: Node, outside: Scene) -> None:
    for times in range(1, 6):
        await run_and_die(node, outside.path, "plain", f"{FaultPoint.DURING_SEND}:{times}:kill")
        await run_and_die(node, outside.path, "plain", f"{FaultPoint.BEFORE_MINED_ROW}:{times}:kill")

    await live(node.url, node.genesis_hash, outside.path, "plain")

    await outside.assert_sound()
    assert ["final_ok"] * INTENTS == outside.states()


def test_every_crash_point_has_its_case() -> None:
    assert set(FaultPoint) == {point for _, point, _ in CASES}
