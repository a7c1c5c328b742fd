"""Options expire, in and out of the money: the daemon has everybody paid and charged, once, to the unit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from chains.devnet.accounts import DesiredOption
from config.units import WAD
from keeper.runtime.settlement_calls import FIX_GAS, SETTLE_GAS
from keeper.views.cli import keeper
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.crowd import USDC_UNIT
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until
from tests.end_to_end.traders import Traders, option, priced_by_the_stable

pytestmark = pytest.mark.chain

RUNS_S = 20
"""How long the options run: no longer than prices may be ahead of the clock, since time passes on the chain alone."""
ENDED = "SELECT * FROM intents WHERE action IN (65, 66) AND state IN ('mined', 'final_ok')"


@pytest.mark.parametrize(
    "fault",
    [
        "cp6_during_send:2",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("", "cp5_after_commit_before_send:1", "cp7_after_answer_before_saving:3")
        ),
    ],
)
async def test_everybody_is_settled_once_whatever_ends_the_daemon(tmp_path: Path, fault: str) -> None:
    plan = ChainPlan("gamma", 31_181, with_options=True)
    async with Stage(tmp_path, plan, alone=True, text=priced_by_the_stable) as stage:
        traders = Traders(stage)
        expiry_s = await traders.now_s() + RUNS_S

        def book(size: int) -> list[DesiredOption]:
            return [option(1_900, size, expiry_s, is_call=True), option(1_800, size, expiry_s, is_call=False)]

        accounts = await traders.open(book(3), book(-2), book(-1))
        before, pool = await traders.dollars(accounts), await traders.pool()
        assert 6 == await traders.held(accounts)
        async with Daemon(stage.config, fault=fault) as daemon:
            await stage.known(accounts)
            await traders.pass_time(expiry_s)
            await stage.move({"ETH": "2080"})
            if fault:
                await daemon.ended(45)
        async with Daemon(stage.config):
            await until(lambda: _none_left(traders, accounts), "all are settled")
            await until(lambda: len(stage.rows(ENDED)) == 7, "the log has all of it mined")
        worth = 180 * USDC_UNIT

        assert 2_080 * WAD == await traders.settlement(expiry_s)
        assert [b + n * worth for b, n in zip(before, (3, -2, -1), strict=True)] == await traders.dollars(
            accounts
        )
        assert pool == await traders.pool()
        of_each = [(row["account_id"], row["position_key"]) for row in stage.rows(ENDED)]
        assert len(set(of_each)) == len(of_each) == 7
        due = stage.rows("SELECT DISTINCT settlement_id, reason FROM settlements")
        assert {row["decision_id"] for row in stage.rows(ENDED)} == {row["settlement_id"] for row in due}
        assert any("540.00 USD for the account" in row["reason"] for row in due)
        gas = {
            action: [
                row["gas_used"]
                for row in stage.rows(
                    "SELECT gas_used FROM receipts JOIN intents USING (intent_id) WHERE action = ?", (action,)
                )
            ]
            for action in (65, 66)
        }
        assert 2 * max(gas[65]) < FIX_GAS
        assert 2 * max(gas[66]) < SETTLE_GAS
        told = await asyncio.to_thread(explained, stage, accounts[1])
        assert [("mined", str(-2 * 180 * WAD)), ("mined", "0")] == [
            (its["state"].replace("final_ok", "mined"), its["value_wad"]) for its in told["settlements"]
        ]
        await assert_sound(stage)


def explained(stage: Stage, account: str) -> dict[str, Any]:
    found = CliRunner().invoke(keeper, ["explain", account, "--log", str(stage.settings.state_log), "--json"])
    return cast("dict[str, Any]", json.loads(found.output))


async def _none_left(traders: Traders, accounts: list[str]) -> bool:
    return await traders.held(accounts) == 0
