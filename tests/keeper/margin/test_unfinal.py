"""Health over everything an account may be again, against every state at every price."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD
from keeper.domain.account import Account, EarlierLeg, Leg
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.margin.certificates import certificate
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import next_state
from keeper.margin.unfinal import MOST, counted, possible
from keeper.margin.valuation import HEALTH_CAP
from oracles.price import Price, PriceStatus
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    claim,
    cut,
    leg,
    position,
    prices,
    random_account,
)
from tests.keeper.margin.repricing import RISK, quotes, random_book
from tests.keeper.margin.test_health import TINY, reference, tiny_account
from tests.keeper.margin.test_scan import check_nothing_is_missed, crowd, shaken

HERE, THERE, YONDER = CHAINS


def earlier(its: Leg, blocks: int = 1, **claims: tuple[object, ...]) -> EarlierLeg:
    return EarlierLeg(blocks, replace(its, claims=()), **claims)  # type: ignore[arg-type]


def with_unfinal(held: Account, others: list[Account]) -> Account:
    """Return an account each of whose legs may be again what it is in any of the others."""
    states = sorted(
        (earlier(its, blocks) for blocks, other in enumerate(others, 1) for its in other.legs),
        key=lambda each: (each.leg.chain, each.blocks),
    )
    return replace(held, unfinal=tuple(states))


def combinations(held: Account) -> Iterator[Account]:
    """Yield, worked out one leg after the other, every account that the legs make."""
    now = {its.chain: its for its in held.legs}
    chains = sorted(now.keys() | {each.leg.chain for each in held.unfinal})
    choices = [
        [
            now.get(chain),
            *(
                replace(each.leg, claims=now[chain].claims if chain in now else ())
                for each in held.unfinal
                if each.leg.chain == chain
            ),
        ]
        for chain in chains
    ]
    for chosen in itertools.product(*choices):
        yield replace(held, legs=tuple(its for its in chosen if its is not None), unfinal=())


def health_of(
    held: Account, at: dict[str, Price] | None = None, policy: RiskPolicy = POLICY
) -> UnifiedHealth:
    return evaluate(held, at or prices(), cut(), policy)


@given(seed=st.integers(0, 2**32))
def test_the_ends_are_exactly_the_extremes_over_every_state_and_every_price(seed: int) -> None:
    source = random.Random(seed)
    held = with_unfinal(tiny_account(source), [tiny_account(source) for _ in range(source.randrange(3))])
    boxes = {}
    for asset in ("USDC", "ETH", "WBTC"):
        low = source.randrange(1, 15)
        high = low + source.randrange(4)
        boxes[asset] = Price(asset, PriceStatus.OK, "", low, source.randrange(low, high + 1), high, 0, ())

    health = health_of(held, boxes, TINY)

    corners = [
        reference(its, dict(zip(boxes, at, strict=True)), TINY)
        for its in combinations(held)
        for at in itertools.product(*(range(b.low_wad or 0, (b.high_wad or 0) + 1) for b in boxes.values()))
    ]
    mid = reference(held, {asset: its.mid_wad or 0 for asset, its in boxes.items()}, TINY)
    assert floor(min(a - r for a, r, _ in corners)) == health.surplus.low
    assert ceil(mid[0] - mid[1]) == health.surplus.mid
    assert ceil(max(a - r for a, r, _ in corners)) == health.surplus.high
    assert floor(min(e for _, _, e in corners)) == health.equity.low
    assert ceil(max(e for _, _, e in corners)) == health.equity.high
    if health.health is not None and all(r > 0 for _, r, _ in corners):
        assert min(floor(min(a / r for a, r, _ in corners) * WAD), HEALTH_CAP) == health.health.low
        best = min(max(a / r for a, r, _ in corners), Fraction(HEALTH_CAP, WAD))
        if max(a - r for a, r, _ in corners) < -1 or best > 1:
            assert ceil(best * WAD) == health.health.high


def _spanned(intervals: list[Interval]) -> Interval:
    return Interval(min(i.low for i in intervals), intervals[0].mid, max(i.high for i in intervals))


@pytest.mark.parametrize("seed", range(6))
def test_with_options_and_under_scenarios_it_is_the_span_of_every_state_alone(seed: int) -> None:
    source = random.Random(seed)
    others = [random_book(source, 1) for _ in range(2)]
    held = with_unfinal(random_book(source, 1), others)
    at = quotes(20)

    health = evaluate(held, at, cut(), RISK)

    alone = [evaluate(its, at, cut(), RISK) for its in combinations(held)]
    assert _spanned([its.surplus for its in alone]) == health.surplus
    assert _spanned([its.equity for its in alone]) == health.equity
    assert _spanned([its.initial_surplus for its in alone]) == health.initial_surplus


@given(seed=st.integers(0, 2**32))
def test_health_and_surplus_agree_and_every_interval_is_ordered(seed: int) -> None:
    source = random.Random(seed)
    held = with_unfinal(random_account(source), [random_account(source) for _ in range(2)])

    health = health_of(held, prices(30, ETH=str(source.randrange(1_500, 2_500))))

    for interval in (health.surplus, health.equity, health.health or Interval(0, 0, 0)):
        assert interval.low <= interval.mid <= interval.high
    if health.health is not None:
        assert (health.surplus.low < 0) == (health.health.low < WAD)
        assert (health.surplus.mid < 0) == (health.health.mid < WAD)
        assert (health.surplus.high < 0) == (health.health.high < WAD)


UNDER = leg(tokens={"ETH": "10"}, owes="17000")
SAFE = leg(tokens={"ETH": "20"}, owes="17000")


def test_a_deposit_protects_before_it_is_final_but_does_not_make_healthy() -> None:
    deposited = replace(account(SAFE), unfinal=(earlier(UNDER),))

    assert AccountState.LIQUIDATABLE == next_state(None, health_of(account(UNDER)), POLICY)
    assert AccountState.AT_RISK == next_state(None, health_of(deposited), POLICY)
    assert AccountState.HEALTHY == next_state(None, health_of(account(SAFE)), POLICY)


def test_a_withdrawal_is_held_against_an_account_only_once_it_is_final() -> None:
    withdrawn = replace(account(UNDER), unfinal=(earlier(SAFE),))

    assert AccountState.AT_RISK == next_state(None, health_of(withdrawn), POLICY)


def test_amounts_that_never_stood_beside_each_other_are_not_mixed() -> None:
    """After a step of liquidation the collateral that is gone belongs to the debt that is gone."""
    after = replace(
        account(leg(tokens={"ETH": "5"}, owes="8000")),
        unfinal=(earlier(leg(tokens={"ETH": "10"}, owes="17000")),),
    )

    health = health_of(after)

    alone = [health_of(its) for its in combinations(after)]
    assert max(its.surplus.high for its in alone) == health.surplus.high
    mixed = health_of(account(leg(tokens={"ETH": "10"}, owes="8000")))
    assert health.surplus.high < mixed.surplus.low


def test_a_claim_that_may_vanish_does_so_together_with_what_was_repaid_for_it() -> None:
    its_claim = claim("1000", chain=THERE, source=HERE)
    held = replace(
        account(leg(owes="7000"), leg(THERE, tokens={"ETH": "10"}, claims=[its_claim])),
        unfinal=(EarlierLeg(1, leg(owes="8000"), (its_claim.claim,)),),
    )

    now, before = possible(held)

    assert ((its_claim,), ()) == (now.legs[1].claims, before.legs[1].claims)
    health = health_of(held)
    assert health_of(before).surplus.low == health.surplus.low
    assert health_of(now).surplus.high == health.surplus.high


def test_a_payment_that_may_be_undone_leaves_its_claim_pending() -> None:
    its_claim = claim("1000", chain=THERE, source=HERE)
    held = replace(
        account(leg(owes="7000"), leg(THERE, tokens={"ETH": "9"})),
        unfinal=(EarlierLeg(1, leg(THERE, tokens={"ETH": "9.525"}), (), (its_claim,)),),
    )

    _, before = possible(held)

    assert (its_claim,) == before.legs[1].claims


def test_where_nothing_was_owed_before_the_best_case_is_without_limit() -> None:
    borrowed = replace(
        account(leg(tokens={"ETH": "10"}, owes="17000")), unfinal=(earlier(leg(tokens={"ETH": "10"})),)
    )

    found = health_of(borrowed).health

    assert found is not None
    assert HEALTH_CAP == found.high
    assert found.low <= found.mid < WAD


def test_what_an_earlier_state_holds_needs_a_price_too() -> None:
    swapped = replace(
        account(leg(tokens={"ETH": "10"}, owes="10")),
        unfinal=(earlier(leg(tokens={"WBTC": "1"}, owes="10")),),
    )
    at = prices()
    del at["WBTC"]

    assert ("WBTC has no price",) == health_of(swapped, at).unknown_because


def test_of_an_account_that_changes_all_the_time_fewer_blocks_count() -> None:
    states = tuple(
        earlier(leg(chain, owes=str(1_000 + blocks)), blocks) for chain in CHAINS for blocks in range(1, 13)
    )

    found = counted(states)

    assert {1, 2, 3} == {each.blocks for each in found}
    held = replace(account(*(leg(chain, owes="1000") for chain in CHAINS)), unfinal=states)
    assert MOST >= len(list(possible(held))) == 4**3


def test_an_account_without_recent_changes_is_itself_and_nothing_else() -> None:
    held = account(leg(tokens={"ETH": "1"}))

    assert [held] == list(possible(held))


@pytest.mark.parametrize("seed", range(4))
def test_the_scan_misses_no_account_with_changes_that_are_not_final(seed: int) -> None:
    source = random.Random(seed)
    held = [
        with_unfinal(its, [random_account(source)]) if source.random() < 0.5 else its
        for its in crowd(seed, 200)
    ]

    assert check_nothing_is_missed(held, *shaken(seed)) > 0


def test_nothing_certifies_an_account_until_it_is_final() -> None:
    held = account(leg(tokens={"ETH": "100"}, owes="10", positions=[position("1", "2000")]))
    unfinal = replace(held, unfinal=(earlier(leg(tokens={"ETH": "99"}, owes="10")),))

    found = [
        certificate(its, AccountState.HEALTHY, health_of(its), prices(), POLICY) for its in (held, unfinal)
    ]

    assert found[0] is not None
    assert found[1] is None
