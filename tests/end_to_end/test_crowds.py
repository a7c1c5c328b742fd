"""Many accounts fail in one block: all of them are liquidated within a few, and none of them twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from keeper.state.reader import Row
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


@pytest.mark.parametrize(("keepers", "at_once"), [(1, 32), (2, 50)])
async def test_fifty_are_sent_within_two_blocks_without_a_nonce_error(
    tmp_path: Path, keepers: int, at_once: int
) -> None:
    """Blocks come when told: what must happen between two of them has as long as it takes.

    Each signer has at most 32 in flight: with one, the rest goes with the next block; with two, all at once.
    """
    plan = ChainPlan("gamma", 31_148 + keepers, block_time_s=0, pace_s=30)
    async with Stage(tmp_path, plan, keepers=keepers) as stage:
        crowd = Crowd(stage.chain)
        bad = await crowd.open(owing(1, 50, 1_400, 0.5))
        good = await crowd.open(owing(1_001, 5, 500, 60))
        async with Daemon(stage.config):
            await stage.known([*bad, *good])
            await stage.move(CRASH)
            await stage.chain.mine()
            fell = await stage.chain.height()
            await until(
                lambda: len(_sends(stage)) == at_once, f"{at_once} are sent before the next block", 90
            )
            await stage.chain.mine()
            await until(lambda: len(_sends(stage)) == 50, "all are sent before the block after", 90)
            await stage.chain.mine()
            await until(lambda: _all(stage, bad), "all are liquidated", 90)
            await stage.chain.mine(3)
            await stage.quiet()

        sends = _sends(stage)
        assert Counter(bad) == Counter(send["account_id"] for send in sends)
        assert all(fell <= int(send["block"]) <= fell + 1 for send in sends)
        assert {"published"} == {row["last_send_class"] for row in stage.rows("SELECT * FROM attempts")}
        assert [] == stage.rows("SELECT * FROM intents WHERE state <> 'final_ok'")
        assert _shares(keepers) == sorted(Counter(send["sender"] for send in sends).values())
        for key in stage.keepers:
            nonces = [send["nonce"] for send in sends if send["sender"] == key.address]
            assert sorted(nonces) == list(range(min(nonces), min(nonces) + len(nonces)))
        assert Counter(bad) == await liquidated(stage, [*bad, *good])
        await assert_sound(stage)


def _shares(keepers: int) -> list[int]:
    return [50 // keepers] * keepers


def _sends(stage: Stage) -> list[Row]:
    """The first time each intent was handed over, at which head."""
    return stage.rows(
        "SELECT account_id, attempts.sender, attempts.nonce, min(json_extract(body, '$.block_number')) AS block"
        " FROM journal JOIN attempts ON tx_hash = json_extract(body, '$.tx_hash')"
        " JOIN intents ON intents.intent_id = attempts.intent_id"
        " WHERE journal.kind = 'attempt_sent' GROUP BY intents.intent_id"
    )


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
