"""The scan never misses an account whose state would change, and does not name everyone."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg
from keeper.domain.health import AccountState
from keeper.margin.columns import Columns
from keeper.margin.health import evaluate
from keeper.margin.parameters import MarketRisk, RiskPolicy, Tier
from keeper.margin.scan import Scan
from keeper.margin.states import ACTIONABLE, next_state
from oracles.price import Price
from tests.keeper.margin.builders import (
    CHAINS,
    POLICY,
    account,
    asset_risk,
    claim,
    cut,
    leg,
    position,
    price,
    prices,
    random_account,
    unavailable,
)

HERE, THERE = CHAINS[:2]


def watched(held: Sequence[Account], policy: RiskPolicy = POLICY) -> tuple[Columns, Scan]:
    columns = Columns(policy, rows=4)
    columns.update(held)
    return columns, Scan(columns)


def near_a_threshold(source: random.Random, number: int) -> Account:
    """Return an account whose debt puts it within a few wei or a few percent of a threshold, at mid prices."""
    held = random_account(source, number)
    bare = replace(held, legs=tuple(replace(its, debt=None) for its in held.legs))
    health = evaluate(bare, prices(), cut(), POLICY)
    threshold = source.choice((100, 110, 112))
    off = source.choice((0, 0, 1, -1, source.randrange(-(10**12), 10**12)))
    spare = (health.assets_mid * 100 // threshold - health.requirement_mid) // 10**12
    if spare <= 0:
        return held
    first = replace(bare.legs[0], debt=Debt("USDC", 6, max(spare + off * spare // 10**14, 1)))
    return replace(bare, legs=(first, *bare.legs[1:]))


NOTED = (None, AccountState.HEALTHY, AccountState.MARGIN_CALL, AccountState.AT_RISK, AccountState.UNKNOWN)


def check_nothing_is_missed(
    held: Sequence[Account],
    at: Mapping[str, Price],
    seen: tuple[CutPoint, ...],
    policy: RiskPolicy = POLICY,
) -> int:
    """Assert, for each state they may have been in, that every account the scan leaves out keeps it.

    Returns how many were left out.
    """
    columns, scan = watched(held, policy)
    by_id = {its.account_id: its for its in held}
    left_out = 0
    for state in NOTED:
        if state is not None:
            for account_id in by_id:
                columns.note_state(account_id, state)
        named = set(scan.candidates(at, seen))
        for account_id in by_id.keys() - named:
            left_out += 1
            assert state == next_state(state, evaluate(by_id[account_id], at, seen, policy), policy), (
                account_id
            )
    for state in ACTIONABLE:
        for account_id in by_id:
            columns.note_state(account_id, state)
        assert by_id.keys() == set(scan.candidates(at, seen))
    return left_out


def crowd(seed: int, size: int) -> list[Account]:
    source = random.Random(seed)
    return [(near_a_threshold if source.random() < 0.5 else random_account)(source, n) for n in range(size)]


def shaken(seed: int) -> tuple[dict[str, Price], tuple[CutPoint, ...]]:
    """Return prices after a move, some missing, and a cut of which a chain may be old.

    Now and then nothing moved, so that accounts made to lie on a threshold do.
    """
    source = random.Random(seed)
    if source.random() < 0.3:
        return prices(0), cut()
    moved = prices(
        source.choice((0, 5, 40, 300)),
        ETH=str(source.randrange(1_700, 2_300)),
        WBTC=str(source.randrange(52_000, 68_000)),
    )
    if source.random() < 0.2:
        moved["VAULT"] = unavailable("VAULT")
    ages = {chain: source.choice((1_000, 1_000, 1_000, 45_000, 90_000)) for chain in CHAINS}
    return moved, cut(**ages)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("liquidate_when", LiquidateWhen)
def test_no_change_of_state_is_missed_under_any_policy(seed: int, liquidate_when: LiquidateWhen) -> None:
    policy = replace(POLICY, liquidate_when=liquidate_when, missing_leg_uplift_bps=2_000 * (seed % 6))
    held = crowd(seed, 300)
    at, seen = shaken(seed)

    assert check_nothing_is_missed(held, at, seen, policy) > 0


def test_no_change_of_state_is_missed_among_a_hundred_thousand() -> None:
    held = crowd(99, 5_000)

    left_out = sum(check_nothing_is_missed(held, *shaken(seed + 1_000)) for seed in range(20))

    assert left_out > 20 * 5_000 // 2


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(10))
def test_no_change_of_state_is_missed_among_a_million(seed: int) -> None:
    held = crowd(seed + 5_000, 20_000)

    for shake in range(5):
        check_nothing_is_missed(held, *shaken(seed * 100 + shake))


def test_quiet_accounts_are_not_named() -> None:
    held = [random_account(random.Random(number), number) for number in range(1_000)]
    columns, scan = watched(held)
    for its in held:
        columns.note_state(its.account_id, next_state(None, evaluate(its, prices(5), cut(), POLICY), POLICY))
    quiet = {
        its.account_id
        for its in held
        if not any(part.claims for part in its.legs)
        and next_state(None, evaluate(its, prices(5), cut(), POLICY), POLICY) not in ACTIONABLE
    }

    named = quiet & set(scan.candidates(prices(5), cut()))

    assert len(named) <= len(quiet) // 100


def test_a_new_account_is_named_and_a_noted_one_is_not() -> None:
    columns, scan = watched([account(leg(tokens={"ETH": "1"}, owes="10"))])

    first = scan.candidates(prices(), cut())
    columns.note_state(first[0], AccountState.HEALTHY)

    assert 1 == len(first)
    assert [] == scan.candidates(prices(), cut())


def test_an_account_exactly_on_a_threshold_is_always_named() -> None:
    held = account(leg(tokens={"ETH": "10"}), leg(THERE, owes="15000"))
    columns, scan = watched([held])
    columns.note_state(held.account_id, AccountState.MARGIN_CALL)

    assert [held.account_id] == scan.candidates(prices(ETH="1818.181818181818181818"), cut())


def test_a_low_that_lies_at_a_bend_inside_the_interval_is_not_missed() -> None:
    """With a fraction that falls at 2,000 USD, a hedged short is worst there and not at either end."""
    falling = (Tier(2_000 * WAD, 1_000, 1_000), Tier(10**6 * WAD, 100, 100))
    policy = replace(
        POLICY,
        assets={**POLICY.assets, "ETH": asset_risk(10_000)},
        markets={**POLICY.markets, "ETH-PERP": MarketRisk("ETH", falling)},
    )
    held = account(leg(tokens={"ETH": "1.05"}, positions=[position("-1", "1900")], owes="1800.5"))
    at = prices(100, USDC="1") | {"USDC": price("USDC", WAD)}
    columns, scan = watched([held], policy)
    columns.note_state(held.account_id, AccountState.MARGIN_CALL)

    assert AccountState.AT_RISK == next_state(None, evaluate(held, at, cut(), policy), policy)
    assert [held.account_id] == scan.candidates(at, cut())


def test_an_account_with_a_pending_claim_is_always_named() -> None:
    held = account(leg(tokens={"ETH": "10"}, claims=[claim("1")]))
    columns, scan = watched([held])
    columns.note_state(held.account_id, AccountState.HEALTHY)

    assert [held.account_id] == scan.candidates(prices(), cut())


def test_the_largest_requirement_comes_first() -> None:
    held = [
        account(leg(tokens={"ETH": "1"}, owes=owed), account_id=owed) for owed in ("2000", "90000", "5000")
    ]
    _, scan = watched(held)

    assert ["90000", "5000", "2000"] == scan.candidates(prices(), cut())


def test_those_that_fail_come_before_all_others() -> None:
    owing = {"small but sound": "2000", "small and failing": "18000", "large": "90000", "larger": "95000"}
    held = [
        account(leg(tokens={"ETH": "100" if "large" in name else "10"}, owes=owed), account_id=name)
        for name, owed in owing.items()
    ]
    _, scan = watched(held)

    expected = ["small and failing", "larger", "large", "small but sound"]
    assert expected == scan.candidates(prices(), cut())


def test_only_the_changed_row_is_written_and_rows_and_slots_are_reused() -> None:
    first = account(leg(positions=[position("1", "2000")]), account_id="first")
    second = account(
        leg(positions=[position("1", "2000"), position("1", "9", "BTC-PERP")]), account_id="second"
    )
    columns, scan = watched([first, second])
    slots, rows = len(columns.slots.size), len(columns.ids)
    for _ in range(50):
        columns.update([replace(second, legs=(leg(positions=[position("-2", "2000")]),))])
        columns.remove("first")
        columns.remove("first")
        columns.update([first, second])

    assert (slots, rows, 2) == (len(columns.slots.size), len(columns.ids), len(columns))
    assert 3 == int((columns.slots.size != 0).sum())
    assert {"first", "second"} == set(scan.candidates(prices(), cut()))


def test_what_the_policy_does_not_know_is_unknown_and_then_quiet() -> None:
    odd = account(Leg(HERE, 1, True, (Collateral("d", "DOGE", 18, 1),), None, ()))
    columns, scan = watched([odd])

    assert [odd.account_id] == scan.candidates(prices(), cut())
    columns.note_state(odd.account_id, AccountState.UNKNOWN)
    assert [] == scan.candidates(prices(), cut())


@pytest.mark.slow
@pytest.mark.parametrize("size", [3_000, 100_000])
def test_how_long_a_scan_takes(size: int) -> None:
    held = [random_account(random.Random(number), number) for number in range(3_000)]
    columns, scan = watched(held)
    for lap in range(size // len(held) - 1):
        columns.update(replace(its, account_id=f"{lap} {its.account_id}") for its in held)
    for its in list(columns.ids):
        if its is not None:
            columns.note_state(its, AccountState.HEALTHY)
    laps = []
    for _ in range(20):
        began = time.perf_counter()
        scan.candidates(prices(5), cut())
        laps.append(time.perf_counter() - began)
    print(f"{size} accounts: {min(laps) * 1000:.2f} ms best, {sorted(laps)[10] * 1000:.2f} ms median")
    assert WAD
