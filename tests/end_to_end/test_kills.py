"""kill -9 at any moment of a crash: after a restart it ends as if nothing had happened."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import swallowed
from keeper.state.fault_points import FaultPoint
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import Round, Rounds, pause_s, steady_prices, variant
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("kills")
    async with Stage(directory, ChainPlan("gamma", 31_151), text=steady_prices) as stage:
        yield Rounds(stage)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(rounds: Rounds) -> list[tuple[int, ...]]:
    """How a round ends when nobody disturbs the daemon."""
    played = await rounds.crashed()
    async with Daemon(rounds.stage.config):
        await rounds.over(played)
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    return await rounds.outcome(played)


@pytest.mark.parametrize(
    ("point", "time"),
    [
        (FaultPoint.AFTER_DECISION, 1),
        (FaultPoint.AFTER_INTENT, 2),
        (FaultPoint.AFTER_SLOT, 4),
        (FaultPoint.AFTER_SIGN, 1),
        (FaultPoint.AFTER_COMMIT, 1),
        (FaultPoint.DURING_SEND, 1),
        (FaultPoint.DURING_SEND, 4),
        (FaultPoint.AFTER_ANSWER, 2),
        (FaultPoint.AFTER_MINED, 2),
        (FaultPoint.BEFORE_MINED_ROW, 1),
        (FaultPoint.BEFORE_MINED_ROW, 3),
        (FaultPoint.DURING_OBSERVATIONS, 30),
    ],
)
async def test_a_kill_at_any_point_of_a_transaction_changes_nothing_in_the_end(
    rounds: Rounds, undisturbed: list[tuple[int, ...]], point: FaultPoint, time: int
) -> None:
    played = await rounds.crashed()
    async with Daemon(rounds.stage.config, fault=f"{point}:{time}") as daemon:
        assert -signal.SIGKILL == await daemon.ended(40)
    async with Daemon(rounds.stage.config):
        await rounds.over(played)

    await assert_as_undisturbed(rounds, played, undisturbed)


@pytest.mark.parametrize(
    ("point", "terms"),
    [
        (FaultPoint.BEFORE_BUMP_SEND, "bump_after_blocks = 1"),
        pytest.param(
            FaultPoint.DURING_CANCEL, "bump_after_blocks = 1\nmax_bumps = 0", marks=pytest.mark.slow
        ),
    ],
)
async def test_a_kill_while_a_stuck_transaction_is_replaced_changes_nothing_in_the_end(
    rounds: Rounds, undisturbed: list[tuple[int, ...]], point: FaultPoint, terms: str
) -> None:
    config = variant(rounds.stage, f"{point}", ("max_in_flight = 32", f"max_in_flight = 32\n{terms}"))
    played = await rounds.crashed()
    with swallowing(rounds.stage.chain.proxy):
        async with Daemon(config, fault=f"{point}:1") as daemon:
            assert -signal.SIGKILL == await daemon.ended(40)
    async with Daemon(config):
        await rounds.over(played)

    await assert_as_undisturbed(rounds, played, undisturbed)


async def test_a_kill_while_a_reorganisation_is_undone_changes_nothing_in_the_end(
    rounds: Rounds, undisturbed: list[tuple[int, ...]]
) -> None:
    stage, played = rounds.stage, await rounds.crashed()
    async with Daemon(stage.config, fault=f"{FaultPoint.DURING_ROLLBACK}:1") as daemon:
        mined = await until(
            lambda: stage.rows("SELECT max(block_number) AS n FROM intents WHERE state = 'mined'")[0]["n"],
            "something is mined",
        )
        await stage.chain.fork(await stage.chain.height() - mined + 1)
        assert -signal.SIGKILL == await daemon.ended(40)
    assert Counter() == await rounds.steps_taken(played)
    async with Daemon(stage.config):
        await rounds.over(played)

    await assert_as_undisturbed(rounds, played, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_kills_at_random_moments_one_after_the_other_change_nothing_in_the_end(
    rounds: Rounds, undisturbed: list[tuple[int, ...]], seed: int
) -> None:
    chance = random.Random(seed)
    stage, played = rounds.stage, await rounds.crashed()
    for _ in range(3):
        entries = newest_entry(stage)
        async with Daemon(stage.config) as daemon:
            await until(lambda: newest_entry(stage) > entries + 2, "it has begun")  # noqa: B023 - at once
            await pause_s(chance.uniform(0, 1))
            await daemon.kill()
    async with Daemon(stage.config):
        await rounds.over(played)

    await assert_as_undisturbed(rounds, played, undisturbed)


async def assert_as_undisturbed(rounds: Rounds, played: Round, undisturbed: list[tuple[int, ...]]) -> None:
    assert undisturbed == await rounds.outcome(played)
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    await assert_sound(rounds.stage)


def newest_entry(stage: Stage) -> int:
    found = stage.rows("SELECT max(seq) AS n FROM journal")
    return found[0]["n"] or 0 if found else 0


@contextmanager
def swallowing(proxy: RpcProxy) -> Iterator[None]:
    """Let the node never see what is sent, and the sender believe that it was taken."""
    rule = swallowed()
    proxy.rules.append(rule)
    try:
        yield
    finally:
        proxy.rules.remove(rule)
