"""Numbers that other engines publish for accounts the standard model can express."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.units import BPS, WAD
from keeper.domain.account import Account, Collateral, Debt, Leg, Position
from keeper.domain.health import UnifiedHealth
from keeper.margin.curved_figures import Crossing
from keeper.margin.figures import bankruptcy_price
from keeper.margin.health import evaluate
from keeper.margin.parameters import AssetRisk, MarketRisk, RiskPolicy, Tier
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, POLICY, account, cut, price

HERE, THERE = CHAINS[:2]


def policy(weights: dict[str, tuple[int, int]], fractions: dict[str, tuple[int, int]]) -> RiskPolicy:
    """Return a policy of (collateral, liability) weights and (maintenance, initial) fractions by asset, bps."""
    return replace(
        POLICY,
        gain_weight_bps=BPS,
        assets={asset: AssetRisk(held, held, owed, owed) for asset, (held, owed) in weights.items()},
        markets={asset: MarketRisk(asset, (Tier(WAD, *bps),)) for asset, bps in fractions.items()},
    )


def at(**mids: float) -> dict[str, Price]:
    return {asset: price(asset, round(mid * 10**6) * 10**12) for asset, mid in mids.items()}


def token(asset: str, units: float) -> Collateral:
    return Collateral(asset, asset, 18, round(units * 10**6) * 10**12)


def owed(asset: str, units: float) -> Debt:
    return Debt(asset, 18, round(units * 10**6) * 10**12)


def perp(asset: str, size: float, entry: float) -> Position:
    return Position(asset, 0, asset, round(size * 10**6) * 10**12, round(entry * 10**6) * 10**12)


def two_legs(
    *, held: list[Collateral], debt: Debt | None = None, positions: list[Position] | None = None
) -> Account:
    """Return the account with collateral on one chain and all else on another: unified health must not mind."""
    return account(
        Leg(HERE, 1, True, tuple(held), None, ()), Leg(THERE, 1, True, (), debt, tuple(positions or ()))
    )


def health(held: Account, prices: dict[str, Price], risk: RiskPolicy) -> UnifiedHealth:
    return evaluate(held, prices, cut(), risk)


@pytest.mark.parametrize(("debt", "factor_wad"), [(0.05, WAD), (0.03, 1_666666666666666667)])
def test_aave_v3_health_factor(debt: float, factor_wad: int) -> None:
    risk = policy({"X": (5_000, BPS), "Y": (0, BPS)}, {})

    found = health(two_legs(held=[token("X", 0.1)], debt=owed("Y", debt)), at(X=1, Y=1), risk)

    assert found.health is not None
    assert factor_wad == found.health.mid
    assert found.surplus.high >= 0


@pytest.mark.parametrize(
    ("amount", "debt", "mid", "factor_bps"),
    [(100_000, 100_000, 1.0, 8_000), (100_000, 100_000, 0.5, BPS), (0, 1, 1.0, BPS)],
)
def test_compound_v3_is_liquidatable(amount: float, debt: float, mid: float, factor_bps: int) -> None:
    risk = policy({"X": (factor_bps, BPS), "Y": (0, BPS)}, {})

    found = health(two_legs(held=[token("X", amount)], debt=owed("Y", debt)), at(X=mid, Y=1), risk)

    assert found.surplus.high < 0


def test_exactly_weighs_both_sides() -> None:
    risk = policy({"WBTC": (6_000, BPS), "WETH": (7_000, BPS), "DAI": (BPS, 12_500)}, {})
    held = two_legs(held=[token("WBTC", 1), token("WETH", 1)], debt=owed("DAI", 31_920))

    found = health(held, at(WBTC=32_500, WETH=3_000, DAI=1), risk)

    assert (21_600 * WAD, 39_900 * WAD) == (found.assets_mid, found.requirement_mid)
    assert -18_300 * WAD == found.surplus.mid


@pytest.mark.parametrize(
    ("net_collateral", "requirement", "liquidatable"),
    [(100, 0, False), (0, 100, True), (75, 100, True), (125, 100, False), (100, 100, False)],
)
def test_dydx_v4_is_liquidatable(net_collateral: int, requirement: int, liquidatable: bool) -> None:
    risk = policy({"USD": (BPS, BPS)}, {"BTC": (1_000, 2_000)})
    positions = [perp("BTC", requirement * 10, 1)] if requirement else []

    found = health(two_legs(held=[token("USD", net_collateral)], positions=positions), at(USD=1, BTC=1), risk)

    assert liquidatable == (found.surplus.high < 0)


@pytest.mark.parametrize(
    ("quote", "size", "quote_at_bankruptcy"),
    [
        (-4_501, 0.1, 4_501),
        (5_499, -0.1, 5_499),
        (-5_000, 0.1, 5_000),
        (5_000, -0.1, 5_000),
        (-5_100, 0.1, 5_100),
    ],
)
def test_dydx_v4_bankruptcy_price(quote: float, size: float, quote_at_bankruptcy: int) -> None:
    risk = policy({"USD": (BPS, BPS)}, {"BTC": (1_000, 2_000)})
    held = two_legs(
        held=[token("USD", max(quote, 0))],
        debt=owed("USD", -quote) if quote < 0 else None,
        positions=[perp("BTC", size, 0)],
    )

    found = bankruptcy_price(held, "BTC", at(USD=1, BTC=50_000), risk)

    expected = quote_at_bankruptcy * 10 * WAD
    below, above = (expected, None) if expected < 50_000 * WAD else (None, expected)
    if expected == 50_000 * WAD:
        assert found is not None
        assert expected in {found.below_wad, found.above_wad} or found == Crossing(expected - 1, None)
    else:
        assert Crossing(below, above) == found


@pytest.mark.parametrize(
    ("first", "second"), [((100, 50), (100, 100)), ((100, 50), (0, 100)), ((100, 100), (100, 150))]
)
def test_dydx_v4_orders_accounts_by_collateral_over_requirement(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    risk = policy({"USD": (BPS, BPS)}, {"BTC": (1_000, 2_000)})

    ratios = []
    for net_collateral, requirement in (first, second):
        held = two_legs(held=[token("USD", net_collateral)], positions=[perp("BTC", requirement * 10, 1)])
        found = health(held, at(USD=1, BTC=1), risk).health
        assert found is not None
        ratios.append(found.mid)

    assert ratios[0] > ratios[1]


def test_paradex_initial_margin_of_a_position() -> None:
    risk = policy({"USD": (BPS, BPS)}, {"BTC": (100, 200)})

    found = health(two_legs(held=[], positions=[perp("BTC", 3, 90_000)]), at(BTC=90_000), risk)

    assert -5_400 * WAD == found.initial_surplus.mid


def test_gmx_v2_isolated_long_is_liquidatable() -> None:
    risk = policy({"ETH": (BPS, BPS)}, {"ETH": (100, 100)})

    found = health(two_legs(held=[token("ETH", 10)], positions=[perp("ETH", 40, 5_000)]), at(ETH=4_000), risk)

    assert (0, True) == (found.equity.mid, found.surplus.high < 0)


SYNTHETIX_FILLS = {
    "BTC": (-1, 29_850),
    "ETH": (20, 2_020),
    "LINK": (2_000, 5.05),
    "ARB": (5_000, 2.05),
    "OP": (5_000, 2.05),
}


@pytest.mark.parametrize(
    ("marks", "available"),
    [
        ({"BTC": 30_000, "ETH": 2_000, "LINK": 5, "ARB": 2, "OP": 2}, 18_850),
        ({"BTC": 28_000, "ETH": 1_900, "LINK": 4.6, "ARB": 1.9, "OP": 1.8}, 16_550),
    ],
)
def test_synthetix_v3_available_margin_over_five_markets(marks: dict[str, float], available: int) -> None:
    risk = policy({"USD": (BPS, BPS)} | dict.fromkeys(marks, (0, BPS)), dict.fromkeys(marks, (100, 200)))
    positions = [perp(asset, *fill) for asset, fill in SYNTHETIX_FILLS.items()]

    found = health(two_legs(held=[token("USD", 20_000)], positions=positions), at(USD=1, **marks), risk)

    assert available * WAD == found.equity.mid


def test_synthetix_v3_margins_without_its_fixed_minimums() -> None:
    """Fractions of 5 % and 2.5 % of 100,000 USD; the published 6,500 and 4,000 hold 1,500 of minimums each."""
    risk = policy(
        {"USD": (BPS, BPS), "BTC": (0, BPS), "ETH": (0, BPS)}, {"BTC": (250, 500), "ETH": (250, 500)}
    )
    positions = [perp("BTC", -2, 29_700), perp("ETH", 20, 2_020)]

    found = health(
        two_legs(held=[token("USD", 100_000)], positions=positions), at(USD=1, BTC=30_000, ETH=2_000), risk
    )

    assert 99_000 * WAD == found.equity.mid
    assert (6_500 - 1_500) * WAD == 99_000 * WAD - found.initial_surplus.mid
    assert (4_000 - 1_500) * WAD == found.maintenance_mid
