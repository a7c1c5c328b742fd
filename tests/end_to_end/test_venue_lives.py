"""Venues over a daemon's lives: one that only observes, and one that is killed with calls on their way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.lenders import Lenders
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage

pytestmark = pytest.mark.chain

DEBT = 16_000 * 10**6


async def test_who_only_observes_says_once_what_it_would_do_and_sends_nothing(tmp_path: Path) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_173, block_time_s=0, pace_s=40), alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open()
        stage.config.write_text(stage.config.read_text().replace('mode = "live"', 'mode = "observe"'))
        borrower = await lenders.borrow(1, DEBT)
        async with Daemon(stage.config):
            await lenders.known(borrower)
            await lenders.move("ETH", 1_915)
            await lenders.judged("send", borrower)
            await lenders.blocks(12)

        assert 1 == lenders.told(borrower)["send"]
        assert 0 == lenders.told(borrower)["signed"]


async def test_a_call_on_its_way_survives_its_daemon_and_is_not_sent_twice(tmp_path: Path) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_174, block_time_s=0, pace_s=40), alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open()
        borrower = await lenders.borrow(1, DEBT)
        async with Daemon(stage.config) as daemon:
            await lenders.known(borrower)
            await lenders.move("ETH", 1_915)
            await lenders.sent(borrower)
            await daemon.kill()
        async with Daemon(stage.config):
            await lenders.blocks(1)
            await lenders.blocks(5)
            await lenders.over(borrower)

        assert 1 == lenders.told(borrower)["signed"]
        assert Counter(final_ok=1) == Counter(row["state"] for row in stage.rows("SELECT state FROM intents"))
        await assert_sound(stage)


async def test_what_was_mined_while_nobody_listened_is_told_by_the_next_life_and_once(tmp_path: Path) -> None:
    async with Stage(tmp_path, ChainPlan("gamma", 31_175, block_time_s=0, pace_s=40), alone=True) as stage:
        lenders = Lenders(stage)
        await lenders.open()
        at_aave, at_morpho = await lenders.borrow(1, DEBT), await lenders.borrow_at_morpho(2, 16_800 * 10**6)
        async with Daemon(stage.config) as daemon:
            await lenders.known(at_aave, at_morpho)
            await lenders.move("ETH", 1_915)
            await lenders.sent(at_aave, at_morpho)
            await daemon.kill()
        await stage.chain.mine()
        mined = await stage.chain.height()
        for _ in range(2):
            async with Daemon(stage.config):
                endings = await lenders.ended("liquidated", at_aave, at_morpho)
                await lenders.blocks(3)

        sends = {
            row["verdict_id"] for row in stage.rows("SELECT * FROM venue_verdicts WHERE reason = 'send'")
        }
        assert [mined, mined] == [int(each["block_number"]) for each in endings]
        assert sends == {each["verdict_id"] for each in endings}
        for borrower in (at_aave, at_morpho):
            assert (1, 1) == (lenders.told(borrower)["liquidated"], lenders.told(borrower)["signed"])
        await assert_sound(stage)
