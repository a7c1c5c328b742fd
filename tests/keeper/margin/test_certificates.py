"""Certificates: wherever prices, volatilities and time may go under one, the exact evaluation finds the same state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from config.risk_settings import LiquidateWhen
from config.units import WAD
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState
from keeper.margin.certificates import Certificate, certificate
from keeper.margin.columns import Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import next_state
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, account, claim, cut, leg, position, price, unavailable
from tests.keeper.margin.repricing import AT_S, RISK, option, quotes, random_book, under_portfolio

LIKELY = replace(RISK, liquidate_when=LiquidateWhen.LIKELY)
BY_TENOR = replace(
    RISK,
    portfolio=replace(RISK.portfolio, volatility_term_bps=7_500, collateral_moves=True),
)


def seen(at_s: int, age_ms: int = 1_000) -> tuple[CutPoint, ...]:
    return tuple(replace(point, timestamp=at_s - age_ms // 1_000) for point in cut(age_ms))


def found(
    held: Account, at: Mapping[str, Price], policy: RiskPolicy, now: tuple[CutPoint, ...]
) -> tuple[AccountState, Certificate | None]:
    health = evaluate(held, at, now, policy)
    state = next_state(None, health, policy)
    return state, certificate(held, state, health, at, policy)


def spent(
    source: random.Random, its: Certificate, at: Mapping[str, Price], assets: list[str]
) -> dict[str, Price]:
    """Prices that use up all but a thousandth of a certificate, in one direction of these assets."""
    shares = {asset: source.random() + 0.01 for asset in assets}
    after = dict(at)
    for asset, share in shares.items():
        slope = its.slopes[asset]
        drift = 0.999 * its.slack * share / sum(shares.values()) / slope if slope else float("inf")
        by = int(min(drift, 0.999 * its.reach[asset]) * WAD) * source.choice((-1, 1))
        before = at[asset]
        low, mid, high = before.low_wad or 0, before.mid_wad or 0, before.high_wad or 0
        after[asset] = replace(before, low_wad=low + by, mid_wad=mid + by, high_wad=high + by)
    return after


def same_everywhere(source: random.Random, policy: RiskPolicy, books: int, tries: int) -> int:
    """Return how many certificates there were; of each the far ends were tried."""
    certified = 0
    for number in range(books):
        held = random_book(source, number)
        if source.random() < 0.6:
            held = under_portfolio(held)
        at = quotes(source.choice((0, 3)), source.choice((0, 50)))
        state, its = found(held, at, policy, seen(AT_S))
        if its is None:
            continue
        certified += 1
        slopes = sorted(asset for asset, slope in its.slopes.items() if slope)
        for _ in range(tries):
            after = spent(source, its, at, source.sample(slopes, source.randint(1, len(slopes))))
            at_s = int(source.choice((AT_S, min(its.until_s, AT_S + 10**7))))
            health = evaluate(held, after, seen(at_s), policy)
            assert state is next_state(state, health, policy), (number, its)
    return certified


@pytest.mark.parametrize("policy", [RISK, LIKELY, BY_TENOR], ids=["certain", "likely", "by_tenor"])
def test_nothing_changes_at_the_ends_of_a_certificate(policy: RiskPolicy) -> None:
    assert 4 <= same_everywhere(random.Random(5), policy, books=25, tries=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("policy", [RISK, LIKELY, BY_TENOR], ids=["certain", "likely", "by_tenor"])
def test_nothing_changes_at_the_ends_of_many(policy: RiskPolicy, seed: int) -> None:
    assert 20 <= same_everywhere(random.Random(100 + seed), policy, books=150, tries=6)


class Watched:
    """Curved accounts under critical prices, each evaluated exactly at every step to see what was not named."""

    def __init__(self, held: list[Account], policy: RiskPolicy = RISK) -> None:
        self.policy = policy
        self.held = {its.account_id: its for its in held}
        self.columns = Columns(policy, rows=4)
        self.columns.update(held)
        self.critical = CriticalPrices(self.columns)
        self.states: dict[str, AccountState] = {}
        self.named = self.changes = 0

    def look(self, at: Mapping[str, Price], now: tuple[CutPoint, ...], *, check: bool = True) -> list[str]:
        named = self.critical.candidates(at, now)
        for account_id, its in self.held.items():
            if account_id not in named and not check:
                continue
            before = self.states.get(account_id)
            health = evaluate(its, at, now, self.policy)
            state = next_state(before, health, self.policy)
            if account_id in named:
                self.critical.certify(its, state, health, at)
                self.columns.note_state(account_id, state)
                self.states[account_id] = state
            assert self.states[account_id] is state, account_id
            self.changes += before is not state
        self.named += len(named)
        return named


def walk(watched: Watched, source: random.Random, steps: int) -> None:
    now_s, mids = AT_S, {"ETH": 2_000.0, "WBTC": 60_000.0, "ETHVOL": 0.6, "BTCVOL": 0.5}
    at: dict[str, Price] = quotes(3, 50)
    for _ in range(steps):
        for asset in source.sample(sorted(mids), source.choice((0, 1, 2, 4))):
            mids[asset] *= 1 + source.gauss(0, 0.02 if asset.endswith("VOL") else 0.006)
            width = 50 if asset.endswith("VOL") else source.choice((0, 3, 10))
            at[asset] = price(asset, int(mids[asset] * WAD), width)
        now_s += source.choice((0, 2, 60, 1_800))
        now = seen(now_s, 45_000 if source.random() < 0.03 else 1_000)
        watched.look({**at, "ETHVOL": unavailable("ETHVOL")} if source.random() < 0.03 else at, now)


def books(source: random.Random, count: int) -> list[Account]:
    held = [random_book(source, number) for number in range(count)]
    return [under_portfolio(its) if number % 2 else its for number, its in enumerate(held)]


def test_along_any_path_nothing_is_missed() -> None:
    source = random.Random(3)
    watched = Watched(books(source, 5))
    walk(watched, source, 30)

    assert watched.changes > 3
    assert watched.named < 5 * 30


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_along_longer_paths_nothing_is_missed(seed: int) -> None:
    source = random.Random(seed)
    watched = Watched(books(source, 16), source.choice((RISK, LIKELY, BY_TENOR)))
    walk(watched, source, 300)

    assert watched.named < 16 * 300


CALM = under_portfolio(
    account(
        replace(
            leg(CHAINS[0], tokens={"USDC": "40000"}, positions=[position("3", "2000")]),
            options=(option("put", 1_900, 30, 3), option("call", 2_200, 60, -2)),
        )
    )
)


@pytest.mark.parametrize("held", [CALM, replace(CALM, subaccount=0)], ids=["portfolio", "standard"])
def test_quiet_accounts_are_not_evaluated(held: Account) -> None:
    watched = Watched([held])
    for step in range(300):
        at = quotes(3, 50, ETH=f"{2_000 + step % 9}.{step % 100:02d}")
        watched.look(at, seen(AT_S + 2 * step), check=False)

    assert watched.named <= 4


def test_a_full_pass_keeps_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched([CALM])
    for step in range(3):
        watched.look(quotes(3), seen(AT_S + step), check=False)
    named = watched.named
    watched.critical._measured = None

    assert [] == watched.look(quotes(3, ETH="2001"), seen(AT_S + 4), check=False)
    assert named == watched.named


@pytest.mark.parametrize(
    "change",
    ["written", "stale", "unpriced", "late", "early", "jump", "state"],
)
def test_a_certificate_ends(change: str) -> None:
    watched = Watched([CALM])
    at, now = quotes(3), seen(AT_S)
    for _ in range(3):
        watched.look(at, now, check=False)
    assert [] == watched.look(at, now, check=False)
    if change == "written":
        watched.columns.update([CALM])
    elif change == "state":
        watched.columns.note_state(CALM.account_id, AccountState.MARGIN_CALL)
    elif change == "unpriced":
        at = {**at, "ETH": unavailable("ETH")}
    elif change == "jump":
        at = quotes(3, ETH="2600")
    else:
        now = {
            "stale": seen(AT_S, 45_000),
            "late": seen(AT_S + 25 * 3_600),
            "early": seen(AT_S - 1),
        }[change]

    assert [CALM.account_id] == watched.critical.candidates(at, now)


def test_what_is_in_doubt_has_none() -> None:
    pending = replace(CALM, legs=(replace(CALM.legs[0], claims=(claim("10"),)),))
    failing = replace(CALM, legs=(replace(CALM.legs[0], collateral=()),))
    soon = replace(CALM, legs=(replace(CALM.legs[0], options=(option("call", 2_000, 0.0005, 1),)),))

    assert found(CALM, quotes(), RISK, seen(AT_S))[1] is not None
    for held in (pending, failing, soon):
        assert found(held, quotes(), RISK, seen(AT_S))[1] is None
    assert found(CALM, quotes(), RISK, seen(AT_S, 45_000))[1] is None
    assert found(CALM, {**quotes(), "ETHVOL": unavailable("ETHVOL")}, RISK, seen(AT_S))[1] is None
