"""One picture of an account with legs at venues: our own formula over all of them, several debts and all."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from chains.venues.venue import Borrower, VenueHealth
from config.units import WAD
from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg
from keeper.margin.health import evaluate
from keeper.venues.unified import VenueFigure, aged, is_gone, legs_of, unified_account
from keeper.venues.view import Holding, VenueAccount
from oracles.price import Price, PriceStatus
from tests.keeper.margin.builders import POLICY

ACCOUNT, OWNER, MARKET = "0x" + "a1" * 32, "0x" + "0e" * 20, "0x" + "3a" * 32
PRICES = {"USDC": 1, "ETH": 2_000, "WBTC": 50_000}


def price(asset: str) -> Price:
    wad = PRICES[asset] * WAD
    return Price(asset, PriceStatus.OK, "", wad, wad, wad, 0, ())


def held(asset: str, decimals: int, supplied: int, borrowed: int = 0, *, collateral: bool = True) -> Holding:
    return Holding(f"0x{asset}", asset, decimals, supplied, borrowed, is_collateral=collateral)


def at(
    chain: str, venue: str, *holdings: Holding, market: str = "", health: int | None = WAD
) -> VenueAccount:
    return VenueAccount(
        chain, venue, ACCOUNT, Borrower(OWNER, market), VenueHealth(health, 0, 0), holdings, 9, 1_000
    )


HUB = Account(
    ACCOUNT,
    OWNER,
    0,
    (
        Leg(
            "arbor",
            3,
            cross_margin=True,
            collateral=(Collateral("0xETH", "ETH", 18, 5 * WAD),),
            debt=Debt("USDC", 6, 4_000 * 10**6),
            positions=(),
        ),
    ),
)
AAVE = at(
    "basin",
    "aave",
    held("ETH", 18, 10 * WAD),
    held("USDC", 6, 0, 6_000 * 10**6),
    held("WBTC", 8, 0, 10**7),
)
MORPHO = at("cedar", "morpho", held("WBTC", 8, 10**8), held("USDC", 6, 0, 20_000 * 10**6), market=MARKET)
CUT = tuple(CutPoint(name, 9, "0x" + "00" * 32, 1_000, 0) for name in ("arbor", "basin", "cedar"))


def test_a_health_over_hub_aave_and_morpho_is_the_plain_formula() -> None:
    rules = POLICY
    found = evaluate(unified_account(HUB, [MORPHO, AAVE]), {each: price(each) for each in PRICES}, CUT, rules)

    weight = {each: Fraction(rules.assets[each].collateral_weight_bps, 10_000) for each in PRICES}
    owes = {each: Fraction(rules.assets[each].liability_weight_bps, 10_000) for each in PRICES}
    assets = weight["ETH"] * 15 * 2_000 + weight["WBTC"] * 50_000
    required = owes["USDC"] * (4_000 + 6_000 + 20_000) + owes["WBTC"] * 5_000
    assert found.health is not None
    assert int((assets - required) * WAD) == found.surplus.mid
    assert abs(assets / required - Fraction(found.health.mid, WAD)) < Fraction(1, 10**17)
    assert ("arbor", "basin", "cedar") == tuple(point.chain for point in found.cut)
    assert () == found.unknown_because


def test_the_hub_alone_is_not_changed_by_what_stands_elsewhere() -> None:
    unified = unified_account(HUB, [AAVE])

    assert HUB.legs[0] in unified.legs
    assert (HUB.account_id, HUB.owner, HUB.subaccount) == (
        unified.account_id,
        unified.owner,
        unified.subaccount,
    )


def test_who_has_nothing_at_a_hub_has_an_account_of_subaccount_zero() -> None:
    unified = unified_account(None, [AAVE, MORPHO])

    assert (ACCOUNT, OWNER, 0) == (unified.account_id, unified.owner, unified.subaccount)
    assert ["basin", "basin", "cedar"] == [leg.chain for leg in unified.legs]


def test_a_second_debt_has_a_leg_of_its_own_and_collateral_counts_once() -> None:
    first, second = legs_of(AAVE)

    assert [("ETH", 10 * WAD)] == [(each.asset, each.amount) for each in first.collateral]
    assert ["USDC", "WBTC"] == [leg.debt.asset for leg in (first, second) if leg.debt is not None]
    assert () == second.collateral


def test_what_does_not_back_debts_is_no_collateral() -> None:
    (leg,) = legs_of(at("basin", "aave", held("ETH", 18, WAD, collateral=False), held("USDC", 6, 0, 5)))

    assert () == leg.collateral


def test_a_token_that_nothing_is_said_of_makes_the_account_unknown() -> None:
    strange = at("basin", "aave", Holding("0xbeef", "", 0, 7, 0, is_collateral=True), held("USDC", 6, 0, 5))
    found = evaluate(unified_account(None, [strange]), {each: price(each) for each in PRICES}, CUT, POLICY)

    assert ("nothing says what 0xbeef at aave on basin stands for",) == found.unknown_because


def test_one_that_is_empty_says_nothing() -> None:
    strange = at("basin", "aave", Holding("0xbeef", "", 0, 0, 0, is_collateral=False))

    assert is_gone(strange)
    assert [] == legs_of(strange)


def test_a_venue_that_lags_behind_its_chain_makes_the_leg_as_old() -> None:
    basin = next(point for point in aged(CUT, {"basin": 970}) if point.chain == "basin")
    arbor = next(point for point in aged(CUT, {"basin": 970}) if point.chain == "arbor")

    assert (30_000, 0) == (basin.age_ms, arbor.age_ms)


def test_a_venues_own_figure_stands_beside_ours() -> None:
    assert VenueFigure("cedar", "morpho", MARKET, 7, "") == VenueFigure.of(
        at("cedar", "morpho", market=MARKET, health=7)
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("ETH", "WBTC", "USDC")),
            st.integers(0, 10**20),
            st.integers(0, 10**20),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_nothing_is_lost_and_nothing_counts_twice(rows: list[tuple[str, int, int, bool]]) -> None:
    holdings = [
        held(asset, 18, supplied, borrowed, collateral=backs) for asset, supplied, borrowed, backs in rows
    ]
    legs = legs_of(at("basin", "aave", *holdings))

    assert sum(each.supplied for each in holdings if each.is_collateral) == sum(
        token.amount for leg in legs for token in leg.collateral
    )
    assert sum(each.borrowed for each in holdings) == sum(
        leg.debt.amount for leg in legs if leg.debt is not None
    )
