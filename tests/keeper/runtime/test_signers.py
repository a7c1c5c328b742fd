"""Several signers of a chain: the least busy one that can carries a step out, and is named before anybody attests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.hub.attestation import Action
from chains.l1_fees import DataCharge
from keeper.domain.intent import Intent
from keeper.runtime.worth import TIP_WEI, gas_costs, worth_wei
from keeper.state.log import StateLog
from tests.keeper.attest.proposals import world_for
from tests.keeper.runtime.scene import Scene, ScriptedLane
from tests.keeper.state.samples import decision
from tests.keeper.watch.world import ACCOUNT, KEEPER, NOW_MS, address, log_path, opened

SECOND = address(0x78)
BENEFICIARY_WORD = 12


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[StateLog]:
    async with StateLog.open(log_path(tmp_path), "live", lambda: NOW_MS) as log:
        yield log


@pytest.fixture
async def scene(log: StateLog) -> AsyncIterator[Scene]:
    found = Scene(world_for(Action.REPAY), log, SECOND)
    running = asyncio.create_task(found.pursuit.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def crowd(scene: Scene, count: int) -> None:
    for number in range(1, count):
        account = f"0x{number:064x}"
        scene.world.mine("alpha", *opened("alpha", eth="1", debt=1_650 + number, account=account))


def lanes(scene: Scene, chain: str = "alpha") -> tuple[ScriptedLane, ScriptedLane]:
    return scene.lanes[chain], scene.others[chain][0]


def beneficiaries(intents: list[Intent]) -> set[str]:
    """Who may use the attestations in these calls."""
    return {"0x" + intent.calldata[10:][64 * BENEFICIARY_WORD :][24:64] for intent in intents}


async def test_steps_go_to_the_least_busy_signer_and_name_who_may_use_them(scene: Scene) -> None:
    crowd(scene, 10)

    await scene.turn()

    first, second = lanes(scene)
    assert (5, 5) == (len(first.taken), len(second.taken))
    assert ({KEEPER.lower()}, {SECOND.lower()}) == (beneficiaries(first.taken), beneficiaries(second.taken))
    assert {KEEPER, SECOND} == {
        each.attestation.beneficiary for batch in scene.quorum.asked for each in batch.proposals
    }
    assert len({intent.account_id for intent in (*first.taken, *second.taken)}) == 10


@pytest.mark.parametrize("others", [(), (SECOND,)])
async def test_fifty_at_once_are_handed_over_largest_first(log: StateLog, others: tuple[str, ...]) -> None:
    scene = Scene(world_for(Action.REPAY), log, *others)
    running = asyncio.create_task(scene.pursuit.run())
    crowd(scene, 50)

    await scene.turn()

    owed = {
        account.account_id: leg.debt.amount
        for account in scene.world.evidence.book.accounts()
        for leg in account.legs
        if leg.chain == "alpha" and leg.debt is not None
    }
    for lane in (scene.lanes["alpha"], *scene.others["alpha"]):
        given = [owed[intent.account_id] for intent in lane.taken]
        assert sorted(given, reverse=True) == given
        assert 50 // (1 + len(others)) == len(given)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_can_not_pay_is_left_out_and_nobody_is_asked_when_no_one_can(scene: Scene) -> None:
    first, second = lanes(scene)
    first.is_solvent = second.is_solvent = False
    await scene.turn()
    assert ([], []) == (first.taken, scene.quorum.asked)

    second.is_solvent = True
    await scene.turn()

    assert ([], 1) == (first.taken, len(second.taken))


async def test_a_full_lane_is_not_asked_and_what_waited_goes_as_soon_as_there_is_room(scene: Scene) -> None:
    crowd(scene, 5)
    first, second = lanes(scene)
    first.room, second.room = 2, 1

    await scene.turn()
    assert (2, 1) == (len(first.taken), len(second.taken))
    first.room = second.room = 0
    await scene.turn()
    first.room = 5
    await scene.turn()

    assert (4, 1) == (len(first.taken), len(second.taken))
    assert 5 == sum(len(batch.proposals) for batch in scene.quorum.asked)


async def test_a_key_that_is_used_elsewhere_is_taken_only_when_no_other_is_left(scene: Scene) -> None:
    crowd(scene, 3)
    first, second = lanes(scene)
    first.hindrance = "its key is used elsewhere"
    await scene.turn()
    assert (0, 3) == (len(first.taken), len(second.taken))

    second.is_solvent = False
    scene.world.mine("alpha", *opened("alpha", eth="1", debt=1_700, account="0x" + "ee" * 32))
    await scene.turn()
    assert 1 == len(first.taken)


async def test_who_repays_must_have_the_stable_for_it_and_is_planned_with_its_own(scene: Scene) -> None:
    first, second = lanes(scene)
    evidence = scene.world.evidence
    evidence.stable_by_sender = {("alpha", KEEPER): 0, ("alpha", SECOND): 10**12}
    first.hindrance = ""

    for _ in range(3):
        await scene.turn()
        scene.now_ms += 501

    assert ([], 1) == (first.taken, len(second.taken))


async def test_what_a_signer_has_under_way_is_not_promised_twice(scene: Scene) -> None:
    crowd(scene, 4)
    evidence = scene.world.evidence
    evidence.stable_by_sender = {("alpha", KEEPER): 10**12, ("alpha", SECOND): 1_000 * 10**6}

    await scene.turn()

    first, second = lanes(scene)
    spent = sum(int(intent.calldata[10:][64 * 6 : 64 * 7], 16) for intent in second.taken)
    assert spent <= 1_000 * 10**6
    assert 4 == len(first.taken) + len(second.taken)


@pytest.mark.parametrize(("first", "other"), [(KEEPER, SECOND), (SECOND, KEEPER)])
async def test_a_claim_is_taken_by_who_opened_it(log: StateLog, first: str, other: str) -> None:
    scene = Scene(world_for(Action.SEIZE), log, other)
    for lane in scene.lanes.values():
        lane.sender = first
    account = scene.world.evidence.book.account(ACCOUNT)
    assert account is not None
    assert {"alpha": KEEPER, "beta": KEEPER} == scene.pursuit.senders(account)
    running = asyncio.create_task(scene.pursuit.run())

    await scene.turn()

    taken = {lane.sender: len(lane.taken) for lane in (scene.lanes["beta"], *scene.others["beta"])}
    assert {KEEPER: 1, SECOND: 0} == taken
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_position_that_one_signer_acts_on_is_not_begun_by_another(scene: Scene) -> None:
    await scene.turn()
    first, second = lanes(scene)
    assert (1, 0) == (len(first.taken), len(second.taken))

    assert not scene.pursuit.is_free(ACCOUNT, "alpha")
    for _ in range(3):
        await scene.turn()
    assert (1, 0) == (len(first.taken), len(second.taken))


async def test_no_lane_takes_anything_while_one_of_them_does_not_know_what_it_has_out(scene: Scene) -> None:
    first, second = lanes(scene)
    second.ready = False
    await scene.turn()
    assert ([], []) == (first.taken, second.taken)

    second.ready = True
    await scene.turn()
    assert 1 == len(first.taken)


async def test_a_call_may_cost_what_the_operator_allows_of_what_it_should_earn(scene: Scene) -> None:
    await scene.turn()
    (intent,) = lanes(scene)[0].taken
    plan = decision().plan
    assert plan is not None
    settings, evidence = scene.world.settings, scene.world.evidence
    insured = evidence.facts["alpha"].limits.insurance_share_bps
    step = replace(plan.steps[0], penalty_wad=20 * 10**18)

    most = worth_wei(step, settings, evidence)
    price = evidence.prices.prices["ETH"].high_wad
    assert price is not None
    share = settings.spending.max_profit_share_bps
    assert 20 * 10**18 * (10_000 - insured) // 10_000 * share // 10_000 * 10**18 // price == most
    assert intent.max_cost_wei is not None
    assert worth_wei(replace(step, action=Action.WRITE_OFF), settings, evidence) is None
    seized = worth_wei(replace(step, action=Action.SEIZE), settings, evidence)
    assert seized is not None
    assert most is not None
    assert seized > most
    evidence.prices = replace(evidence.prices, prices={})
    assert worth_wei(step, settings, evidence) is None


async def test_plans_reckon_with_what_a_rollup_charges_for_data(scene: Scene) -> None:
    settings, evidence = scene.world.settings, scene.world.evidence
    before = gas_costs("alpha", evidence, settings).repay_wad
    head = evidence.statuses["alpha"].head
    eth_wad = evidence.prices.prices["ETH"].mid_wad
    assert head is not None
    assert eth_wad is not None

    evidence.data_charges["alpha"] = DataCharge(fee_wei=10**15, gas=1_000)

    gas_price_wei = 2 * head.base_fee_wei + TIP_WEI
    more_wei = 10**15 + 1_000 * gas_price_wei
    assert before + more_wei * eth_wad // 10**18 == gas_costs("alpha", evidence, settings).repay_wad
    evidence.data_charges["alpha"] = DataCharge(fee_wei=10**18)
    account = evidence.book.account(ACCOUNT)
    assert account is not None
    found = scene.engine._planning.decide(account, None, evidence.cut(NOW_MS), NOW_MS, [])
    assert found is not None
    assert found.plan is not None
    assert () == found.plan.steps
