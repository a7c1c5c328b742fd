"""Whether an owner may add risk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.hub.attestation import Action
from config.units import WAD
from keeper.domain.account import Account
from keeper.planner.initial import InitialMargin, RiskAction, initial_after
from oracles.price import Price
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    cut,
    leg,
    position,
    prices,
    unavailable,
    usd,
    whole,
)
from tests.keeper.planner.builders import venues

HERE, THERE, YONDER = CHAINS


def asked(
    held: Account,
    action: Action,
    size: int,
    *,
    item: int = 0,
    chain: str = HERE,
    at: dict[str, Price] | None = None,
    age_ms: int = 1_000,
) -> InitialMargin:
    return initial_after(
        held, RiskAction(action, chain, item, size), at or prices(), cut(age_ms), POLICY, venues()
    )


def test_borrowing_is_allowed_up_to_the_last_unit_of_initial_margin() -> None:
    held = account(leg(HERE), leg(THERE, tokens={"ETH": "10"}))

    enough = asked(held, Action.BORROW, whole("USDC", "16000"))
    too_much = asked(held, Action.BORROW, whole("USDC", "16000") + 1)

    assert (True, WAD, 0) == (enough.allowed, enough.health_wad, enough.surplus.low)
    assert (False, True) == (too_much.allowed, too_much.health_wad < WAD)


def test_the_low_end_of_the_prices_decides() -> None:
    held = account(leg(HERE), leg(THERE, tokens={"ETH": "10"}))

    assert asked(held, Action.BORROW, whole("USDC", "15800"), at=prices(10)).allowed
    assert not asked(held, Action.BORROW, whole("USDC", "15990"), at=prices(10)).allowed


def test_withdrawing_counts_what_is_left() -> None:
    held = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="8000"))

    assert asked(held, Action.WITHDRAW, whole("ETH", "5"), item=1).allowed
    assert not asked(held, Action.WITHDRAW, whole("ETH", "5") + 1, item=1).allowed
    assert "not so much" in asked(held, Action.WITHDRAW, whole("ETH", "11"), item=1).refused


def test_a_trade_is_judged_by_the_worse_direction() -> None:
    held = account(leg(HERE, positions=[position("10", "2000")]), leg(THERE, tokens={"USDC": "1500"}))

    assert asked(held, Action.TRADE, usd("4")).allowed
    assert not asked(held, Action.TRADE, usd("5")).allowed
    assert (
        asked(held, Action.TRADE, usd("4")).surplus
        == asked(
            account(leg(HERE, positions=[position("14", "2000")]), held.legs[1]), Action.TRADE, 0
        ).surplus
    )


def test_a_leg_without_cross_margin_lends_nothing_to_the_others() -> None:
    held = account(leg(HERE), leg(THERE, tokens={"ETH": "10"}, cross_margin=False))

    assert not asked(held, Action.BORROW, whole("USDC", "1")).allowed


def test_a_leg_without_cross_margin_that_is_short_by_itself_counts_against_the_whole() -> None:
    alone = leg(YONDER, tokens={"ETH": "1"}, owes="1700", cross_margin=False)
    held = account(leg(HERE), leg(THERE, tokens={"ETH": "10"}), alone)

    assert asked(held, Action.BORROW, whole("USDC", "15900")).allowed
    assert not asked(held, Action.BORROW, whole("USDC", "15901")).allowed


def test_a_leg_may_be_unlinked_if_the_others_do_without_it() -> None:
    needed = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="100"))
    spare = account(leg(HERE, tokens={"ETH": "10"}, owes="200"), leg(THERE, tokens={"ETH": "1"}, owes="100"))

    assert not asked(needed, Action.UNLINK, 0).allowed
    assert asked(spare, Action.UNLINK, 0).allowed


@pytest.mark.parametrize(
    ("held", "at", "age_ms", "said"),
    [
        (
            account(leg(HERE), leg(THERE, tokens={"ETH": "1"})),
            {"ETH": unavailable("ETH")},
            0,
            "ETH has no price",
        ),
        (account(leg(HERE), leg(THERE, tokens={"ETH": "1"})), {}, 60_001, "basin is not read any more"),
        (account(replace(leg(HERE), unreadable=("odd token",))), {}, 0, "odd token"),
        (account(leg(THERE)), {}, 0, "nothing is known of the account on arbor"),
        (account(leg(HERE, cross_margin=False)), {}, 0, "has no cross margin"),
    ],
)
def test_what_can_not_be_judged_is_refused(
    held: Account, at: dict[str, Price], age_ms: int, said: str
) -> None:
    found = asked(held, Action.BORROW, 1, at=prices() | at, age_ms=age_ms)

    assert not found.allowed
    assert said in found.refused


def test_a_stale_leg_lends_nothing() -> None:
    held = account(leg(HERE), leg(THERE, tokens={"ETH": "10"}))

    assert not asked(held, Action.BORROW, whole("USDC", "1"), age_ms=31_000).allowed


def test_a_liquidation_step_adds_no_risk_and_is_not_judged_here() -> None:
    assert "adds no risk" in asked(account(leg(HERE)), Action.REPAY, 1).refused


def test_a_gain_the_pool_can_not_pay_is_refused() -> None:
    held = account(leg(HERE, positions=[position("10", "1000")]))
    poor = venues(pool_cash=0)

    found = initial_after(held, RiskAction(Action.TRADE, HERE, 0, usd("5")), prices(), cut(), POLICY, poor)

    assert "pool" in found.refused
