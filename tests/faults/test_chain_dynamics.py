"""What a chain does by itself while prices fall: forks of every kind, a head that shrinks, blocks that cost too much."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.end_to_end.crowd import Crowd, Plan
from tests.end_to_end.rounds import CRASHED
from tests.end_to_end.soundness import liquidated
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.foreign import foreign_transaction
from tests.faults.trial import FAILING, Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
GWEI = 10**9
MAX_BUMPS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("dynamics")
    async with Trial.standing(directory, ("gamma", 31_172)) as trial, trial.daemon():
        yield trial


@pytest.mark.parametrize("depth", [1, 2])
async def test_c1_a_fork_drops_mined_steps_and_they_are_mined_again_at_their_own_nonces(
    trial: Trial, met: Met, depth: int
) -> None:
    played = await trial.fallen()
    for _ in range(depth - 1):
        await trial.block()
    slots = len(trial.stage.rows("SELECT 1 FROM slots"))

    await trial.fork(depth)
    assert not await trial.rounds.all_liquidated(played)
    met("C1", depth)

    await trial.over(played)
    assert slots == len(trial.stage.rows("SELECT 1 FROM slots"))


async def test_c2_a_fork_mines_the_same_steps_in_other_blocks(trial: Trial, met: Met) -> None:
    played = await trial.fallen()
    sent = trial.steps(played, "mined")
    await trial.block()
    sends = len(trial.proxy.sent_raw)

    await trial.fork(2, [(each["raw"], 1) for each in sent])
    assert await trial.rounds.all_liquidated(played)
    met("C2", 1)

    await trial.over(played)
    assert sends == len(trial.proxy.sent_raw)


async def test_c3_a_fork_mines_another_s_transaction_at_our_nonce(trial: Trial, met: Met) -> None:
    played = await trial.fallen()
    sent = trial.steps(played, "mined")
    lost = min(sent, key=lambda each: int(each["nonce"]))

    foreign = await foreign_transaction(trial.stage.keeper, trial.chain.plan.chain_id, lost["nonce"])
    await trial.fork(1, [(foreign.raw, 0)])
    met("C3", 1)

    trial.foreign.add(foreign.tx_hash)
    await trial.over(played, alerts={"foreign_nonce"})
    ends = trial.stage.rows("SELECT state FROM intents WHERE intent_id = ?", (lost["intent_id"],))
    assert [{"state": "final_lost_nonce"}] == ends
    assert trial.ever_alerted("foreign_nonce")


async def test_c4_a_fork_takes_the_debt_away_that_made_an_account_liquidatable(
    trial: Trial, met: Met
) -> None:
    stage, crowd = trial.stage, Crowd(trial.chain)
    played = await trial.opened()
    number = 77_000
    (account,) = await crowd.open([Plan(number, debt="900")])
    for _ in range(3):
        await trial.block()
    await stage.known([account])
    await crowd.change_debt(number, 490)
    await stage.move(CRASHED)
    # What a fork can still take away counts for the account: nothing is sent, and the plan is kept ready.
    await until(lambda: stage.states().get(account) == "at_risk", "it is at risk")

    depth = await trial.chain.height() - await height_of_debt(trial, account) + 1
    assert depth <= 2
    await trial.fork(depth)
    met("C4", 1)
    await trial.seen()
    await stage.move(CRASHED)

    for _ in range(4):
        await trial.block()
    assert {} == dict(await liquidated(stage, [account]))
    assert [] == stage.rows("SELECT 1 FROM intents WHERE account_id = ?", (account,))
    await stage.known([account])
    await trial.over(played)


async def height_of_debt(trial: Trial, account: str) -> int:
    """The block in which the account's debt grew last."""
    return max(
        each.block for each in await trial.chain.happened() if getattr(each.event, "account", "") == account
    )


async def test_c6_two_branches_in_turn_ten_times(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    await trial.crash()
    await trial.sent(played)
    rows = len(trial.stage.rows("SELECT 1 FROM attempts"))
    for _ in range(10):
        await trial.block()
        await trial.fork(1)
        await trial.seen()
    met("C6", 10)

    await trial.over(played)
    assert len(trial.stage.rows("SELECT 1 FROM attempts")) <= rows + MAX_BUMPS * FAILING


async def test_c8_the_head_falls_back_and_nothing_replaces_it_for_a_while(trial: Trial, met: Met) -> None:
    played = await trial.fallen()

    await trial.chain.node.rpc("anvil_rollback", 1)
    met("C8", 1)
    await until(
        lambda: trial.stage.rows("SELECT 1 FROM receipts WHERE canonical = 0"),
        "the fall is believed after a while",
    )

    await trial.over(played)


async def test_c13_a_node_starts_again_with_its_chain_and_an_empty_pool(trial: Trial, met: Met) -> None:
    played = await trial.opened()
    await trial.crash()
    await trial.sent(played)

    await trial.restart_node()
    met("C13", 1)
    assert "0x0" == (await trial.chain.node.rpc("txpool_status"))["pending"]

    await trial.over(played)


@pytest.mark.parametrize("case", ["C15", "D3"])
async def test_c15_d3_the_base_fee_leaps_over_what_we_pay(trial: Trial, met: Met, case: str) -> None:
    played = await trial.opened()
    await trial.crash()
    sent = await trial.sent(played)
    cap = trial.stage.rows("SELECT max(max_fee_per_gas_wei) AS cap FROM attempts")[0]["cap"]
    blocks = 3 if case == "C15" else 1

    for _ in range(blocks):
        await trial.chain.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(int(cap) + GWEI))
        await trial.block()
    met(case, blocks)

    await trial.over(played)
    nonces = {
        row["nonce"]
        for each in sent
        for row in trial.stage.rows("SELECT nonce FROM attempts WHERE intent_id = ?", (each["intent_id"],))
    }
    assert {each["nonce"] for each in sent} == nonces
