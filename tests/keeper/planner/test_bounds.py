"""What an attestor finds right by its own view."""

from __future__ import annotations

from dataclasses import replace

from chains.hub.attestation import Action
from config.units import WAD
from keeper.domain.account import Account
from keeper.planner.bounds import BoundKey, bounds, key_of
from keeper.planner.effects import Move
from keeper.planner.plan import move_of
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, POLICY, account, claim, leg, position, prices, token
from tests.keeper.planner.builders import health_of, plan_for, venue, venues

HERE, THERE, _ = CHAINS
CROSS = account(leg(HERE, tokens={"ETH": "10"}), leg(THERE, owes="16800"))


def allowed(held: Account, at: dict[str, Price], age_ms: int = 1_000) -> dict[BoundKey, int]:
    return bounds(held, health_of(held, at, arbor=age_ms), at, POLICY, venues())


def test_the_bound_is_what_the_step_alone_would_need() -> None:
    (step,) = plan_for(CROSS, prices(10)).steps

    assert {key_of(move_of(step)): step.size} == allowed(CROSS, prices(10))
    assert (THERE, HERE, token("ETH", HERE)) == (step.chain, step.target_chain, step.target_token)


def test_nothing_is_right_for_a_healthy_or_unknown_account() -> None:
    healthy = account(leg(HERE, tokens={"ETH": "10"}, owes="100"))

    assert {} == allowed(healthy, prices())
    assert {} == allowed(CROSS, prices(), 10**6)


def test_a_fresher_price_that_saves_the_account_makes_the_step_wrong() -> None:
    assert {} == allowed(CROSS, prices(ETH="2100"))


def test_a_toxic_step_is_not_right_while_there_is_another() -> None:
    held = account(leg(HERE, tokens={"ETH": "10", "USDC": "2000"}, owes="19500"))

    assert [(Action.REPAY, 1)] == [(key.action, key.item) for key in allowed(held, prices())]


def test_of_a_bankrupt_account_all_that_the_hub_allows_is_right() -> None:
    held = account(leg(HERE, tokens={"ETH": "1"}, owes="3000", positions=[position("10", "2300")]))

    found = allowed(held, prices())

    assert {(Action.CLOSE, 0), (Action.REPAY, 1)} == {(key.action, key.item) for key in found}
    assert 10 * 10**18 == found[BoundKey(Action.CLOSE, HERE, 0)]


def test_a_confirmed_claim_may_be_taken_whoever_earned_it_and_an_unconfirmed_one_not() -> None:
    foreign = replace(claim("1000"), beneficiary="0x" + "99" * 20)
    held = account(leg(HERE, tokens={"ETH": "10"}, claims=[foreign]))

    (key,) = allowed(held, prices())
    assert (Action.SEIZE, HERE, 1, foreign.claim) == (key.action, key.chain, key.item, key.claim)
    fresh = replace(foreign, opened_number=100)
    assert {} == allowed(account(leg(HERE, tokens={"ETH": "10"}, claims=[fresh])), prices())


def test_debt_may_be_written_off_when_nothing_backs_it() -> None:
    assert [Action.WRITE_OFF] == [key.action for key in allowed(account(leg(HERE, owes="5")), prices())]


def test_a_chain_the_attestor_does_not_trust_has_no_right_steps() -> None:
    facts = venues() | {THERE: venue(THERE, not_live="is paused")}

    assert {} == bounds(CROSS, health_of(CROSS, prices()), prices(), POLICY, facts)


TWICE = account(
    leg(HERE, tokens={"ETH": "10"}, owes="16800"), leg(THERE, tokens={"WBTC": "0.3"}, owes="13900")
)


def after(held: Account, at: dict[str, Price], *live: Move, tolerance_bps: int = 0) -> dict[BoundKey, int]:
    return bounds(held, health_of(held, at), at, POLICY, venues(), live, tolerance_bps)


def test_what_was_signed_already_leaves_only_the_rest_to_be_asked_for() -> None:
    """Each of two steps alone would do: asked for together they may do no more than one."""
    alone = after(TWICE, prices())
    first = BoundKey(Action.REPAY, HERE, 1)
    second = BoundKey(Action.REPAY, THERE, 2)
    half = Move(Action.REPAY, HERE, 1, alone[first] // 2)

    left = after(TWICE, prices(), half)

    assert 0 < left[second] < alone[second]


def test_the_whole_need_signed_once_leaves_nothing() -> None:
    at = prices()
    key = BoundKey(Action.REPAY_CROSS, THERE, 0, HERE, token("ETH", HERE))

    assert {} == after(
        CROSS, at, Move(Action.REPAY_CROSS, THERE, 0, allowed(CROSS, at)[key], HERE, token("ETH", HERE))
    )


def test_an_attestor_that_sees_a_little_less_need_does_not_refuse_the_second_step_of_a_plan() -> None:
    """What was signed may have been larger than this view's own by the tolerance: the rest is measured from less."""
    at = prices()
    alone = after(TWICE, at)
    most = Move(Action.REPAY, HERE, 1, alone[BoundKey(Action.REPAY, HERE, 1)])
    second = BoundKey(Action.REPAY, THERE, 2)

    assert after(TWICE, at, most).get(second, 0) < after(TWICE, at, most, tolerance_bps=500)[second]


def test_a_step_may_always_be_as_large_as_dust() -> None:
    """A smaller one may not pay for its gas, and the account would wait."""
    held = account(leg(HERE, tokens={"ETH": "10"}, owes="16501"))
    at = prices()
    policy = replace(POLICY, target_health_wad=WAD + WAD // 10_000)
    found = bounds(held, health_of(held, at, policy), at, policy, venues())

    assert 50 * 10**6 == found[BoundKey(Action.REPAY, HERE, 1)]
