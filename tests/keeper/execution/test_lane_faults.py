"""A lane whose node, log, key or task misbehaves: outcomes stay open, nothing is done twice."""

# ruff: noqa: ASYNC110 - what another thread does can only be polled, and a test may block

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter

import pytest

from chains.send_errors import SendClass, SendOutcome
from chains.transactions import Fees, TransactionPolicy, sign_transaction
from keeper.execution.intake import Outcome
from keeper.execution.tracked import request_of
from tests.keeper.execution.scene import CHAIN_ID, EMITTER, ETHER, FINALITY_DEPTH, SELECTOR, Scene, call

pytestmark = pytest.mark.chain
GWEI = 10**9
NOBODY_KNOWS = SendOutcome(SendClass.TRANSIENT, "", "timeout", "", may_be_pooled=True)


async def test_without_funds_the_same_bytes_wait_for_a_top_up(scene: Scene) -> None:
    scene.chain.answer = SendOutcome(SendClass.FUNDS, "", "insufficient funds", "", may_be_pooled=False)
    scene.chain.swallow = 3
    await scene.lane.submit([call(1)])
    await scene.mine(4)
    assert [{"blocked": "funds"}] == scene.rows("SELECT blocked FROM intents")
    assert ["sender_funds"] == scene.alerts()
    scene.chain.answer, scene.chain.swallow = None, 0

    await scene.mine(3)

    assert [] == scene.alerts()
    assert Counter([1]) == await scene.emitted()
    assert 1 == len(set(scene.chain.sent))


async def test_what_can_not_be_recorded_is_not_sent(scene: Scene) -> None:
    connection = scene.log._writer._store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    answers = await scene.lane.submit([call(number) for number in range(1, 17)])
    assert {Outcome.HELD} == {answer.outcome for answer in answers}
    await scene.mine(3)
    assert [] == scene.chain.sent

    connection.execute("PRAGMA max_page_count = 1000000")
    answers = await scene.lane.submit([call(number) for number in range(1, 17)])
    await scene.mine()

    assert {Outcome.SENT} == {answer.outcome for answer in answers}
    assert Counter(range(1, 17)) == await scene.emitted()


async def test_an_answer_that_never_came_leaves_the_outcome_open_and_the_nonce_taken(scene: Scene) -> None:
    scene.chain.answer = NOBODY_KNOWS
    await scene.lane.submit([call(1), call(2)])
    assert ["sent_unknown", "sent_unknown"] == scene.states()
    scene.chain.answer = None

    await scene.mine(1 + FINALITY_DEPTH)

    assert ["final_ok", "final_ok"] == scene.states()


async def test_bytes_that_a_node_swallowed_go_out_again_after_two_blocks(scene: Scene) -> None:
    scene.chain.answer, scene.chain.swallow = NOBODY_KNOWS, 1
    await scene.lane.submit([call(1)])
    scene.chain.answer = None

    await scene.mine(3)

    assert Counter([1]) == await scene.emitted()
    assert 1 == len(set(scene.chain.sent))


async def test_a_receipt_that_is_late_is_waited_for_and_nothing_is_sent_meanwhile(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FINALITY_DEPTH
    await scene.mine(FINALITY_DEPTH)
    assert ["broadcast"] == scene.states()

    await scene.mine(1)

    assert ["final_ok"] == scene.states()
    assert [] == scene.alerts()
    assert 1 == len(scene.chain.sent)


async def test_a_receipt_of_a_block_that_is_not_canonical_is_not_believed(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.wrong_block = True
    await scene.mine(2 * FINALITY_DEPTH)
    assert ["broadcast"] == scene.states()

    scene.chain.wrong_block = False
    await scene.mine()

    assert ["final_ok"] == scene.states()


async def test_a_node_whose_nonce_lags_leads_to_no_second_call(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.nonce_lag = 1
    await scene.mine(4)
    scene.chain.nonce_lag = 0
    await scene.lane.submit([call(2)])

    await scene.mine(1 + FINALITY_DEPTH)

    assert Counter([1, 2]) == await scene.emitted()
    assert ["final_ok", "final_ok"] == scene.states()


async def test_a_nonce_taken_by_another_is_lost_only_when_that_is_final(scene: Scene) -> None:
    await scene.lane.submit([call(1), call(2)])
    await scene.node("anvil_dropAllTransactions")
    await scene.client.send_raw(await foreign_call(scene))

    for _ in range(FINALITY_DEPTH):
        await scene.mine()
        assert "final_lost_nonce" not in scene.states()
    await scene.mine(3)

    assert ["final_lost_nonce", "final_ok"] == scene.states()
    assert ["foreign_nonce"] == scene.alerts()
    assert Counter([99, 2]) == await scene.emitted()


async def test_a_foreign_call_that_a_reorg_moved_up_is_not_final_yet(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.node("anvil_dropAllTransactions")
    raw = await foreign_call(scene)
    await scene.client.send_raw(raw)
    await scene.mine(FINALITY_DEPTH)

    await scene.node("anvil_reorg", FINALITY_DEPTH, [["0x" + raw.hex(), FINALITY_DEPTH - 1]])
    await scene.mine()
    assert scene.states() == ["broadcast"]
    await scene.mine(FINALITY_DEPTH)

    assert ["final_lost_nonce"] == scene.states()


async def test_a_restart_hands_pending_bytes_over_at_once_and_goes_on_with_the_next_nonce(
    scene: Scene,
) -> None:
    await scene.lane.submit([call(1), call(2)])
    before = list(scene.chain.sent)
    await scene.node("anvil_dropAllTransactions")
    await scene.close()

    await scene.open()

    assert before == scene.chain.sent[2:]
    assert [Outcome.SENT] == [answer.outcome for answer in await scene.lane.submit([call(3)])]
    assert [0, 1, 2] == [row["nonce"] for row in scene.rows("SELECT nonce FROM intents ORDER BY nonce")]
    await scene.mine()
    assert Counter([1, 2, 3]) == await scene.emitted()


async def test_while_the_log_is_unavailable_not_even_old_bytes_go_out(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    other = sqlite3.connect(scene.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([call(2)])]
    await scene.node("anvil_dropAllTransactions")

    await scene.mine(4)
    assert len(scene.chain.sent) == 1
    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(5):
        while not scene.log.available:
            await asyncio.sleep(0.005)
    await scene.mine(2)

    assert Counter([1]) == await scene.emitted()


async def test_a_log_that_was_taken_away_stops_the_lane_and_nothing_else(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    elsewhere = scene.path.rename(scene.path.with_name("elsewhere"))

    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([call(2)])]
    await scene.mine(4)
    assert len(scene.chain.sent) == 1

    elsewhere.rename(scene.path)
    await scene.mine(2)


async def test_a_node_that_lags_behind_the_head_undoes_nothing(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.mine(FINALITY_DEPTH)
    scene.chain.blind_blocks = scene.chain.blind_receipts = 1

    await scene.mine()
    assert ["mined"] == scene.states()
    await scene.mine()

    assert ["final_ok"] == scene.states()
    assert len(scene.chain.sent) == 1


async def test_a_chain_that_lost_its_newest_blocks_is_believed(scene: Scene) -> None:
    await scene.mine(2)
    await scene.lane.submit([call(1)])
    await scene.mine(1)
    assert ["mined"] == scene.states()

    await scene.node("anvil_rollback", 1)
    await scene.look()
    assert ["broadcast"] == scene.states()
    await scene.mine(1 + FINALITY_DEPTH)

    assert ["final_ok"] == scene.states()


async def test_a_lane_that_fell_behind_its_log_catches_up_and_skips_no_nonce(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.lane._next_nonce = 0
    scene.lane._live.clear()

    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([call(2)])]
    assert [Outcome.SENT] == [answer.outcome for answer in await scene.lane.submit([call(2)])]

    await scene.mine()
    assert Counter([1, 2]) == await scene.emitted()


async def test_a_halted_lane_sends_nothing_until_it_has_recovered(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.node("anvil_dropAllTransactions")
    scene.lane.halt("the chain is stale")

    assert [Outcome.HELD] == [answer.outcome for answer in await scene.lane.submit([call(2)])]
    await scene.mine(4)
    assert len(scene.chain.sent) == 1

    await scene.lane.recover(await scene.client.head())
    await scene.mine()
    assert Counter([1]) == await scene.emitted()


async def test_a_cancelled_task_leaves_the_lane_able_to_go_on(scene: Scene) -> None:
    for pauses in range(12):
        task = asyncio.ensure_future(scene.lane.submit([call(pauses + 1)]))
        for _ in range(pauses * 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    await scene.mine(5)
    states = scene.states()

    assert set(states) <= {"final_ok", "mined"}
    assert len(states) == sum((await scene.emitted()).values())


async def test_what_the_signer_does_not_sign_is_held_and_leaves_no_gap(scene: Scene) -> None:
    scene.signer.silent = {2}
    answers = await scene.lane.submit([call(1), call(2), call(3)])
    again = await scene.lane.submit([call(2)])

    await scene.mine(1 + FINALITY_DEPTH)

    assert {1: Outcome.SENT, 2: Outcome.HELD, 3: Outcome.SENT} == {
        answer.intent.sequence: answer.outcome for answer in answers
    }
    assert [Outcome.SENT] == [answer.outcome for answer in again]
    assert ["final_ok"] * 3 == scene.states()
    assert {1: 1, 2: 1, 3: 1} == await scene.emitted()


async def test_a_bump_that_the_signer_does_not_sign_is_asked_for_again(scene: Scene) -> None:
    scene.signer.silent = {2}
    await scene.lane.submit([call(1)])
    await scene.node("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))

    await scene.mine(8)

    assert 3 <= scene.signer.asked
    assert {1: 1} == await scene.emitted()


async def foreign_call(scene: Scene) -> bytes:
    policy = TransactionPolicy(CHAIN_ID, frozenset({(EMITTER, SELECTOR)}), 10**6, 10**12, ETHER)
    signed = await sign_transaction(request_of(call(99), 0, Fees(GWEI, 50 * GWEI)), scene.key, policy)
    scene.foreign.add(signed.tx_hash)
    return signed.raw
