# pragma version 0.4.3
"""
@title The hub's own prices
@license Apache-2.0
@notice USD wad per whole unit, read from feeds with Chainlink's interface.
"""

import feeds
import guard
import listings
from ethereum.ercs import IERC4626

uses: listings

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000


@external
@view
def token_price(token_id: uint256) -> uint256:
    """
    @notice USD wad per whole token by this chain's feed and, for a vault, its rate, at most `max_rate`.
    @param token_id The token's number.
    """
    return self._token_price(token_id)


@external
@view
def market_price(market_id: uint256) -> uint256:
    """
    @notice USD wad per whole unit of the market's base asset by this chain's feed.
    @param market_id The market's number.
    """
    return self._market_price(market_id)


@internal
@view
def _token_price(token_id: uint256) -> uint256:
    return self._token_price_within(token_id, listings.limits.feed_max_age_s)


@internal
@view
def _token_price_within(token_id: uint256, max_age_s: uint256) -> uint256:
    listings._check_token(token_id)
    price: uint256 = feeds._latest(listings.tokens[token_id].feed, max_age_s)
    price *= listings.token_feed_scales[token_id]
    if listings.tokens[token_id].is_vault:
        assets: uint256 = staticcall IERC4626(listings.tokens[token_id].token).convertToAssets(
            listings.token_units[token_id]
        )
        # A donation can raise what a share seems worth; above `max_rate` it is not believed.
        rate: uint256 = min(
            assets * WAD // listings.underlying_units[token_id], listings.tokens[token_id].max_rate
        )
        price = price * rate // WAD
        guard._require(price > 0, guard.FEED)
    return price


@internal
@view
def _market_price(market_id: uint256) -> uint256:
    listings._check_market(market_id)
    answer: uint256 = feeds._latest(listings.markets[market_id].feed, listings.limits.feed_max_age_s)
    return answer * listings.market_feed_scales[market_id]


@internal
@view
def _check_band(attested: uint256, own: uint256):
    distance: uint256 = max(attested, own) - min(attested, own)
    # Not through a product of the attested price: a huge one must fail here, not overflow.
    guard._require(distance <= own * listings.limits.price_band_bps // BPS, guard.PRICE)
