"""kill -9 between a debt repaid on one chain and the collateral seized for it on another: nobody pays twice or never."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from keeper.state.fault_points import FaultPoint
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import FAILING, Rounds, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
SEIZURE = FAILING + 1
"""The first seizure comes after all the debts were repaid: they are of one round."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("across")
    plans = [ChainPlan("alpha", 31_157), ChainPlan("gamma", 31_158)]
    async with Stage(directory, *plans, text=steady_prices) as stage:
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
        (FaultPoint.DURING_SEND, 2),
        (FaultPoint.BEFORE_MINED_ROW, 1),
        (FaultPoint.AFTER_SIGN, SEIZURE),
        (FaultPoint.DURING_SEND, SEIZURE),
        (FaultPoint.BEFORE_MINED_ROW, SEIZURE),
    ],
)
async def test_a_kill_between_the_chains_changes_nothing_in_the_end(
    rounds: Rounds, undisturbed: list[tuple[int, ...]], point: FaultPoint, time: int
) -> None:
    played = await rounds.crashed()
    async with Daemon(rounds.stage.config, fault=f"{point}:{time}") as daemon:
        assert -signal.SIGKILL == await daemon.ended(40)
    async with Daemon(rounds.stage.config):
        await rounds.over(played)

    assert undisturbed == await rounds.outcome(played)
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    await assert_sound(rounds.stage)
