"""SIGTERM: the daemon ends in order and soon, whatever it is doing, and goes on where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import Rounds, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
SOON_S = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("stops")
    async with Stage(directory, ChainPlan("gamma", 31_152), text=steady_prices) as stage:
        yield Rounds(stage)


async def test_asked_to_stop_in_a_crash_it_ends_soon_and_a_restart_goes_on(rounds: Rounds) -> None:
    stage, played = rounds.stage, await rounds.crashed()
    async with Daemon(stage.config) as daemon:
        await until(lambda: stage.rows("SELECT 1 FROM attempts"), "something is signed")
        code, seconds = await daemon.stop()
    assert 0 == code
    assert SOON_S > seconds
    assert ["asked to stop"] == [row["end_reason"] for row in stage.rows("SELECT end_reason FROM runs")]
    async with Daemon(stage.config):
        await rounds.over(played)

    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    await assert_sound(stage)


async def test_asked_to_stop_while_the_node_hangs_it_ends_soon(rounds: Rounds) -> None:
    stage, played = rounds.stage, await rounds.opened()
    async with Daemon(stage.config) as daemon:
        await stage.known(played.all)
        stage.chain.node.pause()
        try:
            code, seconds = await daemon.stop()
        finally:
            stage.chain.node.resume()

    assert 0 == code
    assert SOON_S > seconds


async def test_asked_to_stop_before_a_chain_ever_answered_it_ends_soon(rounds: Rounds) -> None:
    stage, _ = rounds.stage, await rounds.opened()
    runs = len(stage.rows("SELECT 1 FROM runs"))
    stage.chain.node.pause()
    try:
        async with Daemon(stage.config) as daemon:
            await until(lambda: len(stage.rows("SELECT 1 FROM runs")) > runs, "it has begun")
            code, seconds = await daemon.stop()
    finally:
        stage.chain.node.resume()

    assert 0 == code
    assert SOON_S > seconds
