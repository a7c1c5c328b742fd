"""How cases at venues end: by whose event, by whose doing, and what a call that failed is put down to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from chains.blocks import Head
from chains.venues.venue import Outcome
from keeper.domain.intent import Intent
from keeper.runtime.venue_cases import Case, Cases, Failed
from keeper.runtime.venue_sight import Happened, VenueSight
from keeper.venues.endings import Ended, Ending
from keeper.venues.identity import position_key
from keeper.venues.inputs import Means, Quote
from keeper.venues.judge import judge
from keeper.venues.verdict import Reason, Verdict
from tests.keeper.venues.cases import BORROWER, DEBT, EXECUTOR, KIND, USDC, WETH, inputs, state

PLACE = ("morpho", BORROWER)
RIVAL = "0x" + "e" * 40
SENT = judge(inputs(), 1)


def sight(dollars: int, *happened: Happened, number: int = 101, touched: bool = False) -> VenueSight:
    found = state(dollars)
    return VenueSight(
        chain="alpha",
        venue="morpho",
        kind="morpho_blue",
        head=Head("alpha", number, "0x" + "a" * 64, "0x" + "b" * 64, 1_012, 0),
        at_s=1_024,
        state=found,
        before=state(1_900),
        healths={BORROWER: KIND.arithmetic.health(found, BORROWER, 1_024)},
        touched=frozenset({BORROWER} if touched else ()),
        happened=happened,
    )


def event(liquidator: str) -> Happened:
    plan = SENT.found.plan
    assert plan is not None
    outcome = Outcome(BORROWER, liquidator, USDC, WETH, DEBT, plan.liquidation.seize)
    return Happened(outcome, 101, 1_012, "0x" + "c" * 64)


def cases(sent: Verdict | None = SENT) -> Cases:
    found = Cases("alpha", EXECUTOR, 25)
    found.open[PLACE] = Case(Reason.SEND, SENT.verdict_id, SENT.found.health_wad, sent=sent)
    return found


def failed(reason: str, block_number: int = 101, *, mined: bool = True) -> Failed:
    intent = SimpleNamespace(position_key=position_key("morpho", BORROWER))
    return Failed(cast("Intent", intent), block_number, mined, reason)


def endings(held: Cases, seen: VenueSight) -> list[Ended]:
    return list(held.endings(seen))


def test_our_event_is_the_end_and_its_amounts_are_those_that_were_to_be_expected() -> None:
    (ended,) = endings(cases(), sight(2_000, event(EXECUTOR)))

    assert (Ending.LIQUIDATED, SENT.verdict_id) == (ended.ending, ended.verdict_id)
    assert (ended.repaid, ended.seized) == (ended.expected_repaid, ended.expected_seized)


def test_anothers_event_is_a_lost_race_and_what_our_call_then_says_is_not_told_again() -> None:
    held = cases()
    (lost,) = endings(held, sight(2_000, event(RIVAL)))
    held.failed(failed("reverted: execution reverted: position is healthy"))

    assert (Ending.LOST_RACE, f"by {RIVAL}", None) == (lost.ending, lost.detail, lost.expected_repaid)
    assert [] == endings(held, sight(2_000))
    assert not held.waits("morpho")


def test_one_event_is_told_once_though_a_block_comes_again() -> None:
    held = cases()

    assert [1, 0] == [len(endings(held, sight(2_000, event(RIVAL)))) for _ in range(2)]


@pytest.mark.parametrize(("touched", "ending"), [(True, Ending.MENDED), (False, Ending.RECOVERED)])
def test_who_is_healthy_again_has_mended_it_or_was_saved_by_prices(*, touched: bool, ending: Ending) -> None:
    held = cases()
    held.failed(failed("reverted: execution reverted: position is healthy"))

    assert [ending] == [each.ending for each in endings(held, sight(2_000, touched=touched))]
    assert PLACE not in held.open


@pytest.mark.parametrize(
    ("reason", "mined", "ending"),
    [
        ("reverted: execution reverted: profit", True, Ending.SWAP_MOVED),
        ("reverted: execution reverted: depth", True, Ending.SWAP_MOVED),
        ("reverted, though it would not have a block before", True, Ending.SWAP_MOVED),
        ("reverted: execution reverted: 29", True, Ending.STOPPED),
        ("reverted: execution reverted: owner", True, Ending.REVERTED),
        ("its deadline has passed", False, Ending.NOT_MINED),
    ],
)
def test_a_call_that_failed_is_put_down_to_what_it_was(reason: str, mined: bool, ending: Ending) -> None:
    held = cases()
    held.failed(failed(reason, mined=mined))

    (ended,) = endings(held, sight(1_900))

    assert (ending, reason) == (ended.ending, ended.detail)
    setback = held.open[PLACE].setback
    assert setback is not None
    assert setback.until_block > 101


def test_a_failure_waits_until_the_venue_was_seen_at_its_block() -> None:
    held = cases()
    held.failed(failed("reverted: execution reverted: profit", 102))

    assert [] == endings(held, sight(1_900))
    assert held.waits("morpho")
    assert [Ending.SWAP_MOVED] == [each.ending for each in endings(held, sight(1_900, number=102))]


def test_what_was_paid_for_by_hand_was_no_swap() -> None:
    by_hand = judge(inputs(means=Means(EXECUTOR, {USDC: 2 * DEBT}, ()), quotes=(Quote("", 0),)), 1)
    held = cases(by_hand)
    held.failed(failed("reverted, though it would not have a block before"))

    assert [Ending.REVERTED] == [each.ending for each in endings(held, sight(1_900))]
