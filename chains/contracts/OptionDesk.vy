# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Option desk
@license Apache-2.0
@notice European options, cash-settled, beside one margin hub: who holds what, what a quorum's price may be, and what
    an option came to. All money is the hub's; accounts, signers, limits and the pause are too. A series has the
    same id on every chain, since its market is known by name.
"""

import feeds
import guard
import listings

interface Hub:
    def owner() -> address: view
    def limits() -> listings.Limits: view
    def settle_option(account: bytes32, held: int256, price: uint256) -> uint256: nonpayable

interface HasDecimals:
    def decimals() -> uint8: view

struct Market:
    feed: address
    spread_bps: uint256
    penalty_bps: uint256
    cap_bps: uint256
    max_volatility: uint256
    max_open_interest: uint256

struct Series:
    market: bytes32
    is_call: bool
    strike: uint256
    expiry: uint256
    open_interest_long: uint256
    open_interest_short: uint256

struct Quote:
    held: int256
    price: uint256
    underlying: uint256
    penalty: uint256

event OptionMarketAdded:
    market: indexed(bytes32)
    info: Market

event SeriesOpened:
    series: indexed(bytes32)
    market: indexed(bytes32)
    is_call: bool
    strike_wad: uint256
    expiry_s: uint256

event OptionSet:
    account: indexed(bytes32)
    series: indexed(bytes32)
    market: bytes32
    is_call: bool
    strike_wad: uint256
    expiry_s: uint256
    size_wad: int256
    version: uint256

event SettlementFixed:
    market: indexed(bytes32)
    expiry_s: uint256
    price_wad: uint256
    round_id: uint256
    updated_at: uint256

MAX_SERIES: constant(uint256) = 8
MAX_LEGS: constant(uint256) = 250
WORDS_PER_OPTION: constant(uint256) = 6
MAX_WORDS: constant(uint256) = MAX_LEGS * (1 + MAX_SERIES * WORDS_PER_OPTION)
MAX_BATCH: constant(uint256) = 100
MAX_TENOR_S: constant(uint256) = 2 * YEAR_S
MAX_STRIKE: constant(uint256) = 10**36
MAX_VOLATILITY: constant(uint256) = 10 * WAD
MAX_PENALTY_BPS: constant(uint256) = 3_000
# How long the price at expiry can be proven before the newest one will do.
PROOF_S: constant(uint256) = 86_400
YEAR_S: constant(uint256) = 31_536_000
ITEM_SHIFT: constant(uint256) = 193
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

hub: public(immutable(address))
# By market and expiry, USD wad; 0 until it is fixed.
settlement_price: public(HashMap[bytes32, HashMap[uint256, uint256]])
markets: HashMap[bytes32, Market]
feed_scales: HashMap[bytes32, uint256]
series: HashMap[bytes32, Series]
# By what attestations call it: the first 63 bits of its id.
series_of: public(HashMap[uint256, bytes32])
# account, series: wad of contracts, negative if short.
sizes: HashMap[bytes32, HashMap[bytes32, int256]]
# What each account holds, in no order.
held_series: HashMap[bytes32, DynArray[bytes32, MAX_SERIES]]


@deploy
def __init__(hub_: address):
    """
    @param hub_ The margin hub, whose owner must name this contract as its desk.
    """
    hub = hub_


@external
def add_market(
    market: bytes32,
    feed: address,
    spread_bps: uint256,
    penalty_bps: uint256,
    cap_bps: uint256,
    max_volatility: uint256,
    max_open_interest: uint256,
):
    """
    @notice List an option market for good. Only for the hub's owner.
    @param market Its name, the same on every chain.
    @param feed USD feed of the underlying.
    @param spread_bps What a trade pays to the pool, as part of the underlying's price.
    @param penalty_bps What a liquidated option pays, as part of the underlying's price.
    @param cap_bps The largest part of an option's price that either may be.
    @param max_volatility Annualised, wad: an option is never worth more than at this volatility.
    @param max_open_interest Largest sum of sizes on either side of one series, wad of contracts.
    """
    guard._require(msg.sender == staticcall Hub(hub).owner(), guard.OWNER)
    guard._require(market != empty(bytes32) and self.feed_scales[market] == 0, guard.MARKET)
    guard._require(
        spread_bps <= MAX_PENALTY_BPS
        and penalty_bps <= MAX_PENALTY_BPS
        and cap_bps <= MAX_PENALTY_BPS
        and 0 < max_volatility
        and max_volatility <= MAX_VOLATILITY,
        guard.LIMITS,
    )
    decimals: uint256 = convert(staticcall HasDecimals(feed).decimals(), uint256)
    guard._require(decimals <= 18, guard.FEED)
    self.feed_scales[market] = 10**(18 - decimals)
    info: Market = Market(
        feed=feed,
        spread_bps=spread_bps,
        penalty_bps=penalty_bps,
        cap_bps=cap_bps,
        max_volatility=max_volatility,
        max_open_interest=max_open_interest,
    )
    self.markets[market] = info
    log OptionMarketAdded(market=market, info=info)


@external
def open_series(market: bytes32, is_call: bool, strike: uint256, expiry: uint256) -> bytes32:
    """
    @notice Make a series tradable. By anyone; once it is, this changes nothing.
    @param market Its market's name.
    @param is_call Whether it is a call.
    @param strike USD wad.
    @param expiry Unix seconds, ahead and within two years.
    @return The series' id.
    """
    self._check_market(market)
    guard._require(0 < strike and strike <= MAX_STRIKE, guard.SERIES)
    guard._require(
        block.timestamp < expiry and expiry <= block.timestamp + MAX_TENOR_S, guard.EXPIRED
    )
    series: bytes32 = self._series_id(market, is_call, strike, expiry)
    if self.series[series].strike == 0:
        item: uint256 = convert(series, uint256) >> ITEM_SHIFT
        # An attestation must mean one series and no other.
        guard._require(self.series_of[item] == empty(bytes32), guard.SERIES)
        self.series_of[item] = series
        self.series[series] = Series(
            market=market,
            is_call=is_call,
            strike=strike,
            expiry=expiry,
            open_interest_long=0,
            open_interest_short=0,
        )
        log SeriesOpened(
            series=series, market=market, is_call=is_call, strike_wad=strike, expiry_s=expiry
        )
    return series


@external
@nonreentrant
def change(account: bytes32, item: uint256, size_delta: int256, version: uint256):
    """
    @notice Book what the hub has settled. Only for the hub.
    @param account Whose.
    @param item Which series.
    @param size_delta Wad of contracts, added to what is held.
    @param version The account's version.
    """
    guard._require(msg.sender == hub, guard.DESK)
    series: bytes32 = self.series_of[item]
    old: int256 = self.sizes[account][series]
    self._set(account, series, old + size_delta, version)
    terms: Series = self.series[series]
    # Closing is never held up by the cap; what adds to a side is.
    side: uint256 = 0
    if size_delta > 0 and old + size_delta > 0:
        side = terms.open_interest_long
    elif size_delta < 0 and old + size_delta < 0:
        side = terms.open_interest_short
    guard._require(side <= self.markets[terms.market].max_open_interest, guard.OPEN_INTEREST)


@external
def fix_settlement(market: bytes32, expiry: uint256, round_id: uint256):
    """
    @notice Fix what the underlying came to at an expiry: the feed's first answer from then on. By anyone, for good.
        Where that can not be proven for a day (the feed changed its round numbers), the newest answer will do.
    @param market The options' market.
    @param expiry Unix seconds, not ahead.
    @param round_id The feed's first round at or after the expiry; 0 for the newest, after a day.
    """
    self._check_market(market)
    guard._require(self.settlement_price[market][expiry] == 0, guard.SETTLED)
    guard._require(expiry <= block.timestamp, guard.EXPIRED)
    feed: address = self.markets[market].feed
    answer: uint256 = 0
    updated_at: uint256 = 0
    if round_id > 0:
        before: uint256 = 0
        answer, updated_at = feeds._round(feed, round_id)
        answer_before: uint256 = 0
        answer_before, before = feeds._round(feed, round_id - 1)
        guard._require(before < expiry and expiry <= updated_at, guard.ROUND)
    else:
        guard._require(expiry + PROOF_S <= block.timestamp, guard.ROUND)
        answer = feeds._latest(feed, (staticcall Hub(hub).limits()).feed_max_age_s)
        updated_at = block.timestamp
    price: uint256 = answer * self.feed_scales[market]
    self.settlement_price[market][expiry] = price
    log SettlementFixed(
        market=market, expiry_s=expiry, price_wad=price, round_id=round_id, updated_at=updated_at
    )


@external
@nonreentrant
def settle(series: bytes32, accounts: DynArray[bytes32, MAX_BATCH]):
    """
    @notice Pay what a series came to, or charge it, account by account. By anyone, paused or not. Accounts that do
        not hold it are passed over; one that the pool can not pay stops the batch.
    @param series Which series, its price at expiry fixed.
    @param accounts Up to a hundred holders.
    """
    terms: Series = self.series[series]
    price: uint256 = self.settlement_price[terms.market][terms.expiry]
    guard._require(price > 0, guard.SETTLED)
    payoff: uint256 = self._payoff(terms, price)
    for account: bytes32 in accounts:
        held: int256 = self.sizes[account][series]
        if held != 0:
            # Charged and paid before it is logged, as the version is the hub's to say.
            self._set(account, series, 0, extcall Hub(hub).settle_option(account, held, payoff))


@external
@view
def quote(
    account: bytes32,
    item: uint256,
    attested_price: uint256,
    attested_underlying: uint256,
    size_delta: int256,
) -> Quote:
    """
    @notice What is held, what one contract is traded or closed at, and what closing costs on top; USD wad. Reverts
        where the underlying's attested price is out of the hub's band around the feed, and where the option's is not
        possible: below what exercise would give, or above that and all the time value there can be.
    @param account Whose.
    @param item Which series, not expired.
    @param attested_price The option's price.
    @param attested_underlying The underlying's.
    @param size_delta Positive to buy, negative to sell, 0 to liquidate.
    """
    series: bytes32 = self.series_of[item]
    terms: Series = self.series[series]
    guard._require(terms.strike > 0, guard.SERIES)
    guard._require(block.timestamp < terms.expiry, guard.EXPIRED)
    info: Market = self.markets[terms.market]
    limits: listings.Limits = staticcall Hub(hub).limits()
    underlying: uint256 = (
        feeds._latest(info.feed, limits.feed_max_age_s) * self.feed_scales[terms.market]
    )
    band: uint256 = underlying * limits.price_band_bps // BPS
    guard._require(
        max(attested_underlying, underlying) - min(attested_underlying, underlying) <= band,
        guard.UNDERLYING,
    )
    intrinsic: uint256 = self._payoff(terms, underlying)
    time_value: uint256 = self._time_value_up(terms, info.max_volatility)
    guard._require(
        intrinsic <= attested_price + band and attested_price <= intrinsic + band + time_value,
        guard.PRICE,
    )
    cap: uint256 = attested_price * info.cap_bps // BPS
    price: uint256 = attested_price
    spread: uint256 = min(underlying * info.spread_bps // BPS, cap)
    if size_delta > 0:
        price += spread
    elif size_delta < 0:
        price -= spread
    return Quote(
        held=self.sizes[account][series],
        price=price,
        underlying=underlying,
        penalty=min(underlying * info.penalty_bps // BPS, cap),
    )


@external
@view
def legs(accounts: DynArray[bytes32, MAX_LEGS]) -> DynArray[uint256, MAX_WORDS]:
    """
    @notice What accounts hold here. For each: how many series, then for each of these its id, market, whether it is
        a call, strike, expiry and the size (two's complement).
    @param accounts Up to 250 ids.
    """
    words: DynArray[uint256, MAX_WORDS] = []
    for account: bytes32 in accounts:
        held: DynArray[bytes32, MAX_SERIES] = self.held_series[account]
        words.append(len(held))
        for series: bytes32 in held:
            words.append(convert(series, uint256))
            words.append(convert(self.series[series].market, uint256))
            words.append(convert(self.series[series].is_call, uint256))
            words.append(self.series[series].strike)
            words.append(self.series[series].expiry)
            words.append(convert(convert(self.sizes[account][series], bytes32), uint256))
    return words


@external
@view
def series_count(account: bytes32) -> uint256:
    """
    @notice How many series the account holds.
    @param account Its id.
    """
    return len(self.held_series[account])


@external
@view
def size_of(account: bytes32, series: bytes32) -> int256:
    """
    @notice What the account holds of a series, wad of contracts, negative if short.
    @param account Its id.
    @param series Which series.
    """
    return self.sizes[account][series]


@external
@pure
def series_id(market: bytes32, is_call: bool, strike: uint256, expiry: uint256) -> bytes32:
    """
    @notice The id of a series, on every chain.
    @param market Its market's name.
    @param is_call Whether it is a call.
    @param strike USD wad.
    @param expiry Unix seconds.
    """
    return self._series_id(market, is_call, strike, expiry)


@external
@view
def series_info(series: bytes32) -> Series:
    """
    @notice A series' terms, and its open interest per side; zeros if it was never opened.
    @param series Its id.
    """
    return self.series[series]


@external
@view
def market_info(market: bytes32) -> Market:
    """
    @notice How a market is listed.
    @param market Its name.
    """
    self._check_market(market)
    return self.markets[market]


@internal
def _set(account: bytes32, series: bytes32, size: int256, version: uint256):
    old: int256 = self.sizes[account][series]
    self.sizes[account][series] = size
    if old == 0 and size != 0:
        # A bound on what an attestor, or a settlement, has to go through.
        guard._require(len(self.held_series[account]) < MAX_SERIES, guard.SERIES)
        self.held_series[account].append(series)
    elif old != 0 and size == 0:
        last: bytes32 = self.held_series[account].pop()
        if last != series:
            for index: uint256 in range(len(self.held_series[account]), bound=MAX_SERIES):
                if self.held_series[account][index] == series:
                    self.held_series[account][index] = last
                    break
    if old > 0:
        self.series[series].open_interest_long -= convert(old, uint256)
    else:
        self.series[series].open_interest_short -= convert(-old, uint256)
    if size > 0:
        self.series[series].open_interest_long += convert(size, uint256)
    else:
        self.series[series].open_interest_short += convert(-size, uint256)
    terms: Series = self.series[series]
    log OptionSet(
        account=account,
        series=series,
        market=terms.market,
        is_call=terms.is_call,
        strike_wad=terms.strike,
        expiry_s=terms.expiry,
        size_wad=size,
        version=version,
    )


@internal
@view
def _check_market(market: bytes32):
    guard._require(self.feed_scales[market] > 0, guard.MARKET)


@internal
@pure
def _series_id(market: bytes32, is_call: bool, strike: uint256, expiry: uint256) -> bytes32:
    return keccak256(abi_encode(market, is_call, strike, expiry))


@internal
@pure
def _payoff(terms: Series, price: uint256) -> uint256:
    if terms.is_call:
        return price - min(price, terms.strike)
    return terms.strike - min(price, terms.strike)


@internal
@view
def _time_value_up(terms: Series, volatility: uint256) -> uint256:
    """
    @dev The most an option can be worth above what exercise would give. That is largest at the money, where
        Black's formula without interest gives strike * (2 N(v/2) - 1), v = volatility * sqrt(years), and so less
        than strike * v / sqrt(2 pi).
    """
    root_years: uint256 = isqrt((terms.expiry - block.timestamp) * WAD * WAD // YEAR_S) + 1
    return terms.strike * volatility // WAD * root_years // WAD * 39_895 // 100_000 + 1
