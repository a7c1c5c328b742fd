"""Critical prices name whatever a full scan names, along any path of prices, ages and accounts, and mostly by search."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from config.risk_settings import LiquidateWhen
from keeper.domain.account import Account, Leg
from keeper.margin import critical
from keeper.margin.columns import STATES, Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.health import evaluate
from keeper.margin.scan import Scan
from keeper.margin.states import next_state
from oracles.price import Price
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
    unavailable,
)


@pytest.fixture(autouse=True)
def _no_small_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few accounts be as many: else they would simply be looked at each time."""
    monkeypatch.setattr(critical, "LEAST_PASS", 0)


class Watched:
    """Accounts with both ways to find candidates beside each other, and the exact evaluation after them."""

    def __init__(self, held: list[Account], liquidate_when: LiquidateWhen = LiquidateWhen.CERTAIN) -> None:
        self.policy = replace(POLICY, liquidate_when=liquidate_when)
        self.held = {its.account_id: its for its in held}
        self.columns = Columns(self.policy, rows=4)
        self.columns.update(held)
        self.scan, self.critical = Scan(self.columns), CriticalPrices(self.columns)
        self.named = 0

    def look(self, at: Mapping[str, Price], **ages: int) -> list[str]:
        seen = cut(**ages)
        expected = self.scan.candidates(at, seen)
        found = self.critical.candidates(at, seen)
        assert set(expected) <= set(found)
        for account_id in found:
            its = self.held[account_id]
            noted = int(self.columns.tables.state[self.columns._row[account_id]])
            before = None if noted < 0 else STATES[noted]
            state = next_state(before, evaluate(its, at, seen, self.policy), self.policy)
            self.columns.note_state(account_id, state)
        self.named += len(found)
        return found


def moved(before: Mapping[str, Price], **mids: str) -> dict[str, Price]:
    """As the price engine does it: what did not change is the very same value."""
    after = prices(5, **mids)
    return {asset: before[asset] if before.get(asset) == its else its for asset, its in after.items()}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("liquidate_when", LiquidateWhen)
def test_along_any_path_nothing_is_missed(seed: int, liquidate_when: LiquidateWhen) -> None:
    source = random.Random(seed)
    watched = Watched([random_account(source, number) for number in range(120)], liquidate_when)
    eth, btc = 2_000.0, 60_000.0
    at: dict[str, Price] = {}
    for step in range(40):
        eth *= 1 + source.gauss(0, 0.004)
        btc *= 1 + source.gauss(0, 0.004) * source.choice((0, 1))
        at = moved(at, ETH=f"{eth:.6f}", WBTC=f"{btc:.4f}")
        if source.random() < 0.05:
            at["VAULT"] = unavailable("VAULT")
        ages = {CHAINS[0]: source.choice((45_000, 90_000))} if source.random() < 0.05 else {}
        watched.look(at, **ages)
        if source.random() < 0.3:
            changed = random_account(source, source.randrange(150))
            watched.held[changed.account_id] = changed
            watched.columns.update([changed])
        if step % 10 == 9:
            gone = source.choice(list(watched.held))
            del watched.held[gone]
            watched.columns.remove(gone)


@pytest.mark.parametrize("seed", range(4))
def test_at_supposed_prices_it_names_whom_a_full_scan_names_and_notes_nothing(seed: int) -> None:
    source = random.Random(seed)
    watched = Watched([random_account(source, number) for number in range(120)])
    at: dict[str, Price] = {}
    named = 0
    for step in range(20):
        at = moved(at, ETH=f"{2_000 + source.uniform(-5, 5):.4f}")
        watched.look(at)
        if step % 5 == 4:
            watched.columns.update([random_account(source, source.randrange(120))])
        asset = source.choice(("ETH", "WBTC", "VAULT"))
        mid = {"ETH": 2_000, "WBTC": 60_000, "VAULT": 1}[asset] * source.uniform(0.7, 1.3)
        supposed = {
            **at,
            asset: unavailable(asset) if step == 7 else prices(0, **{asset: f"{mid:.6f}"})[asset],
        }
        seen = cut(**({CHAINS[0]: 45_000} if step == 13 else {}))
        noted = repr(watched.critical.__dict__)

        assert watched.scan.candidates(supposed, seen) == watched.critical.supposing(supposed, seen)
        assert noted == repr(watched.critical.__dict__)
        named += len(watched.critical.supposing(supposed, seen))

    assert 0 < named < 20 * 120


def test_a_quiet_market_costs_no_pass() -> None:
    source = random.Random(7)
    held = [
        account(
            leg(tokens={"ETH": str(source.randrange(1, 50))}, owes=str(source.randrange(100, 1_300))),
            account_id=f"0x{number:064x}",
        )
        for number in range(2_000)
    ]
    watched = Watched(held)
    at: dict[str, Price] = {}
    for cents in range(200):
        at = moved(at, ETH=f"{2_000 + cents % 7}.{cents % 100:02d}")
        watched.look(at)

    assert watched.critical.passes <= 3


def test_no_change_at_all_names_only_what_must_be_seen_each_time() -> None:
    calm = account(leg(tokens={"USDC": "10000"}, owes="100"), account_id="0x" + "01" * 32)
    claimed = account(leg(tokens={"ETH": "5"}, owes="100", claims=[claim("50")]), account_id="0x" + "02" * 32)
    watched = Watched([calm, claimed])
    at = prices(5)
    watched.look(at)

    assert [claimed.account_id] == watched.look(at)


def test_the_far_side_of_a_jump_is_seen_at_once() -> None:
    """An account far from everything is found when the price jumps past all of its distance in one step."""
    held = account(leg(tokens={"ETH": "10"}, owes="9000", positions=[position("1", "2000")]))
    watched = Watched([held])
    for eth in ("2000", "2000", "1999"):
        watched.look(prices(5, ETH=eth))

    assert [held.account_id] == watched.look(prices(5, ETH="900"))


@pytest.mark.parametrize(
    "its",
    [
        leg(tokens={"ETH": "10", "WBTC": "0.3"}, owes="25000"),
        leg(
            tokens={"USDC": "9000"}, positions=[position("20", "2000"), position("0.5", "60000", "BTC-PERP")]
        ),
        leg(
            tokens={"USDC": "9000"},
            positions=[position("-20", "2000"), position("-0.5", "60000", "BTC-PERP")],
        ),
    ],
    ids=["collateral", "long", "short"],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_several_assets_moving_a_little_each_add_up(its: Leg, sign: int) -> None:
    """Neither move alone would reach the threshold; the shares of the slack see to it that both together do."""
    watched = Watched([account(its)])
    before: Mapping[str, Price] = prices(5)
    for step in range(200):
        before = moved(before, ETH=f"{2_000 - sign * 2 * step}", WBTC=f"{60_000 - sign * 60 * step}")
        watched.look(before)

    assert 0 < watched.named < 200
