"""Numbers that other engines publish for options and scenarios, by configuring this one.

Source of `vectors/options.json`: derivexyz/v2-core 7736900, unit tests of the standard and of the portfolio manager
(numbers only). Columns of an option: type, forward, strike, volatility, seconds to expiry, size.

What can not be said here, and why. Derive PMRM v1: books whose value after a shock is positive (what is left is
discounted by 0.95 and a rate there), its minimum per short option and per perpetual (on the spot price, beside a forward), what
doubtful feeds and a weak stable coin add. PMRM v2, but for plain collateral: one forward and one volatility per expiry and strike,
a discount by the sign of an expiry's value, skew scenarios, basis that grows with the tenor.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.portfolio_settings import ModelName, VolatilityShock
from config.units import BPS, WAD
from keeper.domain.account import Account, Collateral, Leg, OptionPosition, Position
from keeper.margin.health import evaluate
from keeper.margin.parameters import AssetRisk, MarketRisk, ModelRange, OptionMarketRisk, RiskPolicy, Tier
from keeper.margin.portfolio_parameters import PortfolioRisk, TailMove, UnderlyingRisk
from keeper.margin.scenarios import MOVE, scenarios
from tests.keeper.margin.builders import CHAINS, POLICY, account, cut, price
from tests.keeper.margin.repricing import AT_S

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "options.json").read_text())
IDS = [case["id"] for case in CASES]
MILLIONTH = WAD // 10**6

PMRM_V1 = PortfolioRisk(
    price_range_bps=1_500,
    volatility_up_bps=4_500,
    volatility_down_bps=3_000,
    volatility_term_bps=3_000,
    unshocked_volatility=True,
    extreme_cover_bps=0,
    short_option_bps=0,
    basis_bps=0,
    highest_correlation_bps=BPS,
)
"""Seven prices by three volatilities."""


def wad(number: float) -> int:
    return round(number * 10**15) * 10**3


def policy(portfolio: PortfolioRisk, assets: list[str], markets: dict[str, OptionMarketRisk]) -> RiskPolicy:
    whole = AssetRisk(BPS, BPS, BPS, BPS)
    return replace(
        POLICY,
        gain_weight_bps=BPS,
        assets=dict.fromkeys(assets, whole),
        markets={"PERP": MarketRisk("X", (Tier(WAD, 1, 1),))},
        option_markets=markets,
        models=(ModelRange(0, 0, ModelName.PORTFOLIO),),
        portfolio=portfolio,
    )


def evaluated(held: Account, mids: dict[str, int], risk: RiskPolicy) -> tuple[int, int]:
    """Return (equity, maintenance of positions), USD wad."""
    found = evaluate(held, {asset: price(asset, mid) for asset, mid in mids.items()}, cut(), risk)
    assert not found.unknown_because
    return found.equity.mid, found.maintenance_mid


def options_of(case: dict[str, Any]) -> tuple[Account, dict[str, int], RiskPolicy]:
    """Return the case's book, each option with a forward (one underlying for each value) and a volatility of its own."""
    mids: dict[str, int] = {}
    markets: dict[str, OptionMarketRisk] = {}
    options = []
    for number, (kind, forward, strike, volatility, tenor_s, size) in enumerate(case["options"]):
        asset = next((name for name, mid in mids.items() if mid == wad(forward)), f"X{number}")
        mids |= {asset: wad(forward), f"V{number}": wad(volatility)}
        markets[f"M{number}"] = OptionMarketRisk(asset, f"V{number}")
        series = f"{kind} {strike} {number}"
        options.append(
            OptionPosition(
                f"M{number}", series, asset, kind == "call", wad(strike), AT_S + tenor_s, wad(size)
            )
        )
    held = account(Leg(CHAINS[0], 1, True, (), None, (), options=tuple(options)))
    return held, mids, policy(PMRM_V1, list(mids), markets)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_derive_marks_its_options_at_our_prices(case: dict[str, Any]) -> None:
    equity, _ = evaluated(*options_of(case))

    assert wad(case["mark_to_market"] - case["linear"]) == pytest.approx(equity, abs=MILLIONTH)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["scenario_worst"] is not None], ids=lambda case: case["id"]
)
def test_derive_pmrm_v1_worst_scenario(case: dict[str, Any]) -> None:
    _, maintenance = evaluated(*options_of(case))

    assert -wad(case["scenario_worst"]) == pytest.approx(maintenance, abs=MILLIONTH)


def test_derive_pmrm_v1_perpetual_alone() -> None:
    risk = policy(PMRM_V1, ["X"], {})
    held = account(Leg(CHAINS[0], 1, True, (), None, (Position("PERP", 0, "X", WAD, 1_450 * WAD),)))

    assert (55 * WAD, 22_575 * WAD // 100) == evaluated(held, {"X": 1_505 * WAD}, risk)


@pytest.mark.parametrize(
    ("held", "initial", "maintenance"),
    [
        ({"CASH": (1_000.0, 1.00019088635, 0, 0)}, 1_000.0, 1_000.0),
        (
            {"USDT": (1_000.0, 0.99984231175, 200, 300)},
            949.6689173291627,
            979.6584620869256,
        ),
        (
            {
                "CASH": (400.0, 1.00019088635, 0, 0),
                "USDT": (1_000.0, 0.99984231175, 200, 300),
                "SUSDE": (10_000.0, 1.1535919698481871, 2_500, 1_000),
            },
            8_846.585662268684,
            10_029.94701394022,
        ),
    ],
    ids=["derive-142", "derive-153", "derive-164"],
)
def test_derive_pmrm_v2_collateral(
    held: dict[str, tuple[float, float, int, int]], initial: float, maintenance: float
) -> None:
    """Amount, price, haircut and what the initial one adds; Derive counts in its stable coin, at 1.00019088635 USD."""
    risk = replace(
        policy(PMRM_V1, [], {}),
        assets={
            asset: AssetRisk(BPS - cut_bps, BPS - cut_bps - more_bps, BPS, BPS)
            for asset, (_, _, cut_bps, more_bps) in held.items()
        },
    )
    tokens = tuple(Collateral(asset, asset, 18, wad(its[0])) for asset, its in held.items())
    prices = {asset: price(asset, wad(its[1])) for asset, its in held.items()}

    found = evaluate(account(Leg(CHAINS[0], 1, True, tokens, None, ())), prices, cut(), risk)

    stable = 1.00019088635
    assert wad(maintenance * stable) == pytest.approx(found.surplus.mid, abs=MILLIONTH)
    assert wad(initial * stable) == pytest.approx(found.initial_surplus.mid, abs=MILLIONTH)


SPAN_FUTURE = [
    0,
    0,
    3330,
    3330,
    -3330,
    -3330,
    6670,
    6670,
    -6670,
    -6670,
    10000,
    10000,
    -10000,
    -10000,
    7000,
    -7000,
]
SPAN_SHORT_CALL = [
    -460, 610, -2640, -1730, 1270, 2340, -5210, -4540, 2540, 3430, -8060, -7640, 3380, 3990, -3130, 1500,
]  # fmt: skip


def span_rows(*, rounded: bool) -> list[int]:
    """What a future of 100,000 with a scan range of 10,000 gains in the sixteen scenarios, in their order."""
    thirds = [333, 667] if rounded else []
    steps = [(sign * third, 0) for third in thirds for sign in (1, -1)]
    tails = tuple(
        TailMove(move, shock, BPS)
        for move, _ in steps
        for shock in (VolatilityShock.UP, VolatilityShock.DOWN)
    )
    risk = PortfolioRisk(price_range_bps=1_000, price_steps=1 if rounded else 3, tails=tails)
    found = scenarios(["X"], risk)
    gains = [100_000 * its.moves["X"] * its.cover_bps // (MOVE * BPS) for its in found]
    return [*gains[:2], *gains[8:], *gains[2:8]] if rounded else gains


def test_span_sixteen_scenarios_of_a_future_with_published_thirds() -> None:
    assert SPAN_FUTURE == span_rows(rounded=True)


def test_span_sixteen_scenarios_with_thirds_that_are_not_rounded() -> None:
    assert SPAN_FUTURE == pytest.approx(span_rows(rounded=False), abs=5)


def test_span_scan_risk_of_a_future_and_a_short_call() -> None:
    """The call's array is published; its volatility is not, so that it can not be priced here."""
    total = [future + call for future, call in zip(span_rows(rounded=True), SPAN_SHORT_CALL, strict=True)]

    assert (-6_620, 12) == (min(total), total.index(min(total)))


def test_deribit_style_futures_and_their_contingency() -> None:
    """Ten futures at 2253.2 shocked by 15 %; the contingency of 0.6 % is on the spot price of 2243.3."""
    scan = replace(PMRM_V1, price_range_bps=1_500)
    added = replace(scan, underlyings={"X": UnderlyingRisk(1, 0, 0, 60)})
    held = account(Leg(CHAINS[0], 1, True, (), None, (Position("PERP", 0, "X", 10 * WAD, 2_243 * WAD),)))

    shocked = evaluated(held, {"X": wad(2_253.2)}, policy(scan, ["X"], {}))[1]
    contingency = evaluated(held, {"X": wad(2_243.3)}, policy(added, ["X"], {}))[1]

    assert 3_380 * WAD == pytest.approx(shocked, rel=1e-3)
    assert wad(134.6) == pytest.approx(contingency - wad(2.2433), rel=1e-3)
