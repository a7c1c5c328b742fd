"""A nonce that another user of the key took, and that a reorganisation gave back to nobody."""

from __future__ import annotations

from collections import Counter

import pytest

from chains.transactions import Fees, TransactionPolicy, sign_transaction
from keeper.domain.intent import FILL_GAP
from keeper.execution.tracked import request_of
from tests.keeper.execution.scene import CHAIN_ID, EMITTER, ETHER, FINALITY_DEPTH, SELECTOR, Scene, call

pytestmark = pytest.mark.chain

GWEI = 10**9


async def taken_by_another(scene: Scene) -> None:
    """Mine a call that is none of the lane's, and let the lane see it."""
    policy = TransactionPolicy(CHAIN_ID, frozenset({(EMITTER, SELECTOR)}), 10**6, 10**12, ETHER)
    signed = await sign_transaction(request_of(call(99), 0, Fees(GWEI, 50 * GWEI)), scene.key, policy)
    scene.foreign.add(signed.tx_hash)
    await scene.client.send_raw(signed.raw)
    await scene.mine()


async def test_a_nonce_that_fell_back_to_nobody_is_used_up_and_all_above_it_is_mined(scene: Scene) -> None:
    await taken_by_another(scene)
    await scene.lane.submit([call(1), call(2)])
    await scene.node("anvil_reorg", 1, [])
    await scene.look()

    await scene.mine(4)
    assert {"action": FILL_GAP, "nonce": 0, "value_wad": 0} == scene.rows(
        "SELECT action, nonce, value_wad FROM intents WHERE nonce = 0"
    )[0]
    await scene.mine(3 + FINALITY_DEPTH)

    assert ["final_ok"] * 3 == scene.states()
    assert Counter([1, 2]) == await scene.emitted()


async def test_a_nonce_that_comes_back_by_itself_is_left_alone(scene: Scene) -> None:
    await taken_by_another(scene)
    raw = (await scene.node("eth_getBlockByNumber", "latest", True))["transactions"][0]["hash"]
    envelope = await scene.node("eth_getRawTransactionByHash", raw)
    await scene.lane.submit([call(1)])

    await scene.node("anvil_reorg", 1, [[envelope, 0]])
    await scene.look()
    await scene.mine(4 + FINALITY_DEPTH)

    assert [(1, "final_ok")] == [
        (row["nonce"], row["state"]) for row in scene.rows("SELECT nonce, state FROM intents")
    ]
    assert Counter([99, 1]) == await scene.emitted()


async def test_a_gap_is_filled_though_the_lane_is_full_and_after_a_restart(scene: Scene) -> None:
    await scene.close()
    await scene.open(max_in_flight=2)
    await taken_by_another(scene)
    await scene.lane.submit([call(1), call(2)])
    await scene.node("anvil_reorg", 1, [])
    await scene.look()
    await scene.close()
    await scene.open(max_in_flight=2)

    await scene.mine(8 + FINALITY_DEPTH)

    assert ["final_ok"] * 3 == scene.states()


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_nonce_that_was_used_for_good_is_no_gap_whatever_a_node_says_later(
    scene: Scene, restarted: bool
) -> None:
    await taken_by_another(scene)
    await scene.mine(FINALITY_DEPTH)
    if restarted:
        await scene.close()
        await scene.open()
    scene.chain.nonce_lag = 1
    await scene.mine(8)

    assert [] == scene.rows("SELECT nonce FROM intents")
    scene.chain.nonce_lag = 0
    await scene.lane.submit([call(1)])
    await scene.mine(1 + FINALITY_DEPTH)

    assert [(1, "final_ok")] == [
        (row["nonce"], row["state"]) for row in scene.rows("SELECT nonce, state FROM intents")
    ]
