"""Liquidation figures that other engines publish, by configuring ours: what a step does, and which step is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.hub.attestation import Action
from config.units import BPS, WAD
from keeper.domain.account import Account, Collateral, Debt, Leg, Position
from keeper.domain.health import Interval, UnifiedHealth
from keeper.margin.health import evaluate
from keeper.margin.parameters import AssetRisk, MarketRisk, RiskPolicy, Tier
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, Move, effect
from keeper.planner.facts import MarketFacts, TokenFacts, VenueFacts
from keeper.planner.ground import Ground, Prices
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, POLICY, account, cut, price
from tests.keeper.planner.builders import venue

HERE = CHAINS[0]
DECIMALS = 18


def risk(
    weights: dict[str, tuple[int, int]], fraction_bps: int = 1_000, target_wad: int = WAD, gain_bps: int = BPS
) -> RiskPolicy:
    """Return a policy of (collateral, liability) weights in bps, with one market on X."""
    return replace(
        POLICY,
        gain_weight_bps=gain_bps,
        target_health_wad=target_wad,
        assets={asset: AssetRisk(held, held, owed, owed) for asset, (held, owed) in weights.items()},
        markets={"X": MarketRisk("X", (Tier(WAD, fraction_bps, fraction_bps),))},
    )


def hub(penalty_bps: int, **changes: Any) -> VenueFacts:
    """Return a hub that lends Y against X and makes a market in X, of any size at once."""
    tokens = (TokenFacts(0, "Y", "Y", DECIMALS, 0), TokenFacts(1, "X", "X", DECIMALS, penalty_bps))
    facts = venue(
        HERE,
        tokens=tokens,
        markets=(MarketFacts(0, "X", "X", penalty_bps),),
        pool_cash=10**30,
        close_factor_bps=BPS,
        insurance_share_bps=0,
    )
    return replace(facts, **changes)


def owing(held: int, owed: int) -> Account:
    return account(
        Leg(
            HERE,
            1,
            True,
            (Collateral("X", "X", DECIMALS, held),) if held else (),
            Debt("Y", DECIMALS, owed),
            (),
        )
    )


def at(x_wad: int, y_wad: int = WAD) -> dict[str, Price]:
    return {"X": price("X", x_wad), "Y": price("Y", y_wad)}


def done(
    held: Account, action: Action, item: int, size: int, prices: dict[str, Price], facts: VenueFacts
) -> Effect:
    mids = {asset: its.mid_wad for asset, its in prices.items() if its.mid_wad is not None}
    ground = Ground(held, {HERE: facts.pool_cash})
    outcome = effect(ground, Move(action, HERE, item, size), Prices(mids, {HERE: facts}))
    assert isinstance(outcome, Effect), outcome
    return outcome


def health(held: Account, prices: dict[str, Price], policy: RiskPolicy) -> UnifiedHealth:
    return evaluate(held, prices, cut(), policy)


@pytest.mark.parametrize(("debt_price", "enough"), [(2_000, 4 * WAD), (333, 24_024024024024024024 + 1)])
def test_aave_v4_debt_that_restores_the_target(debt_price: int, enough: int) -> None:
    """10,000 of debt at health 0.8, half of the collateral counts, and half again is paid on top: target 1."""
    policy, prices, facts = risk({"X": (5_000, BPS), "Y": (0, BPS)}), at(WAD, debt_price * WAD), hub(5_000)
    # rounded down, so that health is 0.8 and not a hair more
    held = owing(16_000 * WAD, -(-10_000 * WAD // debt_price))

    after = done(held, Action.REPAY, 1, enough, prices, facts).ground.account
    short = done(held, Action.REPAY, 1, enough - 10**6, prices, facts).ground.account

    assert health(held, prices, policy).surplus.mid == pytest.approx(-2_000 * WAD, abs=10**4)
    assert health(after, prices, policy).surplus.mid >= -(10**4)
    assert health(short, prices, policy).surplus.mid < -(10**4)


@pytest.mark.parametrize(
    ("attested", "debt", "factor_bps"),
    [
        (WAD * 94 // 100, 9_000, BPS),
        (WAD * 95 // 100 + 1, 2_000, 5_000),
        (WAD * 97 // 100, 1_999, BPS),
        (WAD * 97 // 100, 5_000, 5_000),
    ],
)
def test_aave_v3_close_factor(attested: int, debt: int, factor_bps: int) -> None:
    """Half, but all of it below health 0.95 or where less than 2,000 is owed. At exactly 0.95 we still take half."""
    facts = hub(
        500, close_factor_bps=5_000, full_close_health_wad=WAD * 95 // 100, dust_value_wad=1_000 * WAD - 1
    )
    policy, prices = risk({"X": (8_000, BPS), "Y": (0, BPS)}), at(WAD)
    held = owing(debt * attested // 8 * 10 // WAD * WAD, debt * WAD)
    found = replace(health(held, prices, policy), health=Interval(attested, attested, attested))
    conditions = Conditions(found, Prices({"X": WAD, "Y": WAD}, {HERE: facts}), policy)

    assert debt * WAD * factor_bps // BPS == conditions.largest_step(facts, debt * WAD, WAD, WAD)


@pytest.mark.parametrize(
    ("quote_price", "penalty_bps", "base_1e9"),
    [
        (WAD, 0, 1_000_000_000),
        (WAD * 101 // 100, 0, 990_099_009),
        (WAD, 100, 1_111_111_111),
        (WAD, 200, 1_250_000_000),
    ],
)
def test_drift_v2_base_to_close_for_a_shortage(quote_price: int, penalty_bps: int, base_1e9: int) -> None:
    """Ten dollars short at a margin of 10 %: the fees of liquidator and insurance fund are one penalty here."""
    policy, price_wad = risk({"X": (0, BPS), "Y": (BPS, BPS)}), 100 * quote_price
    prices, facts = {"X": price("X", price_wad), "Y": price("Y", WAD)}, hub(penalty_bps)
    size = 5 * WAD
    cash = size * price_wad // WAD // 10 - 10 * WAD
    position = Position("X", 0, "X", size, price_wad)
    held = account(Leg(HERE, 1, True, (Collateral("Y", "Y", DECIMALS, cash),), None, (position,)))
    base = base_1e9 * 10**9

    enough = done(held, Action.CLOSE, 0, base + 10**9, prices, facts).ground.account
    short = done(held, Action.CLOSE, 0, base - 10**9, prices, facts).ground.account

    assert -10 * WAD == health(held, prices, policy).surplus.mid
    assert health(enough, prices, policy).surplus.mid >= 0
    assert health(short, prices, policy).surplus.mid < 0


@pytest.mark.parametrize(("share", "requirement", "value"), [(2, 7_104, 7_112), (4, 5_328, 6_224)])
def test_paradex_partial_liquidation(share: int, requirement: int, value: int) -> None:
    """A share of the position goes for half of its maintenance margin as the penalty (in hundredths)."""
    policy, prices, facts = risk({"X": (0, BPS), "Y": (BPS, BPS)}, 1_000), at(WAD), hub(500)
    position = Position("X", 0, "X", 888 * WAD, WAD)
    held = account(Leg(HERE, 1, True, (Collateral("Y", "Y", DECIMALS, 80 * WAD),), None, (position,)))

    after = done(held, Action.CLOSE, 0, 888 * WAD * share // 10, prices, facts).ground.account
    found = health(after, prices, policy)

    assert (requirement * WAD // 100, value * WAD // 100) == (found.requirement_mid, found.equity.mid)


def test_exactly_seizes_what_was_repaid_and_the_incentive() -> None:
    """64,307,693 units of 8 decimals there; what is owed to the account is rounded its way here: one unit less."""
    tokens = (TokenFacts(0, "Y", "Y", DECIMALS, 0), TokenFacts(1, "X", "X", 8, 1_000))
    facts = replace(hub(1_000), tokens=tokens)
    held = account(
        Leg(HERE, 1, True, (Collateral("X", "X", 8, 10**8),), Debt("Y", DECIMALS, 40_000 * WAD), ())
    )

    outcome = done(held, Action.REPAY, 1, 19_000 * WAD, at(32_500 * WAD), facts)
    (left,) = outcome.ground.account.legs[0].collateral

    assert 64_307_693 - 1 == 10**8 - left.amount


@pytest.mark.parametrize(("debt_price", "factor"), [(2.5, WAD * 96 // 100), (2.2, 1_090909090909090909)])
def test_euler_v2_health(debt_price: float, factor: int) -> None:
    policy = risk({"X": (3_000, BPS), "Y": (0, BPS)})

    found = health(owing(100 * WAD, 5 * WAD), at(WAD * 4 // 10, round(debt_price * 10) * WAD // 10), policy)

    assert found.health is not None
    assert abs(found.health.mid - factor) <= 1


@pytest.mark.parametrize(
    ("tokens", "lots", "quote", "init_health"), [(0, 1, -100, -72), (100, -1, -100, -72), (0, 10, 100, 380)]
)
def test_mango_v4_init_health_of_a_perp(tokens: int, lots: int, quote: int, init_health: int) -> None:
    """Lots of ten at price five, weighted 0.8 and 1.2: our margin of 20 % is the same pair of weights.

    There a perp settles in a token, so that what is left has that token's own weights besides, 0.8 of 0.95 or
    1.2: the one factor that is applied here by hand. Their accounts with open orders need a book no hub here has.
    """
    cash = tokens + lots * 10 * 5 + quote
    policy = risk({"X": (0, BPS), "Y": (BPS, BPS)}, 2_000, gain_bps=BPS)
    held = account(
        Leg(
            HERE,
            1,
            True,
            (Collateral("Y", "Y", DECIMALS, cash * WAD),) if cash > 0 else (),
            Debt("Y", DECIMALS, -cash * WAD) if cash < 0 else None,
            (Position("X", 0, "X", lots * 10 * WAD, 5 * WAD),),
        )
    )

    left = health(held, at(5 * WAD), policy).surplus.mid

    assert init_health * WAD == (left * 12 // 10 if left < 0 else left * 8 * 95 // 1_000)
