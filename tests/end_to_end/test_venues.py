"""A running daemon liquidates at Aave v3 and Morpho Blue: in the next block, to the unit, and says why where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.lenders import Lenders, person
from tests.end_to_end.stage import Stage, until

pytestmark = pytest.mark.chain


async def test_all_that_a_price_makes_liquidatable_is_liquidated_in_the_next_block(tmp_path: Path) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_171, block_time_s=0), alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open(inventory=2_000_000 * 10**6)
        for index in range(1, 7):
            await lenders.aave.supply(person(index), "WETH", 10**19)
            await lenders.aave.borrow(person(index), "USDC", (15_700 - 800 * (index % 2)) * 10**6 + index)
        for index in range(11, 14):
            await lenders.morpho.open("WETH/USDC", person(index), 10**19, 16_800 * 10**6 + index)
        async with Daemon(stage.config):
            await until(lambda: stage.rows("SELECT 1 FROM venue_accounts WHERE borrower = ?", (person(13),)), "known")
            stage.market.set({"ETH": "1880"})
            await lenders.aave.set_price("WETH", 1_880 * 10**8)
            await lenders.morpho.set_price("WETH/USDC", 1_880 * 10**24)
            fell = await stage.chain.height()
            await until(lambda: len(stage.rows("SELECT 1 FROM attempts")) >= 6, "all are sent")
            await stage.chain.mine()
            await until(lambda: len(stage.rows("SELECT 1 FROM venue_endings WHERE ending='liquidated'")) >= 6, "told")
            rows = stage.rows("SELECT * FROM venue_endings")
            for row in rows:
                print(dict(row))
            print(fell, [dict(r) for r in stage.rows("SELECT reason, detail, borrower FROM venue_verdicts")])
