"""What an owner changed in the newest blocks: nothing is sent because of it while it may be undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import Crowd, Plan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = pytest.mark.chain

BEFORE, CRASHED = {"ETH": "2000"}, {"ETH": "1700"}
BLOCKS = 2
"""How many blocks count as not final: the default, and all that a chain here may reorganise."""


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    plan = ChainPlan("gamma", 31_191, block_time_s=0, pace_s=40)
    async with Stage(tmp_path, plan, text=steady_prices) as stage:
        yield stage


async def withdrawn_in_a_crash(stage: Stage, subaccount: int) -> tuple[Crowd, str]:
    """Have an account, settled and sound, take a third of its ether out just before the price falls."""
    crowd = Crowd(stage.chain)
    await stage.move(BEFORE)
    (account,) = await crowd.open([Plan(subaccount, "1.5", "1390")])
    await stage.chain.mine(BLOCKS)
    await stage.known([account])
    await crowd.withdraw(subaccount, "0.5")
    await stage.move(CRASHED)
    await stage.chain.mine()
    return crowd, account


def sent(stage: Stage, account: str) -> int:
    return len(stage.rows("SELECT 1 FROM intents WHERE account_id = ?", (account,)))


async def test_a_withdrawal_that_is_undone_was_never_a_reason(stage: Stage) -> None:
    async with Daemon(stage.config):
        _, account = await withdrawn_in_a_crash(stage, 1)
        await stage.known([account], "at_risk")
        await stage.chain.fork(BLOCKS)
        await stage.known([account], "healthy")
        reasons = [
            row["reason"]
            for row in stage.rows(
                "SELECT reason FROM decisions WHERE account_id = ? ORDER BY seq", (account,)
            )
        ]

    assert 0 == sent(stage, account)
    assert any(
        "Not final yet, so counted both ways: on gamma" in reason and "1.5 ETH instead of 1." in reason
        for reason in reasons
    )
    await assert_sound(stage)


async def test_a_withdrawal_that_stays_is_one_as_soon_as_it_is_final(stage: Stage) -> None:
    async with Daemon(stage.config):
        _, account = await withdrawn_in_a_crash(stage, 2)
        await stage.known([account], "at_risk")
        assert 0 == sent(stage, account)
        await stage.chain.mine()
        await until(lambda: sent(stage, account), "it is liquidated")
        await stage.settled()

    assert 1 == len(await stage.chain.liquidations([account]))
    await assert_sound(stage)


async def test_a_top_up_protects_at_once_and_no_more_once_it_is_undone(stage: Stage) -> None:
    async with Daemon(stage.config):
        crowd = Crowd(stage.chain)
        await stage.move(BEFORE)
        (account,) = await crowd.open([Plan(3, "1", "1390")])
        await stage.chain.mine(BLOCKS)
        await stage.known([account])
        await crowd.open([Plan(3, "0.5")])
        await stage.move(CRASHED)
        await stage.chain.mine()
        await stage.known([account], "at_risk")
        assert 0 == sent(stage, account)
        await stage.chain.fork(BLOCKS)
        await stage.move(CRASHED)
        await stage.chain.mine()
        await until(lambda: sent(stage, account), "it is liquidated")
        await stage.settled()

    assert 1 == len(await stage.chain.liquidations([account]))
    await assert_sound(stage)
