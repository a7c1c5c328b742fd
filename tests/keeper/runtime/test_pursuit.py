"""Plans carried out: one step per chain and account at a time, never in a hurry after what did not work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chains.hub.attestation import Action
from chains.hub.codec import LIQUIDATE, attested_call
from config.units import WAD
from keeper.attest.quorum import Quorum
from keeper.attest.wire import RefusalReason
from keeper.domain.health import AccountState, Interval
from keeper.domain.intent import Intent, IntentState
from keeper.domain.plan import Plan
from keeper.execution.intake import Outcome
from keeper.runtime.calls import attested_health, step_of
from keeper.runtime.outcomes import note_outcome
from keeper.state.entries import Entry
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.reader import LogReader
from tests.keeper.attest.proposals import good, world_for
from tests.keeper.runtime.scene import Mined, Scene
from tests.keeper.state.samples import decision as sample_decision
from tests.keeper.watch.world import (
    ACCOUNT,
    NOW_MS,
    TOKENS,
    log_path,
    opened,
    price_set,
)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


@pytest.fixture
async def scene(log: StateLog) -> AsyncIterator[Scene]:
    found = Scene(world_for(Action.REPAY), log)
    running = asyncio.create_task(found.pursuit.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_liquidatable_account_is_attested_and_sent_once(scene: Scene) -> None:
    await scene.turn()
    await scene.turn()
    await scene.turn()

    (intent,) = scene.lanes["alpha"].taken
    assert (ACCOUNT, Action.REPAY) == (intent.account_id, intent.action)
    assert 1 == len(scene.quorum.asked)
    assert 1 == scene.decisions()


async def test_a_short_quorum_makes_no_storm_though_another_chain_of_the_account_is_free(
    scene: Scene,
) -> None:
    scene.world.mine("beta", *opened("beta", eth="0.01"))
    scene.quorum.short = True

    for _ in range(10):
        await scene.turn()

    assert 1 == len(scene.quorum.asked)
    assert 1 == scene.decisions()
    assert scene.patience.must_wait(ACCOUNT, "alpha")
    scene.now_ms += 501
    scene.quorum.short = False
    await scene.turn()
    assert 1 == len(scene.lanes["alpha"].taken)
    assert not scene.patience.must_wait(ACCOUNT, "alpha")


@pytest.mark.parametrize(
    ("reason", "doubted"),
    [
        (RefusalReason.HEALTHY, {"alpha", "beta"}),
        (RefusalReason.VERSION, {"alpha", "beta"}),
        (RefusalReason.PRICE, set()),
        (RefusalReason.UNREACHABLE, set()),
    ],
)
async def test_where_an_attestor_sees_other_amounts_the_accounts_chains_are_read_again(
    scene: Scene, reason: RefusalReason, doubted: set[str]
) -> None:
    scene.world.mine("beta", *opened("beta", eth="0.01"))
    scene.quorum.short, scene.quorum.reason = True, reason
    await scene.turn()

    assert doubted == {chain for chain, doubt in scene.world.evidence.doubts.items() if doubt.is_set()}


async def test_an_alert_of_a_short_quorum_ends_with_the_need_for_one(scene: Scene) -> None:
    scene.quorum.short = True
    await scene.turn()
    assert ["quorum"] == open_alerts(scene)
    await scene.turn()
    assert ["quorum"] == open_alerts(scene)
    scene.world.evidence.prices = price_set(4_000)
    await scene.turn()

    assert [] == open_alerts(scene)


def open_alerts(scene: Scene) -> list[str]:
    with LogReader(scene.log.path) as reader:
        rows = reader.select("SELECT dedupe_key FROM alerts WHERE closed_at_ms IS NULL ORDER BY dedupe_key")
    return [row["dedupe_key"] for row in rows]


async def test_a_lane_that_is_not_ready_makes_no_decisions_grow(scene: Scene) -> None:
    scene.lanes["alpha"].ready = False

    for _ in range(5):
        await scene.turn()

    assert 1 == scene.decisions()
    scene.lanes["alpha"].ready = True
    await scene.turn()
    assert 1 == len(scene.lanes["alpha"].taken)


async def test_what_a_lane_holds_is_tried_again_later_and_not_at_once(scene: Scene) -> None:
    scene.lanes["alpha"].outcome = Outcome.HELD

    await scene.turn()
    await scene.turn()
    assert 1 == len(scene.lanes["alpha"].taken)
    scene.now_ms += 501
    await scene.turn()

    assert 2 == len(scene.lanes["alpha"].taken)


async def test_a_step_that_reverts_is_not_repeated_in_a_loop(scene: Scene) -> None:
    lane = scene.lanes["alpha"]
    for _ in range(40):
        await scene.turn()
        for one in [each for each in lane.live if each.is_open]:
            one.is_open, one.view.mined = False, Mined("0x1", 0)
            note_outcome(scene.patience, cast("Any", lane), one.intent, IntentState.MINED, "cooldown")
            lane.live.remove(one)
        scene.now_ms += 1_000

    assert 4 == len(lane.taken)  # at 0, 4, 12 and 28 seconds


async def test_a_mined_step_does_not_keep_the_next_position_waiting_until_it_is_final(scene: Scene) -> None:
    await scene.turn()
    (one,) = scene.lanes["alpha"].live
    plan = sample_decision().plan
    assert plan is not None
    same, other = (replace(plan.steps[0], item=item) for item in (1, 0))
    decided = replace(
        sample_decision(), account_id=ACCOUNT, plan=Plan(ACCOUNT, (same, other), None, 0, False, "")
    )

    assert not scene.pursuit.takes(decided)
    one.is_open = False

    assert [other] == scene.pursuit._beginnings(decided)


async def test_a_hung_chain_does_not_delay_another(scene: Scene) -> None:
    hold = asyncio.Event()
    scene.lanes["alpha"].hold = hold
    await scene.turn()
    assert scene.pursuit._under_way
    other = "0x" + "dd" * 32
    scene.world.mine("beta", *opened("beta", eth="1", debt=1_700, account=other))

    await scene.engine.evaluate()
    async with asyncio.timeout(5):
        await scene.lanes["beta"].got_some.wait()

    assert [] == scene.lanes["alpha"].taken
    hold.set()


async def test_a_log_that_fails_between_question_and_answer_ends_the_round_and_not_the_pursuit(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.quorum.short = True

    async def full(quorums: Sequence[Quorum]) -> None:
        raise LogUnavailable("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(scene.pursuit, "_note_answers", full)
        await scene.turn()
    assert scene.patience.must_wait(ACCOUNT, "alpha")
    scene.now_ms += 501
    scene.quorum.short = False
    await scene.turn()

    assert 1 == len(scene.lanes["alpha"].taken)


async def test_without_the_log_nothing_is_asked_and_it_is_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.engine.evaluate()

    async def full(*entries: Entry) -> int:
        raise LogUnavailable("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(scene.log, "write", full)
        await scene.settle()
    assert ([], []) == (scene.quorum.asked, scene.lanes["alpha"].taken)
    scene.now_ms += 501
    await scene.turn()

    assert 1 == len(scene.lanes["alpha"].taken)


@pytest.mark.parametrize("action", [Action.REPAY, Action.CLOSE, Action.REPAY_CROSS, Action.SEIZE])
def test_a_live_step_is_read_back_from_its_calldata(action: Action) -> None:
    world = world_for(action)
    attestation = good(world, action)
    chain = "beta" if action is Action.SEIZE else "alpha"
    call = attested_call(LIQUIDATE, (), attestation, ())
    intent = Intent(
        "0x1", "", chain, 1, "", ACCOUNT, "", int(action), attestation.item, 1, "0x" + call.hex(), 1, 5, 0
    )

    step = step_of(intent, world.evidence.known)

    assert (action, chain, attestation.max_size, attestation.price, 5) == (
        step.action,
        step.chain,
        step.size,
        step.price_wad,
        step.value_wad,
    )
    if action is Action.REPAY_CROSS:
        assert ("beta", TOKENS["beta"][1]) == (step.target_chain, step.target_token)
    assert (attestation.claim if action is Action.SEIZE else None) == step.claim


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (None, 0),
        (Interval(8, 9, WAD - 1), WAD - 1),
        (Interval(8, 9, WAD), 9),
        (Interval(-3, -2, -1), 0),
    ],
)
def test_the_attested_health_is_one_that_the_hub_lets_through(health: Interval | None, expected: int) -> None:
    assert expected == attested_health(health)


async def test_what_the_log_did_not_take_is_told_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*entries: Entry) -> int:
        raise LogUnavailable("disk full")

    scene.world.evidence.prices = price_set(1_000)
    with monkeypatch.context() as patched:
        patched.setattr(scene.log, "write", full)
        with pytest.raises(LogUnavailable):
            await scene.engine.evaluate()
    assert ACCOUNT in scene.world.evidence.touched

    await scene.turn()

    with LogReader(scene.log.path) as reader:
        notices = reader.select("SELECT kind FROM notices")
    assert 1 == scene.decisions()
    assert ["called"] == [row["kind"] for row in notices]


async def test_an_account_is_decided_once_while_nothing_changes_and_its_state_is_noted(log: StateLog) -> None:
    scene = Scene(world_for(Action.WITHDRAW), log)

    for _ in range(3):
        await scene.engine.evaluate()

    assert 1 == scene.decisions()
    assert {ACCOUNT: AccountState.HEALTHY} == scene.engine._states


async def test_a_claim_is_told_when_it_opens_and_when_it_is_gone(log: StateLog) -> None:
    scene = Scene(world_for(Action.SEIZE), log)
    await scene.engine.evaluate()
    await scene.engine.evaluate()

    with LogReader(log.path) as reader:
        rows = reader.select("SELECT state FROM claims")
    assert ["open"] == [row["state"] for row in rows]
    assert 1 == len(scene.engine._claims)
