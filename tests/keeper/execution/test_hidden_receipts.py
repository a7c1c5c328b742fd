"""A nonce that is used and a receipt that does not come: ours or another's, told by the block that used it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.keeper.execution.scene import FINALITY_DEPTH, Scene, call
from tests.keeper.execution.test_lane_faults import foreign_call

pytestmark = pytest.mark.chain
FOR_EVER = 10**9
LONG = 2 * FINALITY_DEPTH + 2


async def test_a_receipt_hidden_for_longer_than_finality_is_no_loss_and_is_taken_when_it_comes(
    scene: Scene,
) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FOR_EVER
    await scene.mine(FINALITY_DEPTH)
    assert [] == scene.alerts()
    await scene.mine(LONG)

    assert [{"state": "broadcast", "blocked": "receipt"}] == scene.rows("SELECT state, blocked FROM intents")
    assert ["hidden_receipt"] == scene.alerts()
    (told,) = scene.rows("SELECT detail, advice FROM alerts")
    (attempt,) = scene.rows("SELECT tx_hash FROM attempts")
    assert f"a node gives no receipt of {attempt['tx_hash']} in block 1" in told["detail"]
    assert "its position is not acted on" in told["advice"]
    scene.chain.blind_receipts = 0
    await scene.mine()

    assert ["final_ok"] == scene.states()
    assert [] == scene.alerts()
    assert [{"n": 1}] == scene.rows("SELECT count(*) AS n FROM alerts")
    assert 1 == len(scene.chain.sent)


async def test_while_a_receipt_is_hidden_its_position_waits_and_others_go_on(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FOR_EVER
    await scene.mine(LONG)

    assert scene.lane.is_busy(call(1).account_id, call(1).position_key)
    assert "" == scene.lane.hindrance
    scene.chain.blind_receipts = 1
    await scene.lane.submit([call(2)])
    await scene.mine(1 + FINALITY_DEPTH)

    assert Counter([1, 2]) == await scene.emitted()
    assert ["final_ok", "final_ok"] == scene.states()


async def test_once_proven_a_hidden_receipt_is_asked_for_and_nothing_is_searched_again(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FOR_EVER
    await scene.mine(LONG)
    before = scene.chain.counts_asked

    await scene.mine(5)

    assert 5 == scene.chain.counts_asked - before


async def test_a_receipt_that_another_node_shows_is_taken_from_it_and_nobody_is_told(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts, scene.chain.other_shows = FOR_EVER, True

    await scene.mine(2 + FINALITY_DEPTH)

    assert ["final_ok"] == scene.states()
    assert [] == scene.rows("SELECT 1 FROM alerts")


async def test_a_hidden_receipt_survives_restarts_and_its_alert_ends_with_it(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts = FOR_EVER
    await scene.mine(LONG)
    await scene.close()
    await scene.open()
    await scene.mine(LONG)
    assert ["broadcast"] == scene.states()
    assert ["hidden_receipt"] == scene.alerts()
    assert 1 == len(scene.chain.sent)
    await scene.close()
    scene.chain.blind_receipts = 0

    await scene.open()

    assert ["final_ok"] == scene.states()
    assert [] == scene.alerts()


async def test_receipts_that_are_no_receipts_are_as_good_as_hidden(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    scene.chain.broken_receipts, scene.chain.other_shows = True, False
    await scene.mine(1)
    scene.chain.wrong_block, scene.chain.broken_receipts = True, False
    await scene.mine(2 + FINALITY_DEPTH)

    assert [("broadcast", ["hidden_receipt"])] == [(state, scene.alerts()) for state in scene.states()]
    scene.chain.wrong_block = False
    await scene.mine()

    assert [("final_ok", [])] == [(state, scene.alerts()) for state in scene.states()]


async def test_a_foreign_nonce_is_known_though_no_receipt_can_be_asked_for(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.node("anvil_dropAllTransactions")
    await scene.client.send_raw(await foreign_call(scene))
    scene.chain.broken_receipts = True

    await scene.mine(2 + FINALITY_DEPTH)

    assert [("final_lost_nonce", ["foreign_nonce"])] == [(each, scene.alerts()) for each in scene.states()]


async def test_a_nonce_used_long_before_a_restart_is_found_far_back(scene: Scene) -> None:
    await scene.mine(40)
    await scene.lane.submit([call(1)])
    await scene.close()
    scene.chain.blind_receipts = FOR_EVER
    await scene.node.mine(100)

    await scene.open()
    before = scene.chain.counts_asked
    await scene.mine(1 + FINALITY_DEPTH)

    assert ["hidden_receipt"] == scene.alerts()
    assert 25 > scene.chain.counts_asked - before


async def test_a_foreign_nonce_is_lost_though_a_node_hides_receipts(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    await scene.node("anvil_dropAllTransactions")
    await scene.client.send_raw(await foreign_call(scene))
    scene.chain.blind_receipts = FOR_EVER

    await scene.mine(2 + FINALITY_DEPTH)

    assert ["final_lost_nonce"] == scene.states()
    assert ["foreign_nonce"] == scene.alerts()
    (lost,) = scene.rows("SELECT reason FROM intents")
    assert f"nonce 0 was used by {min(scene.foreign)} in block 1" == lost["reason"]


async def test_where_nobody_can_tell_who_used_it_nothing_is_said_before_it_lasted(scene: Scene) -> None:
    await scene.mine(3)
    await scene.lane.submit([call(1)])
    scene.chain.blind_receipts, scene.chain.blind_state_below = FOR_EVER, 4
    await scene.mine(2 * FINALITY_DEPTH)
    assert [("broadcast", [])] == [(state, scene.alerts()) for state in scene.states()]

    await scene.mine()
    assert [("broadcast", ["hidden_receipt"])] == [(state, scene.alerts()) for state in scene.states()]
    (told,) = scene.rows("SELECT detail FROM alerts")
    assert "who used nonce 0 can not be told: missing trie node" in told["detail"]
    assert "its key may be used elsewhere" == scene.lane.hindrance
    scene.chain.blind_state_below = 0
    await scene.mine()
    assert "" == scene.lane.hindrance
    scene.chain.blind_receipts = 0
    await scene.mine()

    assert [("final_ok", [])] == [(state, scene.alerts()) for state in scene.states()]


async def test_a_foreign_nonce_that_could_not_be_told_ends_that_alert_when_it_can(scene: Scene) -> None:
    await scene.mine(3)
    await scene.lane.submit([call(1)])
    await scene.node("anvil_dropAllTransactions")
    await scene.client.send_raw(await foreign_call(scene))
    scene.chain.blind_state_below = 4
    await scene.mine(LONG)
    assert ["hidden_receipt"] == scene.alerts()
    scene.chain.blind_state_below = 0

    await scene.mine()

    assert ["final_lost_nonce"] == scene.states()
    assert ["foreign_nonce"] == scene.alerts()
