"""A running daemon liquidates at Aave v3 and Morpho Blue: in the next block, and to the unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.lenders import Lenders
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage

pytestmark = pytest.mark.chain

INVENTORY = 3_500 * 10**6
"""For each account: not enough for all, so that pools must give as well."""


@pytest.mark.parametrize("crowd", [5, pytest.param(16, marks=pytest.mark.slow)])
async def test_all_that_a_price_makes_liquidatable_is_liquidated_in_the_next_block(
    tmp_path: Path, crowd: int
) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_171, block_time_s=0, pace_s=40), alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open(inventory=crowd * INVENTORY)
        bad = [await lenders.borrow(index, 15_700 * 10**6 + index) for index in range(1, crowd + 1)]
        good = [await lenders.borrow(index, 14_900 * 10**6 + index) for index in range(21, 21 + crowd)]
        bad += [
            await lenders.borrow_at_morpho(index, 16_800 * 10**6 + index)
            for index in range(41, 41 + crowd // 2)
        ]
        good += [
            await lenders.borrow_at_morpho(index, 15_900 * 10**6 + index)
            for index in range(61, 61 + crowd // 2)
        ]
        async with Daemon(stage.config):
            await lenders.known(*bad, *good)
            await lenders.move_pool(1_850)
            fell = await lenders.move("ETH", 1_880)
            await lenders.sent(*bad)
            await stage.chain.mine()
            endings = await lenders.ended("liquidated", *bad)
        sends = "SELECT json_extract(plan, '$.pool') AS pool FROM venue_verdicts WHERE reason = 'send'"
        pools = {row["pool"] for row in stage.rows(sends)}

        assert {fell + 1} == {each["block_number"] for each in endings}
        assert len(bad) == len(endings)
        for each in endings:
            assert (each["expected_repaid"], each["expected_seized"]) == (each["repaid"], each["seized"])
        assert {lenders.pool, "0x" + "00" * 20} == pools
        assert not any(lenders.told(each)["signed"] for each in good)
        await assert_sound(stage)
