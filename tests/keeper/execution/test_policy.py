"""Before each signature: chain, contract, selector, gas, caps and sender. What was tampered with is not signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.errors import NeverSign
from chains.keys import Key
from chains.send_errors import SendClass, SendOutcome
from chains.transactions import TransactionRequest, sign_transaction
from keeper.execution.intake import Outcome
from tests.keeper.execution.scene import (
    CHAIN_ID,
    EMITTER,
    FINALITY_DEPTH,
    SECRET,
    SELECTOR,
    Moody,
    Scene,
    call,
    terms,
)

GWEI = 10**9
PUBLISHED = SendOutcome(SendClass.PUBLISHED, "", "", "", may_be_pooled=True)


@pytest.mark.chain
@pytest.mark.parametrize(
    "tampered",
    [
        {"contract": "0x" + "99" * 20},
        {"calldata": "0xdeadbeef" + "00" * 28},
        {"calldata": "0x"},
        {"calldata": "0xaabbcc"},
        {"calldata": "0x" + SELECTOR.hex() + "00" * 131_072},
        {"gas_limit": 1_000_001},
        {"gas_limit": 20_999},
        {"contract": Key(SECRET).address},
    ],
    ids=[
        "contract",
        "selector",
        "no call",
        "half a selector",
        "length",
        "much gas",
        "little gas",
        "to itself",
    ],
)
async def test_a_tampered_intent_is_refused_and_the_key_is_not_asked(
    scene: Scene, tampered: dict[str, Any]
) -> None:
    bad, good = await scene.lane.submit([replace(call(1), **tampered), call(2)])
    if bad.intent.sequence != 1:
        bad, good = good, bad

    assert (Outcome.SKIPPED, Outcome.SENT) == (bad.outcome, good.outcome)
    assert 1 == scene.signer.asked
    assert ["policy", ""] == [
        row["reason_class"] for row in scene.rows("SELECT reason_class FROM intents ORDER BY intent_id")
    ]
    await scene.mine(1 + FINALITY_DEPTH)


@pytest.mark.chain
async def test_an_intent_for_another_chain_is_a_mistake_of_ours_and_said_so(scene: Scene) -> None:
    with pytest.raises(ValueError, match="was offered to"):
        await scene.lane.submit([replace(call(1), chain_id=CHAIN_ID + 1)])

    assert 0 == scene.signer.asked
    await scene.close()
    await scene.open()


@pytest.mark.chain
async def test_the_policy_is_asked_again_before_a_bump(scene: Scene) -> None:
    scene.chain.answer, scene.chain.swallow = PUBLISHED, 10**9
    await scene.lane.submit([call(1)])
    await scene.close()
    await scene.open(policy=replace(terms().policy, allowed=frozenset()))
    asked = scene.signer.asked

    await scene.mine(4)

    assert asked == scene.signer.asked
    assert [{"n": 1}] == scene.rows("SELECT count(*) AS n FROM attempts")
    assert ["fee_ceiling"] == scene.alerts()
    scene.chain.answer, scene.chain.swallow = None, 0
    await scene.mine(6 + FINALITY_DEPTH)
    assert ["final_cancelled"] == scene.states() or ["final_ok"] == scene.states()


@pytest.mark.parametrize(
    "change",
    [
        {"value_wei": 1},
        {"chain_id": CHAIN_ID + 1},
        {"max_fee_per_gas_wei": 501 * GWEI},
        {"max_priority_fee_per_gas_wei": 4 * GWEI},
        {"to": "0x" + "99" * 20},
        {"data": b""},
        {"gas_limit": 10**7},
    ],
)
async def test_no_signature_is_made_outside_the_policy(change: dict[str, Any]) -> None:
    request = TransactionRequest(CHAIN_ID, 0, GWEI, 3 * GWEI, 60_000, EMITTER, SELECTOR)
    signer = Moody(Key(SECRET))
    await sign_transaction(request, signer, terms().policy)

    with pytest.raises(NeverSign):
        await sign_transaction(replace(request, **change), signer, terms().policy)

    assert 1 == signer.asked
