"""A pause while a crash is on: nothing is begun there, and everything once it is lifted, restarts in between or not."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import ROOT, Daemon
from tests.end_to_end.rounds import Rounds, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("pauses")
    async with Stage(directory, ChainPlan("gamma", 31_153), text=steady_prices) as stage:
        yield Rounds(stage)


async def keeper(stage: Stage, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keeper", *arguments, "-c", str(stage.config), "--why", "an exercise"),
        cwd=ROOT,
    )
    return await process.wait()


@pytest.mark.parametrize("scope", [("--everything",), ("--chain", "gamma"), ("--asset", "ETH")])
async def test_what_is_paused_is_not_begun_until_it_is_resumed(
    rounds: Rounds, scope: tuple[str, ...]
) -> None:
    stage, played = rounds.stage, await rounds.opened()
    async with Daemon(stage.config):
        await stage.known(played.all)
        assert 0 == await keeper(stage, "pause", *scope)
    async with Daemon(stage.config):
        await stage.known(played.all)
        await rounds.crash()
        await stage.known(played.bad, "liquidatable")
        await stage.chain.mine(3)
        height = await stage.chain.height()
        await until(lambda: stage.seen(height), f"block {height} is seen")
        held = await rounds.steps_taken(played)
        assert 0 == await keeper(stage, "resume", *scope)
        await rounds.over(played)

    assert Counter() == held
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    alerts = stage.rows("SELECT closed_at_ms FROM alerts WHERE dedupe_key LIKE 'paused/%'")
    assert alerts
    assert all(row["closed_at_ms"] is not None for row in alerts)
    await assert_sound(stage)
