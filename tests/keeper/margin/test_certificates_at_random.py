"""Certificates against random policies, books and changes: while one holds, the exact evaluation finds the same state.

A change is drawn in every price, volatility and width at once and scaled until about all of the certificate is used up,
so that what is tried lies at its border. Whether it holds is asked of the columns that the scan asks.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from config.portfolio_settings import VolatilityShock
from config.risk_settings import LiquidateWhen
from config.units import BPS, WAD
from keeper.domain.account import Account
from keeper.domain.health import AccountState
from keeper.margin.certificates import Certificate, certificate
from keeper.margin.certified import Certified
from keeper.margin.columns import Columns
from keeper.margin.evidence import ages_of
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.portfolio_parameters import Correlation, TailMove, UnderlyingRisk
from keeper.margin.scan import Boxes
from keeper.margin.states import next_state
from oracles.price import Price
from tests.keeper.margin.builders import account
from tests.keeper.margin.repricing import AT_S, OPTIONS, RISK, quotes, random_book, under_portfolio
from tests.keeper.margin.test_certificates import seen

MOST_POSITIONS = 2
"""Of a kind on a leg: what is tried is the change, and each case is an exact evaluation."""


def random_policy(source: random.Random) -> RiskPolicy:
    """Every parameter that a bound rests on."""
    call_wad = source.choice((105, 110, 150)) * WAD // 100
    portfolio = replace(
        RISK.portfolio,
        price_range_bps=source.choice((800, 1_500, 4_000)),
        price_steps=source.choice((1, 2, 3)),
        volatility_up_bps=source.choice((0, 4_000, 10_000)),
        volatility_down_bps=source.choice((0, 2_500, 9_900)),
        volatility_term_bps=source.choice((0, 3_000, 7_500)),
        unshocked_volatility=source.random() < 0.3,
        extreme_multiple_bps=source.choice((20_000, 30_000)),
        extreme_cover_bps=source.choice((0, 3_500)),
        tails=source.choice(((), (TailMove(-6_600, VolatilityShock.UP, 2_100),))),
        short_option_bps=source.choice((0, 100)),
        basis_bps=source.choice((0, 50)),
        collateral_moves=source.random() < 0.5,
        correlations=(Correlation("ETH", "WBTC", source.choice((-9_000, 0, 8_000))),),
        underlyings=source.choice(
            ({}, {"ETH": UnderlyingRisk(1_600, 3_000 * WAD, 5_000 * WAD, 700)}, RISK.portfolio.underlyings)
        ),
    )
    return replace(
        RISK,
        liquidate_when=source.choice(tuple(LiquidateWhen)),
        margin_call_health_wad=call_wad,
        margin_call_clear_health_wad=call_wad + source.choice((0, 5, 30)) * WAD // 100,
        gain_weight_bps=source.choice((0, 5_000, BPS)),
        option_markets={
            name: replace(its, rate_bps=source.choice((0, 300, 2_000))) for name, its in OPTIONS.items()
        },
        portfolio=portfolio,
    )


def random_account(source: random.Random, number: int) -> Account:
    held = random_book(source, number)
    legs = tuple(
        replace(its, options=its.options[:MOST_POSITIONS], positions=its.positions[:MOST_POSITIONS])
        for its in held.legs
    )
    held = account(*legs, account_id=held.account_id)
    return under_portfolio(held) if source.random() < 0.5 else held


def near_a_threshold(
    source: random.Random, held: Account, at: Mapping[str, Price], policy: RiskPolicy
) -> Account:
    """The same with so much stable that one of its figures is near what it is compared with."""
    health = evaluate(held, at, seen(AT_S), policy)
    off = source.choice((health.surplus.low, health.surplus.high, health.equity.high)) / WAD
    thresholds = policy.margin_call_health_wad - WAD, policy.margin_call_clear_health_wad - WAD, 0
    off -= source.choice(thresholds) / WAD * health.requirement_mid / WAD
    off -= source.choice((-1, 1, 1)) * source.uniform(1, 400)
    legs = list(held.legs)
    chosen = source.randrange(len(legs))
    tokens = tuple(
        replace(its, amount=max(its.amount - int(off * 10**its.decimals / 0.97), 1))
        if its.asset == "USDC"
        else its
        for its in legs[chosen].collateral
    )
    legs[chosen] = replace(legs[chosen], collateral=tokens)
    return replace(held, legs=tuple(legs))


def changed(
    source: random.Random, its: Certificate, at: Mapping[str, Price], part: float
) -> dict[str, Price]:
    """Prices that use up about `part` of a certificate: ends and middles go each its own way."""
    moving = [asset for asset, slope in its.slopes.items() if slope]
    moves = {}
    total = 0.0
    for asset in source.sample(moving, source.randint(1, len(moving))):
        shift, size = source.choice((-1, 1)), source.uniform(0.01, 1) / its.slopes[asset]
        # as it is, wider at either end, narrower, the middle off the middle
        bent = source.choice(((0, 0, 0), (0, 0, 0), (-1, 0, 1), (0, 0, 1), (-1, 0, 0), (0.4, 0, -0.4)))
        ends = tuple(size * (shift + each + source.uniform(-0.1, 0.1)) for each in bent)
        moves[asset] = ends
        total += its.slopes[asset] * (max(map(abs, ends)) + 2 * max(ends[2] - ends[0], 0))
    after = dict(at)
    for asset, ends in moves.items():
        before = at[asset]
        scale = part * its.slack / total
        scale = min(scale, 0.999 * its.reach[asset] / max(map(abs, ends)))
        low, mid, high = (
            (old or 0) + int(scale * end * WAD)
            for old, end in zip((before.low_wad, before.mid_wad, before.high_wad), ends, strict=True)
        )
        mid = max(mid, 1)
        low, high = max(min(low, mid), 1), max(mid, high)
        after[asset] = replace(before, low_wad=low, mid_wad=mid, high_wad=high)
    return after


def tried(source: random.Random, cases: int) -> Counter[AccountState]:
    """Return, by state, in how many cases a certificate held; and that the state was then the same in each."""
    count: Counter[AccountState] = Counter()
    number = 0
    while count.total() < cases:
        number += 1
        policy = random_policy(source)
        at = quotes(source.choice((0, 1, 5)), source.choice((0, 20)))
        held = random_account(source, number)
        if source.random() < 0.8:
            held = near_a_threshold(source, held, at, policy)
        health = evaluate(held, at, seen(AT_S), policy)
        previous = source.choice((None, AccountState.HEALTHY, AccountState.MARGIN_CALL))
        state = next_state(previous, health, policy)
        its = certificate(held, state, health, at, policy)
        if its is None:
            continue
        columns = Columns(policy, rows=1)
        columns.update([held])
        columns.note_state(held.account_id, state)
        certified = Certified(columns, slots=1)
        certified.put(0, its)
        for _ in range(3):
            after = changed(source, its, at, source.choice((0.5, 0.99, 0.999)))
            until_s = int(min(its.until_s, AT_S + 10**6))
            now = seen(source.choice((AT_S, until_s, source.randint(AT_S, until_s))))
            ages = ages_of(columns.chains, now, policy)
            if not certified.holding(Boxes.of(after, columns.assets), ages, now):
                continue
            found = next_state(state, evaluate(held, after, now, policy), policy)
            assert state is found, (number, its, after, now)
            count[state] += 1
    return count


@pytest.mark.parametrize("seed", range(8))
def test_the_state_is_the_same_wherever_a_certificate_holds(seed: int) -> None:
    assert tried(random.Random(seed), cases=30).total() >= 30


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(8))
def test_the_state_is_the_same_in_thousands_of_cases(seed: int) -> None:
    count = tried(random.Random(1_000 + seed), cases=750)

    print(f"  {dict(count)}")
    assert count[AccountState.HEALTHY] > 100
    assert count[AccountState.MARGIN_CALL] > 50
