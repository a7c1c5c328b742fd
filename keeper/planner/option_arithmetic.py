"""The option desk's arithmetic, to the last unit and with its roundings.

Named and rounded as in the contract, so that the two can be read side by side. An option is paid for when
it is traded; so trading, closing and settling it are all worth size times price.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Protocol

from config.units import BPS, WAD, mul_div_down
from keeper.planner.hub_arithmetic import profit_and_loss

YEAR_S = 31_536_000


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What makes a series, but for its market: `strike_wad` USD, `expiry_s` unix seconds."""

    is_call: bool
    strike_wad: int
    expiry_s: int


class Charges(Protocol):
    """What a desk charges, as `OptionListing` has it."""

    @property
    def spread_bps(self) -> int:
        """Of a trade."""

    @property
    def penalty_bps(self) -> int:
        """Of a liquidation."""

    @property
    def cap_bps(self) -> int:
        """Of either, as a part of the option's price."""


@dataclass(frozen=True, slots=True)
class OptionListing:
    """How a desk lists an option market. `max_volatility_wad` is annualised.

    `spread_bps` (a trade) and `penalty_bps` (a liquidation) are parts of the underlying's price, each at most
    `cap_bps` of the option's.
    """

    spread_bps: int
    penalty_bps: int
    cap_bps: int
    max_volatility_wad: int
    max_open_interest_wad: int


def payoff(terms: OptionTerms, price_wad: int) -> int:
    """Return what exercise gives with the underlying at `price_wad`, USD wad for one contract."""
    return max(price_wad - terms.strike_wad if terms.is_call else terms.strike_wad - price_wad, 0)


def time_value_up(terms: OptionTerms, max_volatility_wad: int, at_s: int) -> int:
    """Return a bound, USD wad, on what an option is worth above its payoff, at any price of the underlying.

    Time value is largest at the money: strike * (2 N(v / 2) - 1) with v = volatility * sqrt(years), by Black
    (1976) without interest; and 2 N(x) - 1 <= 2 x / sqrt(2 pi). Raises ``ValueError`` after expiry.
    """
    root_years_wad = isqrt((terms.expiry_s - at_s) * WAD * WAD // YEAR_S) + 1
    spread_wad = terms.strike_wad * max_volatility_wad // WAD * root_years_wad // WAD
    return spread_wad * 39_895 // 100_000 + 1


def price_range(
    terms: OptionTerms, listing: OptionListing, underlying_wad: int, price_band_bps: int, at_s: int
) -> tuple[int, int]:
    """Return the lowest and highest price the desk takes from a quorum, the underlying being at its feed's price."""
    band_wad = mul_div_down(underlying_wad, price_band_bps, BPS)
    intrinsic_wad = payoff(terms, underlying_wad)
    highest = intrinsic_wad + band_wad + time_value_up(terms, listing.max_volatility_wad, at_s)
    return max(intrinsic_wad - band_wad, 0), highest


def traded_price(listing: Charges, price_wad: int, underlying_wad: int, size_delta_wad: int) -> int:
    """Return the premium of one contract: the attested price and the pool's spread."""
    spread_wad = _part(listing, listing.spread_bps, price_wad, underlying_wad)
    return price_wad + (spread_wad if size_delta_wad > 0 else -spread_wad)


def penalty_price(listing: Charges, price_wad: int, underlying_wad: int) -> int:
    """Return what liquidating one contract costs the account, USD wad."""
    return _part(listing, listing.penalty_bps, price_wad, underlying_wad)


def worth(sold_wad: int, price_wad: int) -> tuple[int, int]:
    """Return (gain, loss), USD wad, of giving up a signed size at a price: one side is zero, rounded for the pool."""
    return profit_and_loss(sold_wad, 0, price_wad)


def _part(listing: Charges, bps: int, price_wad: int, underlying_wad: int) -> int:
    return min(mul_div_down(underlying_wad, bps, BPS), mul_div_down(price_wad, listing.cap_bps, BPS))
