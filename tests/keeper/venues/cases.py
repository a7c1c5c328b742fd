"""One borrower at a market of Morpho, and everything a verdict on them is made from, to be changed at will."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chains.venues.morpho_blue.codec import market_id
from chains.venues.morpho_blue.state import Holding, Market, MarketParameters, MarketsState
from chains.venues.venue import Borrower
from config.units import WAD
from keeper.venues.inputs import Costs, Inputs, Means, Pool, Quote, Terms, Token
from keeper.venues.kinds import KINDS
from oracles.policy import Liveness
from oracles.price import Price, PriceStatus

USDC, WETH, POOL, EXECUTOR = ("0x" + letter * 40 for letter in "1234")
PARAMETERS = MarketParameters(USDC, WETH, "0x" + "7" * 40, "0x" + "8" * 40, 86 * WAD // 100)
BORROWER = Borrower("0x" + "5" * 40, market_id(PARAMETERS))
DEBT = 16_800 * 10**6
COLLATERAL = 10**19
KIND = KINDS["morpho_blue"]


def state(dollars: int = 1_900, *, debt: int = DEBT, collateral: int = COLLATERAL) -> MarketsState:
    """The market as of second 1,000, with ether at this price."""
    market = Market(PARAMETERS, 10**13, 10**19, debt, debt * 10**6, 1_000, 0, 0, dollars * 10**24)
    return MarketsState(
        "0x" + "9" * 64, 1_000, {BORROWER.market: market}, {BORROWER: Holding(debt * 10**6, collateral)}
    )


def price(asset: str, dollars: int) -> Price:
    """A reference price with a width of ten basis points to either side."""
    mid = dollars * WAD
    low, high = mid * 9_990 // 10_000, mid * 10_010 // 10_000
    return Price(asset, PriceStatus.OK, "", low, mid, high, 0, ())


def inputs(dollars: int = 1_900, *, reference: int | None = None, **changes: Any) -> Inputs:
    """The borrower at this price, the reference being the same unless it is said."""
    shape = {key: changes.pop(key) for key in ("debt", "collateral") if key in changes}
    seized = "quotes" not in changes
    made = Inputs(
        chain="alpha",
        venue="morpho",
        kind="morpho_blue",
        account_id="0x" + "a" * 64,
        borrower=BORROWER,
        block_number=100,
        at_s=1_000,
        deadline_s=1_240,
        state=KIND.written(state(dollars, **shape), BORROWER),
        tokens={USDC: Token("USDC", 6), WETH: Token("ETH", 18)},
        price_set="0x" + "b" * 64,
        prices={"USDC": price("USDC", 1), "ETH": price("ETH", reference or dollars)},
        standings={},
        chain_health=Liveness(live=True),
        held="",
        held_assets={},
        means=Means(EXECUTOR, {}, (Pool(POOL, WETH, USDC),)),
        terms=Terms(5 * WAD, 5_000, 50, 150, 8),
        costs=Costs(500_000, 10**10, 0, "ETH"),
        live=False,
        setback=None,
        quotes=(Quote(POOL, 3 * 10**17),) if seized else (),
    )
    return replace(made, **changes)
