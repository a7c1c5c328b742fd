"""What was signed and may still be mined: until its deadline, its hub's next sequence or the owner's next action."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.hub.attestation import Action, Attestation
from keeper.attest.promises import GRACE_S
from keeper.attest.steps_out import StepsOut
from keeper.planner.effects import Move
from tests.keeper.attest.proposals import NOBODY, ZERO
from tests.keeper.margin.builders import CHAINS, account, leg

HERE, THERE, _ = CHAINS
ACCOUNT = account(leg(HERE, tokens={"ETH": "1"}, owes="1700"), leg(THERE, owes="5"))
BY_ID = dict(enumerate(CHAINS, 1))
NOW_S = 1_000


def asked(action: Action = Action.REPAY, **changes: Any) -> Attestation:
    attestation = Attestation(
        action=int(action),
        account=ACCOUNT.account_id,
        version=1,
        sequence=7,
        epoch=1,
        item=1,
        max_size=500,
        price=1,
        health=1,
        value=0,
        claim=ZERO,
        target=NOBODY,
        beneficiary=NOBODY,
        blocks_root=ZERO,
        policy_hash=ZERO,
        price_set="",
        observed_at=NOW_S,
        deadline=NOW_S + 60,
    )
    return replace(attestation, **changes)


OTHER = asked(Action.CLOSE, item=0)


def noted(*attestations: Attestation, chain: str = HERE) -> StepsOut:
    steps = StepsOut(BY_ID)
    for each in attestations:
        steps.note(each, chain)
    return steps


def test_a_step_counts_for_every_other_item_and_chain() -> None:
    steps = noted(asked())

    for chain in (HERE, THERE):
        assert [Move(Action.REPAY, HERE, 1, 500)] == steps.live(ACCOUNT, OTHER, chain, NOW_S)


def test_a_cross_repayment_is_remembered_with_what_it_takes() -> None:
    steps = noted(asked(Action.REPAY_CROSS, item=0, value=2, target="0x" + "aa" * 20))

    assert [Move(Action.REPAY_CROSS, HERE, 0, 500, THERE, "0x" + "aa" * 20)] == steps.live(
        ACCOUNT, OTHER, THERE, NOW_S
    )


def test_the_same_item_may_be_asked_for_again_and_the_newest_question_counts() -> None:
    steps = noted(asked(), asked(sequence=8, max_size=300))

    assert [] == steps.live(ACCOUNT, asked(sequence=9), HERE, NOW_S)
    assert [300] == [move.size for move in steps.live(ACCOUNT, OTHER, HERE, NOW_S)]


@pytest.mark.parametrize("action", [Action.SEIZE, Action.WRITE_OFF, Action.WITHDRAW, Action.TRADE])
def test_what_reduces_nothing_is_not_remembered(action: Action) -> None:
    assert [] == noted(asked(action)).live(ACCOUNT, OTHER, THERE, NOW_S)


@pytest.mark.parametrize("changes", [{"version": 2}, {"last_sequence": 7}])
def test_a_step_that_its_hub_would_not_take_any_more_does_not_count(changes: dict[str, int]) -> None:
    moved = replace(ACCOUNT, legs=(replace(ACCOUNT.legs[0], **changes), ACCOUNT.legs[1]))  # type: ignore[arg-type] # by name

    assert [] == noted(asked()).live(moved, OTHER, THERE, NOW_S)
    assert [] == noted(asked()).live(replace(ACCOUNT, legs=ACCOUNT.legs[1:]), OTHER, THERE, NOW_S)


def test_a_step_is_out_until_a_hub_that_is_behind_is_past_its_deadline() -> None:
    steps = noted(asked())

    assert [] != steps.live(ACCOUNT, OTHER, THERE, NOW_S + 60 + GRACE_S)
    assert [] == steps.live(ACCOUNT, OTHER, THERE, NOW_S + 61 + GRACE_S)
