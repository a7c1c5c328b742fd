# pragma version 0.4.3
"""
@title Listings
@license Apache-2.0
@notice The tokens and markets of this hub, and the limits that hold even for a good attestation.
"""

import guard
import ownership
from ethereum.ercs import IERC4626

uses: ownership

interface HasDecimals:
    def decimals() -> uint8: view

struct TokenInfo:
    token: address
    feed: address
    decimals: uint256
    is_vault: bool
    initial_weight_bps: uint256
    maintenance_weight_bps: uint256
    penalty_bps: uint256
    max_rate: uint256

struct MarketInfo:
    feed: address
    initial_bps: uint256
    maintenance_bps: uint256
    penalty_bps: uint256
    max_open_interest: uint256
    open_interest_long: uint256
    open_interest_short: uint256

struct Limits:
    close_factor_bps: uint256
    full_close_health: uint256
    cooldown_s: uint256
    price_band_bps: uint256
    feed_max_age_s: uint256
    insurance_share_bps: uint256
    dust_value: uint256
    min_deposit_value: uint256
    max_attestation_age_s: uint256

event TokenAdded:
    token_id: indexed(uint256)
    info: TokenInfo

event MarketAdded:
    market_id: indexed(uint256)
    info: MarketInfo

event LimitsSet:
    limits: Limits

event PausedSet:
    paused: bool

MAX_TOKENS: constant(uint256) = 6
MAX_MARKETS: constant(uint256) = 4
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
MAX_PENALTY_BPS: constant(uint256) = 3_000

paused: public(bool)
limits: public(Limits)
token_count: public(uint256)
market_count: public(uint256)
tokens: TokenInfo[MAX_TOKENS]
markets: MarketInfo[MAX_MARKETS]
# What one whole unit is in raw units: of the token itself, and (for a vault) of its underlying.
token_units: uint256[MAX_TOKENS]
underlying_units: uint256[MAX_TOKENS]
# What a feed's answer is multiplied by to be a wad.
token_feed_scales: uint256[MAX_TOKENS]
market_feed_scales: uint256[MAX_MARKETS]


@deploy
def __init__(stable: address, stable_feed: address, stable_decimals: uint256):
    self._add_token(
        TokenInfo(
            token=stable,
            feed=stable_feed,
            decimals=stable_decimals,
            is_vault=False,
            initial_weight_bps=9_500,
            maintenance_weight_bps=9_700,
            penalty_bps=100,
            max_rate=0,
        )
    )
    self._set_limits(
        Limits(
            close_factor_bps=5_000,
            full_close_health=WAD * 95 // 100,
            cooldown_s=30,
            price_band_bps=150,
            feed_max_age_s=3_900,
            insurance_share_bps=2_000,
            dust_value=50 * WAD,
            min_deposit_value=10 * WAD,
            max_attestation_age_s=60,
        )
    )


@external
def add_token(
    token: address,
    feed: address,
    decimals: uint256,
    is_vault: bool,
    initial_weight_bps: uint256,
    maintenance_weight_bps: uint256,
    penalty_bps: uint256,
    max_rate: uint256,
) -> uint256:
    """
    @notice List a collateral token for good. Not one whose balances change by themselves or that takes a fee.
    @param token The ERC-20, or the ERC-4626 vault whose share it is.
    @param feed USD feed of the token; of the underlying for a vault.
    @param decimals The token's decimals, checked against what it says.
    @param is_vault Whether it is an ERC-4626 share.
    @param initial_weight_bps What part of its value counts when risk is added.
    @param maintenance_weight_bps What part counts against liquidation; not less than the initial one.
    @param penalty_bps What the account pays on top when it is repaid with this token.
    @param max_rate For a vault: the highest rate (wad of underlying per share) that is believed.
    @return The token's number.
    """
    ownership._check_owner()
    return self._add_token(
        TokenInfo(
            token=token,
            feed=feed,
            decimals=decimals,
            is_vault=is_vault,
            initial_weight_bps=initial_weight_bps,
            maintenance_weight_bps=maintenance_weight_bps,
            penalty_bps=penalty_bps,
            max_rate=max_rate,
        )
    )


@external
def add_market(
    feed: address,
    initial_bps: uint256,
    maintenance_bps: uint256,
    penalty_bps: uint256,
    max_open_interest: uint256,
) -> uint256:
    """
    @notice List a perpetual market for good.
    @param feed USD feed of the base asset.
    @param initial_bps Margin, as part of the notional, that opening needs.
    @param maintenance_bps Margin that keeping needs; positive, not more than the initial one.
    @param penalty_bps What a liquidated position pays, as part of its notional.
    @param max_open_interest Largest sum of sizes on either side, wad of the base asset.
    @return The market's number.
    """
    ownership._check_owner()
    market_id: uint256 = self.market_count
    guard._require(market_id < MAX_MARKETS, guard.MARKET)
    guard._require(
        0 < maintenance_bps
        and maintenance_bps <= initial_bps
        and initial_bps <= BPS
        and penalty_bps <= MAX_PENALTY_BPS,
        guard.LIMITS,
    )
    self.market_feed_scales[market_id] = self._feed_scale(feed)
    info: MarketInfo = MarketInfo(
        feed=feed,
        initial_bps=initial_bps,
        maintenance_bps=maintenance_bps,
        penalty_bps=penalty_bps,
        max_open_interest=max_open_interest,
        open_interest_long=0,
        open_interest_short=0,
    )
    self.markets[market_id] = info
    self.market_count = market_id + 1
    log MarketAdded(market_id=market_id, info=info)
    return market_id


@external
def set_limits(
    close_factor_bps: uint256,
    full_close_health: uint256,
    cooldown_s: uint256,
    price_band_bps: uint256,
    feed_max_age_s: uint256,
    insurance_share_bps: uint256,
    dust_value: uint256,
    min_deposit_value: uint256,
    max_attestation_age_s: uint256,
):
    """
    @notice Set the bounds that hold even for a good attestation.
    @param close_factor_bps Largest part of a position or debt that one step may close.
    @param full_close_health Health (wad) below which one step may close all of it.
    @param cooldown_s Time between two steps of one kind on one item of one account.
    @param price_band_bps How far an attested price may be from this chain's feed.
    @param feed_max_age_s Age at which a feed's answer is no price any more.
    @param insurance_share_bps The insurance fund's part of a penalty.
    @param dust_value USD wad: what a partial close leaves may be closed with it if worth no more.
    @param min_deposit_value USD wad: smallest top-up, owner's repayment or reduction.
    @param max_attestation_age_s Oldest observation an attestation may rest on.
    """
    ownership._check_owner()
    self._set_limits(
        Limits(
            close_factor_bps=close_factor_bps,
            full_close_health=full_close_health,
            cooldown_s=cooldown_s,
            price_band_bps=price_band_bps,
            feed_max_age_s=feed_max_age_s,
            insurance_share_bps=insurance_share_bps,
            dust_value=dust_value,
            min_deposit_value=min_deposit_value,
            max_attestation_age_s=max_attestation_age_s,
        )
    )


@external
def set_paused(paused: bool):
    """
    @notice Stop (or let go on) whatever adds risk, and liquidations. Deposits, repayments and reductions go on.
    @param paused Whether to stop.
    """
    ownership._check_owner()
    self.paused = paused
    log PausedSet(paused=paused)


@external
@view
def token_info(token_id: uint256) -> TokenInfo:
    """
    @notice How a collateral token is listed.
    @param token_id The token's number.
    """
    self._check_token(token_id)
    return self.tokens[token_id]


@external
@view
def market_info(market_id: uint256) -> MarketInfo:
    """
    @notice How a market is listed, and its open interest per side (wad of the base asset).
    @param market_id The market's number.
    """
    self._check_market(market_id)
    return self.markets[market_id]


@internal
def _add_token(info: TokenInfo) -> uint256:
    token_id: uint256 = self.token_count
    guard._require(token_id < MAX_TOKENS, guard.TOKEN)
    # Events name a token by its address, so one address must not be two tokens.
    for other_id: uint256 in range(token_id, bound=MAX_TOKENS):
        guard._require(self.tokens[other_id].token != info.token, guard.TOKEN)
    guard._require(
        info.initial_weight_bps <= info.maintenance_weight_bps
        and info.maintenance_weight_bps <= BPS
        and info.penalty_bps <= MAX_PENALTY_BPS,
        guard.LIMITS,
    )
    guard._require(self._decimals(info.token) == info.decimals, guard.TOKEN)
    self.token_units[token_id] = 10**info.decimals
    if info.is_vault:
        guard._require(info.max_rate > 0, guard.LIMITS)
        underlying: address = staticcall IERC4626(info.token).asset()
        self.underlying_units[token_id] = 10**self._decimals(underlying)
    self.token_feed_scales[token_id] = self._feed_scale(info.feed)
    self.tokens[token_id] = info
    self.token_count = token_id + 1
    log TokenAdded(token_id=token_id, info=info)
    return token_id


@internal
def _set_limits(limits: Limits):
    # At a health of one and above nobody is liquidated, so a full close there would mean always.
    guard._require(
        0 < limits.close_factor_bps
        and limits.close_factor_bps <= BPS
        and limits.full_close_health <= WAD
        and limits.price_band_bps < BPS
        and limits.insurance_share_bps <= BPS,
        guard.LIMITS,
    )
    self.limits = limits
    log LimitsSet(limits=limits)


@internal
@view
def _check_token(token_id: uint256):
    guard._require(token_id < self.token_count, guard.TOKEN)


@internal
@view
def _check_market(market_id: uint256):
    guard._require(market_id < self.market_count, guard.MARKET)


@internal
@view
def _decimals(contract: address) -> uint256:
    return convert(staticcall HasDecimals(contract).decimals(), uint256)


@internal
@view
def _feed_scale(feed: address) -> uint256:
    decimals: uint256 = self._decimals(feed)
    guard._require(decimals <= 18, guard.FEED)
    return 10**(18 - decimals)
