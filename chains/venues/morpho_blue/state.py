"""Markets as of one block, interest to any later second, and what borrowers have in them.

Source: Morpho._accrueInterest and _isHealthy of morpho-blue 1.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chains.venues.morpho_blue.shares import PRICE_SCALE, assets_up, compounded_interest, shares_down
from chains.venues.venue import Borrower
from config.units import WAD, mul_div_down


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """What a market is: fixed at its creation, hashed to its id. `irm` is the zero address for none."""

    loan_asset: str
    collateral_asset: str
    oracle: str
    irm: str
    lltv_wad: int


@dataclass(frozen=True, slots=True)
class Market:
    """One market's totals as of `updated_s`, raw units and shares.

    `rate_wad` is what a second costs until the next update, as the market's rate model told for the
    block of the read. `price` is the loan's raw units for one raw unit of collateral, scaled by
    10**36; None while the oracle has none.
    """

    parameters: MarketParameters
    supply_assets: int
    supply_shares: int
    borrow_assets: int
    borrow_shares: int
    updated_s: int
    fee_wad: int
    rate_wad: int
    price: int | None

    def accrued(self, now_s: int) -> Market:
        """Return the market with interest to this second, as its next interaction would leave it."""
        elapsed_s = now_s - self.updated_s
        if elapsed_s == 0:
            return self
        interest = mul_div_down(self.borrow_assets, compounded_interest(self.rate_wad, elapsed_s), WAD)
        supplied = self.supply_assets + interest
        fee = mul_div_down(interest, self.fee_wad, WAD)
        return replace(
            self,
            supply_assets=supplied,
            supply_shares=self.supply_shares + shares_down(fee, supplied - fee, self.supply_shares),
            borrow_assets=self.borrow_assets + interest,
            updated_s=now_s,
        )

    def owed(self, shares: int) -> int:
        """Return what these shares owe, against the borrower. The market must be accrued."""
        return assets_up(shares, self.borrow_assets, self.borrow_shares)

    def most_borrow(self, collateral: int) -> int | None:
        """Return what may be owed against this collateral, None without a price."""
        if self.price is None:
            return None
        value = mul_div_down(collateral, self.price, PRICE_SCALE)
        return mul_div_down(value, self.parameters.lltv_wad, WAD)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one borrower has in one market: shares of its debt, raw collateral."""

    borrow_shares: int
    collateral: int


@dataclass(frozen=True, slots=True)
class MarketsState:
    """The configured markets, and the borrowers that were read, as of one block."""

    block_hash: str
    timestamp_s: int
    markets: Mapping[str, Market]
    holdings: Mapping[Borrower, Holding]
