"""One position, one step on its way: what is mined is built upon, what is not is waited for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from keeper.execution.intake import Outcome
from tests.keeper.execution.scene import FINALITY_DEPTH, Scene, call

pytestmark = pytest.mark.chain


async def test_a_position_is_free_again_once_its_step_is_mined_and_not_before(scene: Scene) -> None:
    await scene.lane.submit([call(1)])
    (again,) = await scene.lane.submit([replace(call(2), account_id=call(1).account_id)])
    assert (Outcome.HELD, "its position has a live intent") == (again.outcome, again.reason)

    await scene.mine()
    (again,) = await scene.lane.submit([replace(call(2), account_id=call(1).account_id)])
    assert again.outcome is Outcome.SENT
    assert ["debt/ETH", "debt/ETH~1"] == [
        row["position_key"] for row in scene.rows("SELECT position_key FROM intents ORDER BY nonce")
    ]
    await scene.mine(1 + FINALITY_DEPTH)
    assert ["final_ok"] * 2 == scene.states()


async def test_two_steps_of_a_position_that_a_reorg_brings_back_are_mined_in_their_order(
    scene: Scene,
) -> None:
    account = call(1).account_id
    await scene.lane.submit([call(1)])
    await scene.mine()
    await scene.lane.submit([replace(call(2), account_id=account)])
    await scene.node("anvil_reorg", 1, [])
    await scene.look()
    (third,) = await scene.lane.submit([replace(call(3), account_id=account)])

    await scene.mine(3 + FINALITY_DEPTH)

    assert third.outcome is Outcome.HELD
    assert ["final_ok"] * 2 == scene.states()
    assert Counter([1, 2]) == await scene.emitted()
