"""Options between their expiry and their settlement: what they came to counts, whatever prices do since."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from config.units import WAD
from keeper.domain.account import Account
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.certificates import certificate
from keeper.margin.curved_figures import option_quotes
from keeper.margin.health import evaluate
from keeper.margin.quick import QuickAccount
from keeper.planner.option_marks import marks_of
from tests.keeper.margin.builders import CHAINS, account, cut, leg
from tests.keeper.margin.repricing import RISK, option, quotes, under_portfolio

SETTLED_AT = 2_600


def expired(kind: str, strike: int, size: float, settled_at: int | None = SETTLED_AT) -> Account:
    """Return an account with 10,000 USDC and an option whose expiry is an hour ago."""
    its = option(kind, strike, -1 / 24, size)
    wad = None if settled_at is None else settled_at * WAD
    held = leg(tokens={"USDC": "10000"})
    return account(replace(held, options=(replace(its, settlement_wad=wad),)))


def health(held: Account, eth: int = 2_000, width_bps: int = 0) -> UnifiedHealth:
    return evaluate(held, quotes(width_bps, ETH=str(eth)), cut(), RISK)


@pytest.mark.parametrize("eth", [1_000, 2_000, 4_000])
@pytest.mark.parametrize("is_portfolio", [False, True])
@pytest.mark.parametrize(
    ("kind", "strike", "size", "worth"),
    [
        ("call", 2_100, 10, 5_000),
        ("call", 2_100, -10, -5_000),
        ("put", 2_100, 10, 0),
        ("put", 2_800, -2, -400),
    ],
)
def test_what_it_came_to_is_what_counts_at_any_price(
    kind: str, strike: int, size: float, worth: int, eth: int, *, is_portfolio: bool
) -> None:
    held = expired(kind, strike, size)
    found = health(under_portfolio(held) if is_portfolio else held, eth, width_bps=100)

    assert found.equity.low == found.equity.mid - 10_000 * WAD // 100
    assert (10_000 + worth) * WAD == found.equity.mid
    weight = 8_000 if is_portfolio else RISK.option_markets["ETH-OPTIONS"].long_weight_bps
    counted = worth * weight // 10_000 if worth > 0 else worth
    assert (9_700 + counted) * WAD == found.surplus.mid
    assert 0 == found.maintenance_mid


def test_until_it_is_fixed_it_moves_with_the_price() -> None:
    held = expired("call", 2_100, 10, settled_at=None)

    assert [10_000 * WAD, 15_000 * WAD] == [health(held, eth).equity.mid for eth in (2_000, 2_600)]


@pytest.mark.parametrize("is_portfolio", [False, True])
def test_what_people_read_is_the_same(*, is_portfolio: bool) -> None:
    held = expired("call", 2_100, -10)
    held = under_portfolio(held) if is_portfolio else held
    exact = health(held)

    at_s = 1_700_000_001
    at = {asset: np.array([(its.mid_wad or 0) / WAD]) for asset, its in quotes().items()}
    quick = QuickAccount(held, RISK, at_s).margin(at)

    assert float(quick.equity[0]) == pytest.approx(exact.equity.mid / WAD)
    assert float(quick.assets[0]) == pytest.approx(exact.assets_mid / WAD)
    assert float(quick.required[0]) == pytest.approx(exact.requirement_mid / WAD)
    quoted = option_quotes(held, quotes(), RISK, at_s) or []
    assert [(500.0, 0.0)] == [(quote.price, quote.delta) for quote in quoted]
    assert {held.legs[0].options[0].series: 500 * WAD} == marks_of(held, quotes(), RISK, cut())


def test_no_certificate_outlives_the_wait() -> None:
    held = expired("call", 2_100, 1)

    assert certificate(held, AccountState.HEALTHY, health(held), quotes(), RISK) is None


def test_a_chain_that_is_not_read_widens_what_is_owed_there() -> None:
    held = expired("call", 2_100, -10)

    stale = evaluate(held, quotes(), cut(**{CHAINS[0]: 45_000}), RISK)

    fresh = health(held)
    assert stale.surplus.low < fresh.surplus.low
    assert stale.surplus.high > fresh.surplus.high
