# pragma version 0.4.3
"""
@title The hub's books
@license Apache-2.0
@notice Accounts, their collateral, debt and positions, the pool and the insurance fund. Every change is
    logged with the resulting value. For each token, what the hub holds is the sum of all collateral in it,
    its insurance fund and (for the stable) the pool's cash.
"""

import guard
import listings
import prices

uses: listings
uses: prices

struct AccountState:
    version: uint256
    cross_margin: bool
    debt: uint256
    last_sequence: uint256
    owner: address

struct Position:
    size: int256
    entry_price: uint256

event AccountOpened:
    account: indexed(bytes32)
    owner: indexed(address)
    subaccount: uint256

event CollateralSet:
    account: indexed(bytes32)
    token: indexed(address)
    balance: uint256
    version: uint256

event DebtSet:
    account: indexed(bytes32)
    debt: uint256
    version: uint256

event PositionSet:
    account: indexed(bytes32)
    market: indexed(uint256)
    size_wad: int256
    entry_price_wad: uint256
    version: uint256

event CrossMarginSet:
    account: indexed(bytes32)
    enabled: bool
    version: uint256

MAX_TOKENS: constant(uint256) = 6
MAX_MARKETS: constant(uint256) = 4
MAX_LEGS: constant(uint256) = 800
WORDS_PER_LEG: constant(uint256) = 20
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

accounts: HashMap[bytes32, AccountState]
collateral: HashMap[bytes32, uint256[MAX_TOKENS]]
positions: HashMap[bytes32, Position[MAX_MARKETS]]
# Raw stable that may be lent and pays gains.
pool_cash: public(uint256)
insurance: public(uint256[MAX_TOKENS])
bad_debt_total: public(uint256)
# USD wad a liquidator has earned here and is owed on another chain.
claim_value: public(HashMap[bytes32, uint256])
claim_paid: public(HashMap[bytes32, bool])


@external
@pure
def account_id_of(owner: address, subaccount: uint256) -> bytes32:
    """
    @notice The account's id, the same on every chain.
    @param owner Who acts for it.
    @param subaccount The owner's number for it; each is a margin pool of its own.
    """
    return self._account_id(owner, subaccount)


@external
@view
def legs(accounts: DynArray[bytes32, MAX_LEGS]) -> DynArray[uint256, MAX_LEGS * WORDS_PER_LEG]:
    """
    @notice What accounts have here, 20 words each: version, cross margin, debt, last sequence, 0, 0,
        collateral of tokens 0 to 5, then for markets 0 to 3 the size (two's complement) and the entry price.
    @param accounts Up to 800 ids.
    """
    words: DynArray[uint256, MAX_LEGS * WORDS_PER_LEG] = []
    token_count: uint256 = listings.token_count
    market_count: uint256 = listings.market_count
    for account: bytes32 in accounts:
        version: uint256 = self.accounts[account].version
        words.append(version)
        # What can only be zero is not read: 800 accounts must fit into the gas a node gives to one call.
        if version == 0:
            for _: uint256 in range(WORDS_PER_LEG - 1):
                words.append(0)
            continue
        words.append(convert(self.accounts[account].cross_margin, uint256))
        words.append(self.accounts[account].debt)
        words.append(self.accounts[account].last_sequence)
        words.append(0)
        words.append(0)
        for token_id: uint256 in range(MAX_TOKENS):
            words.append(self.collateral[account][token_id] if token_id < token_count else 0)
        for market_id: uint256 in range(MAX_MARKETS):
            size: int256 = self.positions[account][market_id].size if market_id < market_count else 0
            words.append(convert(convert(size, bytes32), uint256))
            words.append(self.positions[account][market_id].entry_price if size != 0 else 0)
    return words


@internal
@pure
def _account_id(owner: address, subaccount: uint256) -> bytes32:
    return keccak256(abi_encode(owner, subaccount))


@internal
def _raise_version(subaccount: uint256) -> bytes32:
    """
    @dev Start an own action of the caller: void every attestation made before it. Returns the account's id.
    """
    account: bytes32 = self._account_id(msg.sender, subaccount)
    version: uint256 = self.accounts[account].version + 1
    self.accounts[account].version = version
    if version == 1:
        self.accounts[account].owner = msg.sender
        log AccountOpened(account=account, owner=msg.sender, subaccount=subaccount)
    return account


@internal
def _set_collateral(account: bytes32, token_id: uint256, balance: uint256):
    self.collateral[account][token_id] = balance
    log CollateralSet(
        account=account,
        token=listings.tokens[token_id].token,
        balance=balance,
        version=self.accounts[account].version,
    )


@internal
def _set_debt(account: bytes32, debt: uint256):
    self.accounts[account].debt = debt
    log DebtSet(account=account, debt=debt, version=self.accounts[account].version)


@internal
def _set_cross_margin(account: bytes32, enabled: bool):
    self.accounts[account].cross_margin = enabled
    log CrossMarginSet(account=account, enabled=enabled, version=self.accounts[account].version)


@internal
def _set_position(account: bytes32, market_id: uint256, size: int256, entry_price: uint256):
    old: int256 = self.positions[account][market_id].size
    long: uint256 = listings.markets[market_id].open_interest_long
    short: uint256 = listings.markets[market_id].open_interest_short
    if old > 0:
        long -= convert(old, uint256)
    else:
        short -= convert(-old, uint256)
    if size > 0:
        long += convert(size, uint256)
    else:
        short += convert(-size, uint256)
    listings.markets[market_id].open_interest_long = long
    listings.markets[market_id].open_interest_short = short
    self.positions[account][market_id] = Position(size=size, entry_price=entry_price)
    log PositionSet(
        account=account,
        market=market_id,
        size_wad=size,
        entry_price_wad=entry_price,
        version=self.accounts[account].version,
    )


@internal
def _settle(account: bytes32, gain: uint256, loss: uint256, penalty: uint256) -> uint256:
    """
    @dev Book raw stable between the account and the pool. A gain pays debt first, then becomes collateral;
        a loss is taken from the stable collateral first, then becomes debt; so is the penalty, but only as far
        as the pool can lend it, since it leaves the pool's hands. Returns the penalty that was taken.
    """
    collateral: uint256 = self.collateral[account][0]
    debt: uint256 = self.accounts[account].debt
    cash: uint256 = self.pool_cash

    repaid: uint256 = min(gain, debt)
    debt -= repaid
    # A gain is never cut to what the pool has: the account would lose what it earned.
    guard._require(gain - repaid <= cash, guard.POOL)
    cash -= gain - repaid
    collateral += gain - repaid

    taken: uint256 = min(loss, collateral)
    collateral -= taken
    cash += taken
    debt += loss - taken

    taken = min(penalty, collateral)
    lent: uint256 = min(penalty - taken, cash)
    collateral -= taken
    cash -= lent
    debt += lent

    self.pool_cash = cash
    if collateral != self.collateral[account][0]:
        self._set_collateral(account, 0, collateral)
    if debt != self.accounts[account].debt:
        self._set_debt(account, debt)
    return taken + lent


@internal
def _realise(
    account: bytes32, closed: int256, entry_price: uint256, price: uint256, penalty_value: uint256
) -> uint256:
    """
    @dev Settle the result of closing the signed size `closed`, and a penalty (USD wad). Returns the penalty taken,
        raw stable.
    """
    gain: uint256 = 0
    loss: uint256 = 0
    gain, loss = self._profit_and_loss(closed, entry_price, price)
    if gain + loss + penalty_value == 0:
        return 0
    stable_price: uint256 = prices._token_price(0)
    # Gains down and losses up, for the pool; the penalty down, for the account.
    return self._settle(
        account,
        self._token_amount_down(0, gain, stable_price),
        self._token_amount_up(0, loss, stable_price),
        self._token_amount_down(0, penalty_value, stable_price),
    )


@internal
@view
def _check_local_margin(account: bytes32):
    """
    @dev Initial margin of this leg alone at this chain's feeds, every rounding against the account.
        A leg that owes nothing and holds no position needs no price, so that a dead feed locks nothing in.
    """
    requirement: uint256 = 0
    debt: uint256 = self.accounts[account].debt
    if debt > 0:
        requirement = self._token_value_up(0, debt, prices._token_price(0))
    for market_id: uint256 in range(listings.market_count, bound=MAX_MARKETS):
        position: Position = self.positions[account][market_id]
        if position.size != 0:
            price: uint256 = prices._market_price(market_id)
            gain: uint256 = 0
            loss: uint256 = 0
            # Gains count nothing here: until realised they are the feed's word only.
            gain, loss = self._profit_and_loss(position.size, position.entry_price, price)
            notional: uint256 = self._div_up(convert(abs(position.size), uint256) * price, WAD)
            requirement += loss
            requirement += self._div_up(notional * listings.markets[market_id].initial_bps, BPS)
    if requirement == 0:
        return
    assets: uint256 = 0
    for token_id: uint256 in range(listings.token_count, bound=MAX_TOKENS):
        balance: uint256 = self.collateral[account][token_id]
        if balance > 0:
            value_wad: uint256 = self._token_value_down(token_id, balance, prices._token_price(token_id))
            assets += value_wad * listings.tokens[token_id].initial_weight_bps // BPS
    guard._require(assets >= requirement, guard.MARGIN)


@internal
@view
def _check_open_interest(market_id: uint256, is_long: bool):
    """
    @dev Whether that side is within the market's cap.
    """
    side: uint256 = listings.markets[market_id].open_interest_short
    if is_long:
        side = listings.markets[market_id].open_interest_long
    guard._require(side <= listings.markets[market_id].max_open_interest, guard.OPEN_INTEREST)


@internal
@view
def _has_nothing_but_debt(account: bytes32) -> bool:
    for token_id: uint256 in range(MAX_TOKENS):
        if self.collateral[account][token_id] > 0:
            return False
    for market_id: uint256 in range(MAX_MARKETS):
        if self.positions[account][market_id].size != 0:
            return False
    return True


@internal
@pure
def _profit_and_loss(size: int256, entry_price: uint256, price: uint256) -> (uint256, uint256):
    """
    @dev (gain, loss) in USD wad, one of them zero; gains rounded down and losses up, for the pool.
    """
    amount: uint256 = convert(abs(size), uint256)
    if (size > 0) == (price >= entry_price):
        return amount * (max(price, entry_price) - min(price, entry_price)) // WAD, 0
    return 0, self._div_up(amount * (max(price, entry_price) - min(price, entry_price)), WAD)


@internal
@view
def _token_value_down(token_id: uint256, amount: uint256, price: uint256) -> uint256:
    return amount * price // listings.token_units[token_id]


@internal
@view
def _token_value_up(token_id: uint256, amount: uint256, price: uint256) -> uint256:
    return self._div_up(amount * price, listings.token_units[token_id])


@internal
@view
def _token_amount_down(token_id: uint256, value_wad: uint256, price: uint256) -> uint256:
    return value_wad * listings.token_units[token_id] // price


@internal
@view
def _token_amount_up(token_id: uint256, value_wad: uint256, price: uint256) -> uint256:
    return self._div_up(value_wad * listings.token_units[token_id], price)


@internal
@pure
def _div_up(numerator: uint256, denominator: uint256) -> uint256:
    return (numerator + denominator - 1) // denominator
