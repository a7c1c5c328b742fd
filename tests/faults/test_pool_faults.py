"""What a pool does to transactions while prices fall: loses, refuses, holds them back, and applies geth's rules."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.devnet.deploy import OWNER
from chains.devnet.faults.pool import GethPool
from chains.devnet.faults.rules import SEND, On, swallowed
from chains.devnet.faults.verdicts import Fail, Yet
from chains.hub.codec import REPAY, selector, word
from tests.end_to_end.crowd import HOLDER
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.foreign import foreign_transaction
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
GWEI = 10**9
ETHER = 10**18
SET_PAUSED = selector("set_paused(bool)")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("pool-faults")
    async with Trial.standing(directory, ("gamma", 31_173)) as trial, trial.daemon():
        yield trial


@pytest.mark.parametrize("case", ["D1", "D2"])
async def test_d1_d2_a_pool_drops_one_of_ours_or_all(trial: Trial, met: Met, case: str) -> None:
    played = await trial.opened()
    await trial.crash()
    sent = await trial.sent(played)

    if case == "D1":
        dropped = await trial.chain.node.rpc("anvil_dropTransaction", sent[0]["tx_hash"])
        assert sent[0]["tx_hash"] == dropped
    else:
        await trial.chain.node.rpc("anvil_dropAllTransactions")
    met(case, 1 if case == "D1" else len(sent))

    await trial.over(played)


async def test_d4_a_replacement_by_geth_s_rules_is_taken_at_the_first_try(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    pool = GethPool(trial.proxy.ask)
    before = trial.proxy.injected[pool.name]
    async with trial.wrong(pool):
        await trial.crash()
        sent = await trial.sent(played)
        raws = [await trial.chain.node.rpc("eth_getTransactionByHash", each["tx_hash"]) for each in sent]
        assert all(raws)
        # Nothing of ours gets in: blocks come and their base fee is too high.
        for _ in range(4):
            cap = trial.stage.rows("SELECT max(max_fee_per_gas_wei) AS cap FROM attempts")[0]["cap"]
            await trial.chain.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(int(cap) + GWEI))
            await trial.block()
        await trial.live(played)
    met("D4", trial.proxy.injected[pool.name] - before)
    refused = trial.stage.rows("SELECT 1 FROM attempts WHERE last_send_class = 'replace_underpriced'")
    assert [] == refused

    await trial.sound(played)
    await trial.calm()


async def test_d5_what_the_pool_already_knows_counts_as_sent(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    known = On(SEND, Yet(Fail(-32_000, "already known")))
    async with trial.wrong(known):
        await trial.crash()
        await trial.sent(played)
        await trial.live(played)
    met("D5", known.met)

    await trial.sound(played)
    newest = trial.stage.rows("SELECT last_send_class FROM attempts ORDER BY signed_seq DESC LIMIT 1")
    assert [{"last_send_class": "published"}] == newest
    await trial.calm()


async def test_d6_another_uses_our_key_three_times(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    for _ in range(3):
        nonce = int(
            await trial.chain.node.rpc("eth_getTransactionCount", trial.stage.keeper.address, "latest"), 16
        )
        foreign = await foreign_transaction(trial.stage.keeper, trial.chain.plan.chain_id, nonce)
        await trial.chain.node.rpc("eth_sendRawTransaction", foreign.raw)
        trial.foreign.add(foreign.tx_hash)
        await trial.block()
    met("D6", 3)
    await until(lambda: trial.ever_alerted("foreign_nonce"), "the foreign use is told")

    await trial.crash()
    await trial.over(played, alerts={"foreign_nonce"})


async def test_d7_a_pool_without_a_queue_refuses_what_comes_too_early(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    first = swallowed()
    first.times = 1
    pool = GethPool(trial.proxy.ask, refuses_gaps=True)
    async with trial.wrong(first, pool):
        await trial.crash()
        await until(
            lambda: trial.stage.rows("SELECT 1 FROM attempts WHERE last_send_class = 'nonce_gap'"),
            "a gap is told",
        )
        met("D7", 1)
        await trial.live(played)

    await trial.sound(played)
    await trial.calm()


async def test_d8_without_funds_the_same_bytes_wait_for_a_top_up(trial: Trial, met: Met) -> None:
    stage, played = trial.stage, await trial.opened()
    address = stage.keeper.address
    held = int(await trial.chain.node.rpc("eth_getBalance", address, "latest"), 16)
    await trial.chain.node.rpc("anvil_setBalance", address, "0x0")
    await trial.crash()
    await until(lambda: trial.ever_alerted("sender_funds"), "the lack of funds is told")
    for _ in range(2):
        await trial.block()
    met("D8", 1)
    await trial.chain.node.rpc("anvil_setBalance", address, hex(held))

    await trial.over(played)


async def test_d9_a_node_s_own_fee_cap_refuses_ours(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    pool = GethPool(trial.proxy.ask, fee_cap_wei=1)
    before = trial.proxy.injected[pool.name]
    async with trial.wrong(pool):
        await trial.crash()
        await until(lambda: trial.ever_alerted("node_fee_cap"), "the node's cap is told")
    met("D9", trial.proxy.injected[pool.name] - before)

    await trial.over(played, alerts={"node_fee_cap"})


async def test_d10_a_step_that_reverts_is_not_repeated_in_a_loop(trial: Trial, met: Met) -> None:
    stage, played = trial.stage, await trial.opened()
    await trial.crash()
    await trial.sent(played)

    # Mined before our steps, in the same block: everything is paused.
    await pause(trial, paused=True)
    await until(lambda: stage.rows("SELECT 1 FROM receipts WHERE status = 0"), "the steps have reverted")
    for _ in range(4):
        await trial.block()
    reverted = len(stage.rows("SELECT 1 FROM receipts WHERE status = 0"))
    met("D10", reverted)
    assert reverted <= len(played.bad)
    await pause(trial, paused=False)

    await trial.live(played, blocks=30)
    await trial.sound(played)
    await trial.calm()


async def pause(trial: Trial, *, paused: bool) -> None:
    data = SET_PAUSED + word(int(paused))
    fields = {
        "from": OWNER,
        "to": trial.chain.deployment.hub,
        "data": "0x" + data.hex(),
        "gas": hex(300_000),
        "maxFeePerGas": hex(500 * GWEI),
        "maxPriorityFeePerGas": hex(500 * GWEI),
    }
    await trial.chain.node.rpc("eth_sendTransaction", fields)
    trial.chain.transactor._nonces.pop(OWNER, None)
    await trial.block()


async def test_j9_its_owner_pays_in_the_same_block_and_is_left_alone(trial: Trial, met: Met) -> None:
    stage, played = trial.stage, await trial.opened()
    await trial.crash()
    await trial.sent(played)

    saved = played.bad[0]
    data = REPAY + bytes.fromhex(saved[2:]) + word(1_000 * 10**6)
    fields = {
        "from": HOLDER,
        "to": trial.chain.deployment.hub,
        "data": "0x" + data.hex(),
        "gas": hex(300_000),
        "maxFeePerGas": hex(500 * GWEI),
        "maxPriorityFeePerGas": hex(500 * GWEI),
    }
    await trial.chain.node.rpc("eth_sendTransaction", fields)
    trial.chain.transactor._nonces.pop(HOLDER, None)
    await trial.block()
    met("J9", 1)

    played.bad.remove(saved)
    played.good.append(saved)
    await trial.over(played)
    assert "healthy" == stage.states()[saved]


async def test_d12_a_stuck_step_is_replaced_and_in_the_end_freed(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    hidden = swallowed()
    async with trial.wrong(hidden):
        await trial.crash()
        await trial.sent(played)
        replaced = "SELECT 1 FROM attempts WHERE reason = 'bump'"
        before = len(trial.stage.rows(replaced))
        for _ in range(8):
            await trial.block()
        assert len(trial.stage.rows(replaced)) > before
    met("D12", hidden.met)

    await trial.over(played)
