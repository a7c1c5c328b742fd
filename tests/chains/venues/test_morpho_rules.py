"""Morpho's rules without a chain: what is chosen can be executed, in markets as odd as they come."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chains.venues.morpho_blue.liquidation import best_liquidation, by_assets, by_shares, health, is_healthy
from chains.venues.morpho_blue.shares import PRICE_SCALE, assets_up, compounded_interest, incentive_factor
from chains.venues.morpho_blue.state import Holding, Market, MarketParameters, MarketsState
from chains.venues.venue import NO_DEBT_HEALTH, Blocked, Borrower, Liquidation, Obstacle
from config.units import WAD

LOAN, COLLATERAL = "0x" + "11" * 20, "0x" + "22" * 20
WHO = Borrower("0x" + "33" * 20, "0x" + "44" * 32)


def market(
    price: int | None, lltv: int = 86 * WAD // 100, assets: int = 10**13, shares: int = 10**19
) -> Market:
    parameters = MarketParameters(LOAN, COLLATERAL, "0x" + "55" * 20, "0x" + "66" * 20, lltv)
    return Market(parameters, 2 * assets, 2 * shares, assets, shares, 1_000, 0, 10**9, price)


def state(found: Market, holding: Holding) -> MarketsState:
    return MarketsState("0x", found.updated_s, {WHO.market: found}, {WHO: holding})


markets = st.builds(
    market,
    price=st.integers(1, 10**8).flatmap(
        lambda most: st.sampled_from([most * 10**20, most * 10**30, most * 10**34])
    ),
    lltv=st.sampled_from([385, 625, 770, 860, 915, 945, 980]).map(lambda share: share * WAD // 1000),
    assets=st.integers(1, 10**16),
    shares=st.integers(10**6, 10**24),
)


@pytest.mark.parametrize(
    ("lltv", "factor"),
    [
        (98, "1.006036"),
        (945, "1.016776"),
        (86, "1.043841"),
        (77, "1.074113"),
        (625, "1.126760"),
        (385, "1.15"),
    ],
)
def test_the_incentive_is_larger_where_less_may_be_owed(lltv: int, factor: str) -> None:
    wad = incentive_factor(lltv * WAD // (100 if lltv < 100 else 1000))

    assert factor == f"{wad / WAD:.8f}"[: len(factor)]


def test_interest_is_three_terms_of_the_exponential() -> None:
    year = 365 * 86_400
    tenth_a_year = WAD // 10 // year

    assert abs(compounded_interest(tenth_a_year, year) - (WAD // 10 + WAD // 200 + WAD // 6_000)) < 10**9


def test_an_account_without_debt_is_healthy_whatever_the_oracle_says() -> None:
    assert NO_DEBT_HEALTH == health(market(None), Holding(0, 5)).health_wad
    assert Blocked(Obstacle.NO_DEBT) == best_liquidation(state(market(None), Holding(0, 5)), WHO, 1_000)


@pytest.mark.parametrize("price", [None, 0])
def test_without_a_price_nothing_is_done(price: int | None) -> None:
    found = best_liquidation(state(market(price), Holding(10**18, 10**18)), WHO, 1_000)

    assert Blocked(Obstacle.PRICE_UNKNOWN, COLLATERAL) == found


@given(markets, st.integers(1, 10**24), st.integers(0, 10**24))
def test_health_is_below_one_exactly_where_the_protocol_says_so(
    found: Market, shares: int, collateral: int
) -> None:
    assume(shares <= found.borrow_shares)
    wad = health(found, Holding(shares, collateral)).health_wad

    assert wad is not None
    assert is_healthy(found, Holding(shares, collateral)) == (wad >= WAD)


@given(
    markets,
    st.integers(1, 10**24),
    st.integers(1, 10**24),
    st.none() | st.integers(0, 10**20),
    st.integers(0, 10**7),
)
def test_what_is_chosen_fits_the_position_the_inventory_and_the_contract(
    found: Market, shares: int, collateral: int, limit: int | None, wait_s: int
) -> None:
    assume(shares <= found.borrow_shares)
    now_s = found.updated_s + wait_s
    holding = Holding(shares, collateral)
    chosen = best_liquidation(state(found, holding), WHO, now_s, None if limit is None else {LOAN: limit})
    if isinstance(chosen, Blocked):
        assert is_healthy(found.accrued(now_s), holding) or chosen.obstacle is Obstacle.NOTHING_TO_GAIN
        return

    repaid, seized, burned = replayed(found.accrued(now_s), chosen)

    assert (chosen.repay, chosen.seize) == (repaid, seized)
    assert seized <= collateral
    assert burned <= shares
    assert limit is None or repaid <= limit
    assert bool(chosen.repay_argument) != bool(chosen.seize_argument)


@given(markets, st.integers(1, 100), st.integers(1, 150))
def test_only_dust_is_left_alone_for_its_roundings(found: Market, share: int, cover: int) -> None:
    shares = found.borrow_shares * share // 100
    worth = found.owed(shares) * cover // 100
    holding = Holding(shares, worth * PRICE_SCALE // (found.price or 1))
    assume(worth > 10)

    chosen = best_liquidation(state(found, holding), WHO, found.updated_s)

    assert isinstance(chosen, Liquidation) != is_healthy(found, holding) or holding.collateral == 0


def replayed(at: Market, chosen: Liquidation) -> tuple[int, int, int]:
    """Return what the contract would move for the chosen arguments: repaid, seized, shares burned."""
    if chosen.seize_argument:
        repaid, burned = by_assets(at, chosen.seize_argument)
        return repaid, chosen.seize_argument, burned
    repaid, seized = by_shares(at, chosen.repay_argument)
    assert repaid == assets_up(chosen.repay_argument, at.borrow_assets, at.borrow_shares)
    return repaid, seized, chosen.repay_argument
