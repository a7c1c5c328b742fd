"""A contract that answers with megabytes or not at all, in the same batch as everything else: it costs itself only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
REVERT_NOTHING = "0x5f5ffd"
REVERT_4_MIB, RETURN_4_MIB = "0x624000005ffd", "0x624000005ff3"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("poisoned")
    async with Trial.standing(directory, ("gamma", 31_179)) as trial, trial.daemon():
        yield trial


async def poisoned(trial: Trial, met: Met, case: str, code: str) -> None:
    """Let BTC's feed be such a contract while ether falls."""
    feed = trial.chain.deployment.feeds["BTC"]
    honest = await trial.chain.node.rpc("eth_getCode", feed, "latest")
    played = await trial.opened()
    await trial.chain.node.rpc("anvil_setCode", feed, code)
    try:
        await trial.stage.chain.node.mine()
        trial.stage.market.set({"ETH": "1700"})
        await trial.set_feed("ETH", "1700")
        await trial.block()
        met(case, 1)
        await trial.live(played)
    finally:
        await trial.chain.node.rpc("anvil_setCode", feed, honest)
    await trial.sound(played)


@pytest.mark.parametrize("code", [REVERT_4_MIB, RETURN_4_MIB])
async def test_j3_a_feed_that_answers_with_megabytes_costs_itself_only(
    trial: Trial, met: Met, code: str
) -> None:
    await poisoned(trial, met, "J3", code)


async def test_j6_a_feed_that_reverts_costs_itself_only(trial: Trial, met: Met) -> None:
    await poisoned(trial, met, "J6", REVERT_NOTHING)
