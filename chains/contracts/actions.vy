# pragma version 0.4.3
"""
@title Own actions
@license Apache-2.0
@notice What an owner does with an account. Each raises the account's version, which voids the attestations made
    before it. Adding risk needs local initial margin, or with cross margin an attestation of unified initial
    health.
"""

import guard
import quorum
import listings
import prices
import ledger
import treasury
import desk

uses: quorum
uses: listings
uses: prices
uses: ledger
uses: treasury
uses: desk

# What an attestation lets through.
WITHDRAW: constant(uint256) = 6
BORROW: constant(uint256) = 7
TRADE: constant(uint256) = 8
UNLINK: constant(uint256) = 9
OPTION_TRADE: constant(uint256) = 10

# A series' item is the first 63 bits of its id: they fit wherever a number does, and a desk has no two alike.
ITEM_SHIFT: constant(uint256) = 193

MAX_SIGNERS: constant(uint256) = 16
WAD: constant(uint256) = 10**18
# Token number 0: debts are in it, gains and losses are settled in it.
STABLE: constant(uint256) = 0


@external
@nonreentrant
def deposit(subaccount: uint256, token_id: uint256, amount: uint256):
    """
    @notice Add collateral. Never paused, and any answer of the feed will do: a top-up must not wait for it.
    @param subaccount The caller's number for the account.
    @param token_id What to add.
    @param amount Raw units, worth at least `min_deposit_value`.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    price: uint256 = prices._token_price_within(token_id, max_value(uint256))
    guard._require(amount > 0, guard.SIZE)
    self._check_not_dust(ledger._token_value_down(token_id, amount, price))
    ledger._set_collateral(account, token_id, ledger.collateral[account][token_id] + amount)
    treasury._pull(token_id, amount)


@external
@nonreentrant
def withdraw(
    subaccount: uint256,
    token_id: uint256,
    amount: uint256,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Take collateral out.
    @param subaccount The caller's number for the account.
    @param token_id What to take.
    @param amount Raw units.
    @param att With cross margin a WITHDRAW attestation, else ignored.
    @param signatures Of the attestation.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    listings._check_token(token_id)
    balance: uint256 = ledger.collateral[account][token_id]
    guard._require(0 < amount and amount <= balance, guard.SIZE)
    ledger._set_collateral(account, token_id, balance - amount)
    self._check_risk(account, WITHDRAW, token_id, amount, att, signatures)
    treasury._push(token_id, msg.sender, amount)


@external
@nonreentrant
def borrow(
    subaccount: uint256,
    amount: uint256,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Borrow stable from the pool.
    @param subaccount The caller's number for the account.
    @param amount Raw stable.
    @param att With cross margin a BORROW attestation (item 0), else ignored.
    @param signatures Of the attestation.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    guard._require(amount > 0, guard.SIZE)
    guard._require(amount <= ledger.pool_cash, guard.POOL)
    ledger.pool_cash -= amount
    ledger._set_debt(account, ledger.accounts[account].debt + amount)
    self._check_risk(account, BORROW, STABLE, amount, att, signatures)
    treasury._push(STABLE, msg.sender, amount)


@external
@nonreentrant
def repay(account: bytes32, amount: uint256):
    """
    @notice Pay back debt of any account. Never paused. Only its owner's repayment raises the version (or
        anyone could void its attestations), and must then be worth `min_deposit_value` or clear the debt.
    @param account The account's id.
    @param amount Raw stable; what is more than the debt is not taken.
    """
    debt: uint256 = ledger.accounts[account].debt
    paid: uint256 = min(amount, debt)
    guard._require(paid > 0, guard.SIZE)
    if ledger.accounts[account].owner == msg.sender:
        ledger.accounts[account].version += 1
        if paid < debt:
            price: uint256 = prices._token_price_within(STABLE, max_value(uint256))
            self._check_not_dust(ledger._token_value_down(STABLE, paid, price))
    ledger.pool_cash += paid
    ledger._set_debt(account, debt - paid)
    treasury._pull(STABLE, paid)


@external
@nonreentrant
def change_position(
    subaccount: uint256,
    market_id: uint256,
    size_delta: int256,
    limit_price: uint256,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Trade a perpetual with the pool at the feed's price. Reducing is always allowed: it turns unrealised
        into realised at the price that margin is reckoned with, and so adds no risk.
    @param subaccount The caller's number for the account.
    @param market_id Which market.
    @param size_delta Wad of the base asset, positive to buy.
    @param limit_price Worst acceptable price, USD wad.
    @param att With cross margin and for an increase or a flip a TRADE attestation, else ignored.
    @param signatures Of the attestation.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    price: uint256 = prices._market_price(market_id)
    traded: uint256 = convert(abs(size_delta), uint256)
    guard._require(traded > 0, guard.SIZE)
    self._check_limit(size_delta, price, limit_price)
    position: ledger.Position = ledger.positions[account][market_id]
    held: uint256 = convert(abs(position.size), uint256)
    entry_price: uint256 = position.entry_price
    opposed: bool = held > 0 and (position.size > 0) != (size_delta > 0)
    if not opposed:
        cost: uint256 = held * entry_price + traded * price
        # Rounded against the account: a long is entered higher, a short lower.
        if size_delta > 0:
            entry_price = ledger._div_up(cost, held + traded)
        else:
            entry_price = cost // (held + traded)
    elif traded < held:
        self._check_not_dust(traded * price // WAD)
        ledger._realise(account, -size_delta, entry_price, price, 0)
    else:
        ledger._realise(account, position.size, entry_price, price, 0)
        entry_price = price if traded > held else 0
    ledger._set_position(account, market_id, position.size + size_delta, entry_price)
    if not opposed or traded > held:
        ledger._check_open_interest(market_id, size_delta > 0)
        self._check_risk(account, TRADE, market_id, traded, att, signatures)


@external
@nonreentrant
def trade_option(
    subaccount: uint256,
    series: bytes32,
    size_delta: int256,
    limit_price: uint256,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Trade an option with the pool at the attested price and the desk's spread; the premium is paid at once.
        Needs cross margin, since local margin can not price an option, and an attestation even to reduce.
    @param subaccount The caller's number for the account.
    @param series Which, as the desk numbers it.
    @param size_delta Wad of contracts, positive to buy.
    @param limit_price Worst acceptable premium for one contract, USD wad.
    @param att An OPTION_TRADE attestation; its value is the underlying's price.
    @param signatures Of the attestation.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    item: uint256 = convert(series, uint256) >> ITEM_SHIFT
    guard._require(ledger.accounts[account].cross_margin, guard.MARGIN)
    guard._require(size_delta != 0, guard.SIZE)
    quote: desk.Quote = desk._quote(account, item, att.price, att.value, size_delta)
    self._check_limit(size_delta, quote.price, limit_price)
    ledger._realise(account, -size_delta, 0, quote.price, 0)
    desk._change(account, item, size_delta)
    self._check_risk(account, OPTION_TRADE, item, convert(abs(size_delta), uint256), att, signatures)


@external
@nonreentrant
def set_cross_margin(
    subaccount: uint256,
    enabled: bool,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Let this leg back risk on other chains, and other chains back it; or stop that. Stopping needs an
        UNLINK attestation (item 0) that the others do without it, and local initial margin of its own.
    @param subaccount The caller's number for the account.
    @param enabled Whether to; must differ from what is.
    @param att To stop: an UNLINK attestation. Else ignored.
    @param signatures Of the attestation.
    """
    account: bytes32 = ledger._raise_version(subaccount)
    # A change to the same would raise the version for nothing.
    guard._require(enabled != ledger.accounts[account].cross_margin, guard.ACTION)
    if not enabled:
        self._check_risk(account, UNLINK, 0, 0, att, signatures)
        # Local margin can not price an option.
        desk._check_no_options(account)
        ledger._check_local_margin(account)
    ledger._set_cross_margin(account, enabled)


@internal
@view
def _check_risk(
    account: bytes32,
    action: uint256,
    item: uint256,
    size: uint256,
    att: quorum.Attestation,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @dev Whether the account may do this, its effects being booked already. With cross margin it takes an attestation
        made for the version before; the raised version makes it single use, and the last sequence
        stays, so that a request for a huge one can not put the account out of liquidation's reach.
    """
    guard._require(not listings.paused, guard.PAUSED)
    if not ledger.accounts[account].cross_margin:
        ledger._check_local_margin(account)
        return
    guard._require(att.action == action and att.account == account and att.item == item, guard.ACTION)
    quorum._check_context(
        att,
        ledger.accounts[account].version - 1,
        ledger.accounts[account].last_sequence,
        listings.limits.max_attestation_age_s,
    )
    guard._require(att.health >= WAD, guard.MARGIN)
    guard._require(size <= att.max_size, guard.SIZE)
    quorum._check_signatures(quorum._digest(att), signatures)
    if action == TRADE:
        prices._check_band(att.price, prices._market_price(item))
    elif action < UNLINK:
        prices._check_band(att.price, prices._token_price(item))


@internal
@pure
def _check_limit(size_delta: int256, price: uint256, limit_price: uint256):
    """
    @dev Whether a purchase is at most, a sale at least at the limit.
    """
    if size_delta > 0:
        guard._require(price <= limit_price, guard.PRICE)
    else:
        guard._require(price >= limit_price, guard.PRICE)


@internal
@view
def _check_not_dust(value_wad: uint256):
    # What raises the version voids attestations, so it must cost something.
    guard._require(value_wad >= listings.limits.min_deposit_value, guard.DUST)
