"""Each reason of the closed list, and the plan where there is one; the same inputs give the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.venues.executor.codec import NO_POOL
from chains.venues.venue import Obstacle
from config.units import WAD
from keeper.venues.inputs import Costs, Means, Quote, Setback
from keeper.venues.judge import find, judge, replay
from keeper.venues.verdict import OF_OBSTACLE, Reason
from oracles.policy import Liveness
from tests.keeper.venues.cases import COLLATERAL, DEBT, EXECUTOR, POOL, USDC, inputs


def test_who_is_under_one_at_a_price_that_all_agree_on_is_liquidated_if_it_pays() -> None:
    found = find(inputs())

    assert Reason.SEND is found.reason
    assert found.plan is not None
    assert (POOL, DEBT, 3 * 10**17) == (found.plan.pool, found.plan.room, found.plan.kept)
    # 0.3 ether at $1,898.10, half a percent lost on resale, less gas of 0.005 ether at $1,901.90.
    assert 3 * 10**17 * 18981 // 10 * 9_950 // 10_000 - 5 * 10**15 * 19019 // 10 == found.plan.profit_wad
    assert found.plan.kept // 2 == found.plan.least_kept
    assert 0 < (found.health_wad or 0) < WAD


def test_the_same_inputs_give_the_same_verdict_byte_for_byte() -> None:
    verdict = judge(inputs(), 1)

    assert verdict.result == replay(verdict.inputs)
    assert verdict.verdict_id == judge(inputs(), 2).verdict_id
    assert verdict.verdict_id != judge(inputs(block_number=101), 1).verdict_id
    assert "send" == json.loads(verdict.result)["reason"]


def test_at_or_above_one_there_is_nothing_to_do() -> None:
    assert Reason.HEALTHY is find(inputs(2_000)).reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (Reason.PRICE_HELD, {"reference": 2_000}),
        (Reason.LIVE, {"live": True}),
        (Reason.ON_HOLD, {"held": "paused by somebody: why"}),
        (Reason.ON_HOLD, {"held_assets": {"ETH": "paused"}}),
        (Reason.ON_HOLD, {"chain_health": Liveness(live=False, reason="no new block for 30 s")}),
        (Reason.NO_REFERENCE, {"prices": {}}),
        (Reason.NO_MEANS, {"means": None}),
        (Reason.NO_MEANS, {"means": Means(EXECUTOR, {}, ())}),
        (Reason.DUST, {"debt": 17 * 10**6, "collateral": 10**16}),
        (Reason.DUST, {"costs": Costs(500_000, 10**15, 0, "ETH")}),
        (Reason.DUST, {"costs": Costs(500_000, 0, 10**18, "ETH")}),
        (Reason.QUOTE, {"quotes": None}),
        (Reason.NOT_PROFITABLE, {"quotes": (Quote(POOL, 10**15),)}),
        (Reason.NOT_PROFITABLE, {"quotes": (Quote(POOL, 0, "profit"),)}),
        (Reason.REFUSED, {"quotes": (Quote(POOL, 0, "45"),)}),
        (Reason.NO_COLLATERAL, {"collateral": 0}),
    ],
)
def test_what_stands_in_the_way_is_said_by_one_reason(reason: Reason, changes: dict[str, Any]) -> None:
    found = find(inputs(**changes))

    assert (reason, None) == (found.reason, found.plan)
    assert found.detail or reason is Reason.QUOTE


def test_a_token_that_nobody_says_the_asset_of_is_not_touched() -> None:
    given_inputs = inputs()
    tokens = {address: token for address, token in given_inputs.tokens.items() if address != USDC}

    assert Reason.NO_ASSET is find(replace(given_inputs, tokens=tokens)).reason


def test_a_price_that_the_reference_is_widened_around_still_counts() -> None:
    assert Reason.SEND is find(inputs(1_900, reference=1_910)).reason


def test_after_a_setback_it_waits_unless_its_health_has_sunk() -> None:
    health_wad = find(inputs()).health_wad or 0
    waits = Setback(1, 120, "swap_moved", health_wad)
    sunk = Setback(1, 120, "swap_moved", health_wad + 1)

    assert Reason.WAITING is find(inputs(setback=waits)).reason
    assert Reason.SEND is find(inputs(setback=sunk)).reason
    assert Reason.SEND is find(inputs(setback=waits, block_number=120)).reason


def test_what_leaves_more_is_taken_inventory_or_a_pool() -> None:
    own = Means(EXECUTOR, {USDC: 2 * DEBT}, inputs().means.pools)  # type: ignore[union-attr]
    cheap, dear = (Quote(POOL, 5 * 10**17),), (Quote(POOL, 10**16),)

    by_pool, by_hand = find(inputs(means=own, quotes=cheap)).plan, find(inputs(means=own, quotes=dear)).plan

    assert by_pool is not None
    assert by_hand is not None
    assert (POOL, NO_POOL) == (by_pool.pool, by_hand.pool)
    assert by_hand.kept == by_hand.liquidation.seize


@given(st.integers(200 * 10**6, DEBT))
def test_an_inventory_that_does_not_reach_pays_for_a_part_and_never_more(held: int) -> None:
    free = Costs(1, 0, 0, "ETH")
    plan = find(inputs(means=Means(EXECUTOR, {USDC: held}, ()), quotes=(), costs=free)).plan

    assert plan is not None
    assert plan.liquidation.repay <= plan.room <= held
    assert plan.liquidation.seize <= COLLATERAL


@given(st.integers(0, COLLATERAL // 10))
def test_it_is_sent_exactly_if_what_is_left_is_enough_and_less_reverts(kept: int) -> None:
    found = find(inputs(quotes=(Quote(POOL, kept),)))

    if found.plan is None:
        assert Reason.NOT_PROFITABLE is found.reason
    else:
        assert found.plan.profit_wad >= 5 * WAD
        assert 0 < found.plan.least_kept <= kept
        assert found.plan.most_cost_wei is not None


def test_every_word_of_a_protocol_has_its_reason() -> None:
    assert set(Obstacle) == set(OF_OBSTACLE)
