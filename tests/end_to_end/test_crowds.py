"""Many accounts fail in one block: all of them are liquidated within a few, and none of them twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import Crowd, owing
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.soundness import assert_sound, liquidated
from tests.end_to_end.stage import Stage, until

pytestmark = pytest.mark.chain
BLOCK_TIME_S = 2.0
CRASH = {"ETH": "1700"}


@pytest.mark.parametrize(("failing", "most_blocks"), [(10, 3), (50, 5)])
async def test_all_that_fail_in_one_block_are_liquidated_within_a_few(
    tmp_path: Path, failing: int, most_blocks: int
) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_150, BLOCK_TIME_S)) as stage:
        crowd = Crowd(stage.chain)
        bad = await crowd.open(owing(1, failing, 1_400, 0.5))
        good = await crowd.open(owing(1_001, 10, 500, 60))
        opened_at = await stage.chain.height()
        async with Daemon(stage.config):
            await stage.known([*bad, *good])
            crash_block = await _crash(stage, opened_at)

            await until(lambda: _all(stage, bad), "all are liquidated", 30)
            await stage.quiet()

        last_block = (await stage.chain.liquidations(bad))[-1].block
        print(f"\n{failing} accounts: {last_block - crash_block} blocks after the feed's")
        assert most_blocks >= last_block - crash_block
        assert Counter(bad) == await liquidated(stage, [*bad, *good])
        await assert_sound(stage)


async def _crash(stage: Stage, opened_at: int) -> int:
    """Move the market and return the block in which the hub's feed moved."""
    await stage.move(CRASH)
    feed = stage.chain.deployment.feeds["ETH"]

    async def moved() -> int | None:
        logs = await stage.chain.node.rpc("eth_getLogs", {"address": feed, "fromBlock": hex(opened_at)})
        return int(logs[0]["blockNumber"], 16) if logs else None

    return int(await until(moved, "the feed moves", 10))


async def _all(stage: Stage, accounts: list[str]) -> bool:
    return set(accounts) == set(await liquidated(stage, accounts))
