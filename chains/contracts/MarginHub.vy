# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Margin hub
@license Apache-2.0
@notice One chain's part of unified accounts: collateral, a stable debt and perpetuals against a pool. Adding
    risk needs local initial margin, or (cross margin) a quorum's attestation of unified initial health.
    Liquidation needs an attestation that unified health is below one; what it may do is bounded by this
    contract's own feeds, close factor and cooldown. Every function goes: id, checks, compute, effects, interact.
@custom:kill The owner's `set_paused(True)` stops what adds risk, and liquidations. Deposits, repayments and
    reductions go on.
"""

import guard
import ownership
import quorum
import listings
import ledger
from ethereum.ercs import IERC20

initializes: ownership
initializes: quorum[ownership := ownership]
initializes: listings[ownership := ownership]
initializes: ledger[listings := listings]

exports: (
    ownership.owner,
    ownership.pending_owner,
    ownership.transfer_ownership,
    ownership.accept_ownership,
    quorum.epoch,
    quorum.threshold,
    quorum.policy_hash,
    quorum.is_signer,
    quorum.signers,
    quorum.set_signers,
    quorum.set_policy,
    quorum.attestation_digest,
    listings.paused,
    listings.limits,
    listings.token_count,
    listings.market_count,
    listings.token_info,
    listings.market_info,
    listings.token_price,
    listings.market_price,
    listings.add_token,
    listings.add_market,
    listings.set_limits,
    listings.set_paused,
    ledger.legs,
    ledger.account_id_of,
    ledger.pool_cash,
    ledger.insurance,
    ledger.bad_debt_total,
    ledger.claim_value,
    ledger.claim_paid,
)

event ClaimOpened:
    account: indexed(bytes32)
    claim: indexed(bytes32)
    target_chain_id: uint256
    target_token: address
    value_wad: uint256
    beneficiary: address

event ClaimPaid:
    account: indexed(bytes32)
    claim: indexed(bytes32)
    token: address
    amount: uint256

event Liquidated:
    account: indexed(bytes32)
    action: uint256
    item: uint256
    size: uint256
    price_wad: uint256
    value_wad: uint256
    penalty_wad: uint256
    health_wad: uint256
    liquidator: address
    sequence: uint256
    attestation: bytes32

event BadDebtRecorded:
    account: indexed(bytes32)
    amount: uint256
    covered: uint256

event PoolFunded:
    funder: indexed(address)
    amount: uint256

event PoolWithdrawn:
    amount: uint256

event InsuranceFunded:
    funder: indexed(address)
    amount: uint256

event InsuranceWithdrawn:
    token_id: indexed(uint256)
    amount: uint256

# What an attestation lets through.
CLOSE: constant(uint256) = 1
REPAY: constant(uint256) = 2
REPAY_CROSS: constant(uint256) = 3
SEIZE: constant(uint256) = 4
WRITE_OFF: constant(uint256) = 5
WITHDRAW: constant(uint256) = 6
BORROW: constant(uint256) = 7
TRADE: constant(uint256) = 8
UNLINK: constant(uint256) = 9

MAX_SIGNERS: constant(uint256) = 16
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000

# Token number 0: debts are in it, gains and losses are settled in it.
STABLE: constant(uint256) = 0

# When a step of one kind was last taken on one item of an account.
last_step_at: HashMap[bytes32, HashMap[uint256, HashMap[uint256, uint256]]]


@deploy
def __init__(stable: address, stable_feed: address, stable_decimals: uint256):
    """
    @notice The deployer becomes owner. The stable is listed as token 0, and cautious limits are set.
    @param stable The token that is lent, and that gains and losses are settled in.
    @param stable_feed Its USD feed.
    @param stable_decimals Its decimals.
    """
    ownership.__init__()
    quorum.__init__()
    listings.__init__(stable, stable_feed, stable_decimals)
    ledger.__init__()


# Own actions: the caller is the account's owner, and the version rises


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
    price: uint256 = listings._token_price_within(token_id, max_value(uint256))
    guard._require(amount > 0, "size")
    self._check_not_dust(ledger._token_value_down(token_id, amount, price))
    ledger._set_collateral(account, token_id, ledger.collateral[account][token_id] + amount)
    self._pull(token_id, amount)


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
    guard._require(0 < amount and amount <= balance, "size")
    ledger._set_collateral(account, token_id, balance - amount)
    self._check_risk(account, WITHDRAW, token_id, amount, att, signatures)
    self._push(token_id, msg.sender, amount)


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
    guard._require(amount > 0, "size")
    guard._require(amount <= ledger.pool_cash, "pool")
    ledger.pool_cash -= amount
    ledger._set_debt(account, ledger.accounts[account].debt + amount)
    self._check_risk(account, BORROW, STABLE, amount, att, signatures)
    self._push(STABLE, msg.sender, amount)


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
    guard._require(paid > 0, "size")
    if ledger.accounts[account].owner == msg.sender:
        ledger.accounts[account].version += 1
        if paid < debt:
            price: uint256 = listings._token_price_within(STABLE, max_value(uint256))
            self._check_not_dust(ledger._token_value_down(STABLE, paid, price))
    ledger.pool_cash += paid
    ledger._set_debt(account, debt - paid)
    self._pull(STABLE, paid)


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
    price: uint256 = listings._market_price(market_id)
    traded: uint256 = convert(abs(size_delta), uint256)
    guard._require(traded > 0, "size")
    if size_delta > 0:
        guard._require(price <= limit_price, "price")
    else:
        guard._require(price >= limit_price, "price")
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
        self._realise(account, -size_delta, entry_price, price, 0)
    else:
        self._realise(account, position.size, entry_price, price, 0)
        entry_price = price if traded > held else 0
    ledger._set_position(account, market_id, position.size + size_delta, entry_price)
    if not opposed or traded > held:
        ledger._check_open_interest(market_id, size_delta > 0)
        self._check_risk(account, TRADE, market_id, traded, att, signatures)


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
    guard._require(enabled != ledger.accounts[account].cross_margin, "action")
    if not enabled:
        self._check_risk(account, UNLINK, 0, 0, att, signatures)
        ledger._check_local_margin(account)
    ledger._set_cross_margin(account, enabled)


# Liquidation: anyone whom a quorum named, within this contract's own bounds


@external
@nonreentrant
def liquidate(att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Take one step of a liquidation on this chain: CLOSE, REPAY or REPAY_CROSS. REPAY and REPAY_CROSS
        take the stable from the caller, who must have approved it.
    @param att The attestation; its beneficiary is the caller.
    @param signatures Of the attestation.
    """
    guard._require(att.action == CLOSE or att.action == REPAY or att.action == REPAY_CROSS, "action")
    guard._require(att.health < WAD, "healthy")
    digest: bytes32 = self._begin_step(att, signatures)
    if att.action == CLOSE:
        self._close(att, digest)
    elif att.action == REPAY:
        self._repay(att, digest)
    else:
        self._repay_cross(att, digest)


@external
@nonreentrant
def seize(att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Pay a claim, earned by repaying this account's debt on another chain, with its collateral here.
        Only collateral of a leg with cross margin backs other chains. The claim is used up even if there is
        less collateral than it is worth. Health may have recovered since: the claim was earned before.
    @param att A SEIZE attestation; its beneficiary is the caller.
    @param signatures Of the attestation.
    """
    guard._require(att.action == SEIZE, "action")
    digest: bytes32 = self._begin_step(att, signatures)
    account: bytes32 = att.account
    token_id: uint256 = att.item
    guard._require(att.claim != empty(bytes32), "claim")
    guard._require(not ledger.claim_paid[att.claim], "claim paid")
    guard._require(ledger.accounts[account].cross_margin, "margin")
    price: uint256 = listings._token_price(token_id)
    listings._check_band(att.price, price)
    balance: uint256 = ledger.collateral[account][token_id]
    # Down, for the account.
    owed: uint256 = ledger._token_amount_down(token_id, self._with_penalty(att.value, token_id), price)
    seized: uint256 = min(min(owed, att.max_size), balance)
    guard._require(seized > 0, "size")

    ledger.claim_paid[att.claim] = True
    paid_value: uint256 = min(
        att.value, self._without_penalty(ledger._token_value_down(token_id, seized, price), token_id)
    )
    earned: uint256 = self._take_collateral(account, token_id, balance, seized, att.value, price)
    log ClaimPaid(
        account=account, claim=att.claim, token=listings.tokens[token_id].token, amount=seized
    )
    self._log_step(att, digest, seized, price, paid_value, self._penalty(paid_value, token_id))
    self._push(token_id, msg.sender, earned)


@external
@nonreentrant
def write_off(att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Record debt as bad where this leg has neither collateral nor positions. The insurance fund covers
        what it can; the rest is the pool's loss.
    @param att A WRITE_OFF attestation; its beneficiary is the caller.
    @param signatures Of the attestation.
    """
    guard._require(att.action == WRITE_OFF, "action")
    guard._require(att.health < WAD, "healthy")
    digest: bytes32 = self._begin_step(att, signatures)
    account: bytes32 = att.account
    guard._require(ledger._has_nothing_but_debt(account), "margin")
    price: uint256 = listings._token_price(STABLE)
    listings._check_band(att.price, price)
    debt: uint256 = ledger.accounts[account].debt
    amount: uint256 = min(att.max_size, debt)
    guard._require(amount > 0, "size")
    covered: uint256 = min(amount, ledger.insurance[STABLE])

    ledger.insurance[STABLE] -= covered
    ledger.pool_cash += covered
    ledger.bad_debt_total += amount - covered
    ledger._set_debt(account, debt - amount)
    log BadDebtRecorded(account=account, amount=amount, covered=covered)
    self._log_step(att, digest, amount, price, ledger._token_value_down(STABLE, amount, price), 0)


# The pool and the insurance fund


@external
@nonreentrant
def fund_pool(amount: uint256):
    """
    @notice Give the pool stable to lend and to pay gains with. A gift: the owner may withdraw it.
    @param amount Raw stable.
    """
    ledger.pool_cash += amount
    log PoolFunded(funder=msg.sender, amount=amount)
    self._pull(STABLE, amount)


@external
@nonreentrant
def fund_insurance(amount: uint256):
    """
    @notice Give the insurance fund stable. A gift: the owner may withdraw it.
    @param amount Raw stable.
    """
    ledger.insurance[STABLE] += amount
    log InsuranceFunded(funder=msg.sender, amount=amount)
    self._pull(STABLE, amount)


@external
@nonreentrant
def withdraw_pool(amount: uint256):
    """
    @notice Take cash out of the pool. It holds no account's collateral.
    @param amount Raw stable.
    """
    ownership._check_owner()
    guard._require(amount <= ledger.pool_cash, "pool")
    ledger.pool_cash -= amount
    log PoolWithdrawn(amount=amount)
    self._push(STABLE, msg.sender, amount)


@external
@nonreentrant
def withdraw_insurance(token_id: uint256, amount: uint256):
    """
    @notice Take tokens out of the insurance fund. It holds no account's collateral.
    @param token_id Which token.
    @param amount Raw units.
    """
    ownership._check_owner()
    listings._check_token(token_id)
    guard._require(amount <= ledger.insurance[token_id], "pool")
    ledger.insurance[token_id] -= amount
    log InsuranceWithdrawn(token_id=token_id, amount=amount)
    self._push(token_id, msg.sender, amount)


# Steps of a liquidation


@internal
def _close(att: quorum.Attestation, digest: bytes32):
    price: uint256 = listings._market_price(att.item)
    listings._check_band(att.price, price)
    position: ledger.Position = ledger.positions[att.account][att.item]
    held: uint256 = convert(abs(position.size), uint256)
    size: uint256 = self._bounded_size(att, att.item, held, price, WAD)
    closed: int256 = convert(size, int256)
    if position.size < 0:
        closed = -closed
    value_wad: uint256 = size * price // WAD

    penalty: uint256 = self._realise(
        att.account,
        closed,
        position.entry_price,
        price,
        value_wad * listings.markets[att.item].penalty_bps // BPS,
    )
    ledger._set_position(
        att.account, att.item, position.size - closed, position.entry_price if size < held else 0
    )
    kept: uint256 = self._insurance_share(penalty)
    ledger.insurance[STABLE] += kept
    penalty_value: uint256 = 0
    if penalty > 0:
        penalty_value = ledger._token_value_down(STABLE, penalty, listings._token_price(STABLE))
    self._log_step(att, digest, size, price, value_wad, penalty_value)
    self._push(STABLE, msg.sender, penalty - kept)


@internal
def _repay(att: quorum.Attestation, digest: bytes32):
    account: bytes32 = att.account
    token_id: uint256 = att.item
    price: uint256 = listings._token_price(token_id)
    listings._check_band(att.price, price)
    stable_price: uint256 = listings._token_price(STABLE)
    debt: uint256 = ledger.accounts[account].debt
    size: uint256 = self._bounded_size(att, token_id, debt, stable_price, listings.token_units[STABLE])
    value_wad: uint256 = ledger._token_value_down(STABLE, size, stable_price)
    balance: uint256 = ledger.collateral[account][token_id]
    # Down, for the account.
    seized: uint256 = ledger._token_amount_down(token_id, self._with_penalty(value_wad, token_id), price)
    if seized > balance:
        seized = balance
        # Up, for the account: what is taken repays at least what it is worth without the penalty.
        value_wad = min(value_wad, self._without_penalty(ledger._token_value_up(token_id, seized, price), token_id))
        size = min(size, ledger._token_amount_up(STABLE, value_wad, stable_price))
    guard._require(seized > 0, "size")

    ledger.pool_cash += size
    ledger._set_debt(account, debt - size)
    earned: uint256 = self._take_collateral(account, token_id, balance, seized, value_wad, price)
    self._log_step(att, digest, size, price, value_wad, self._penalty(value_wad, token_id))
    self._pull(STABLE, size)
    self._push(token_id, msg.sender, earned)


@internal
def _repay_cross(att: quorum.Attestation, digest: bytes32):
    price: uint256 = listings._token_price(STABLE)
    listings._check_band(att.price, price)
    debt: uint256 = ledger.accounts[att.account].debt
    # One cooldown whatever the item says: it names nothing here.
    size: uint256 = self._bounded_size(att, STABLE, debt, price, listings.token_units[STABLE])
    # Down, for the account.
    value_wad: uint256 = ledger._token_value_down(STABLE, size, price)
    guard._require(value_wad > 0, "size")
    # The sequence only rises, so no two claims are one.
    claim: bytes32 = keccak256(abi_encode(chain.id, self, att.account, att.sequence))

    ledger.claim_value[claim] = value_wad
    ledger.pool_cash += size
    ledger._set_debt(att.account, debt - size)
    log ClaimOpened(
        account=att.account,
        claim=claim,
        target_chain_id=att.value,
        target_token=att.target,
        value_wad=value_wad,
        beneficiary=att.beneficiary,
    )
    self._log_step(att, digest, size, price, value_wad, 0)
    self._pull(STABLE, size)


# Checks shared by the above


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
    guard._require(not listings.paused, "paused")
    if not ledger.accounts[account].cross_margin:
        ledger._check_local_margin(account)
        return
    guard._require(att.action == action and att.account == account and att.item == item, "action")
    quorum._check_context(
        att,
        ledger.accounts[account].version - 1,
        ledger.accounts[account].last_sequence,
        listings.limits.max_attestation_age_s,
    )
    guard._require(att.health >= WAD, "margin")
    guard._require(size <= att.max_size, "size")
    quorum._check_signatures(quorum._digest(att), signatures)
    if action == TRADE:
        listings._check_band(att.price, listings._market_price(item))
    elif action != UNLINK:
        listings._check_band(att.price, listings._token_price(item))


@internal
def _begin_step(
    att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]
) -> bytes32:
    """
    @dev What every step of a liquidation needs, cheap checks first. Uses the sequence up; returns the digest.
    """
    guard._require(not listings.paused, "paused")
    quorum._check_context(
        att,
        ledger.accounts[att.account].version,
        ledger.accounts[att.account].last_sequence,
        listings.limits.max_attestation_age_s,
    )
    guard._require(msg.sender == att.beneficiary, "beneficiary")
    digest: bytes32 = quorum._digest(att)
    quorum._check_signatures(digest, signatures)
    ledger.accounts[att.account].last_sequence = att.sequence
    return digest


@internal
def _bounded_size(
    att: quorum.Attestation, item: uint256, held: uint256, price: uint256, unit: uint256
) -> uint256:
    """
    @dev How much of `held` this step may take: the attested size or what is left, within close factor and
        cooldown. Also starts the next cooldown. A size of zero is refused.
    """
    size: uint256 = min(att.max_size, held)
    guard._require(size > 0, "size")
    last_step_at: uint256 = self.last_step_at[att.account][att.action][item]
    guard._require(block.timestamp >= last_step_at + listings.limits.cooldown_s, "cooldown")
    # Down, for the account.
    allowed: uint256 = held * listings.limits.close_factor_bps // BPS
    if size > allowed and att.health >= listings.limits.full_close_health:
        # More is allowed only where a step of the allowed size would leave dust.
        rest_value: uint256 = ledger._div_up((held - allowed) * price, unit)
        guard._require(rest_value <= listings.limits.dust_value, "close factor")
    self.last_step_at[att.account][att.action][item] = block.timestamp
    return size


@internal
@view
def _check_not_dust(value_wad: uint256):
    # What raises the version voids attestations, so it must cost something.
    guard._require(value_wad >= listings.limits.min_deposit_value, "dust")


# Money


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
    gain, loss = ledger._profit_and_loss(closed, entry_price, price)
    if gain + loss + penalty_value == 0:
        return 0
    stable_price: uint256 = listings._token_price(STABLE)
    # Gains down and losses up, for the pool; the penalty down, for the account.
    return ledger._settle(
        account,
        ledger._token_amount_down(STABLE, gain, stable_price),
        ledger._token_amount_up(STABLE, loss, stable_price),
        ledger._token_amount_down(STABLE, penalty_value, stable_price),
    )


@internal
def _take_collateral(
    account: bytes32, token_id: uint256, balance: uint256, seized: uint256, value_wad: uint256, price: uint256
) -> uint256:
    """
    @dev Take `seized` from the account for `value` USD. Returns the liquidator's part. The fund shares only in what
        exceeds the value, so that a capped seizure first makes the liquidator whole.
    """
    base: uint256 = min(seized, ledger._token_amount_up(token_id, value_wad, price))
    kept: uint256 = self._insurance_share(seized - base)
    ledger.insurance[token_id] += kept
    ledger._set_collateral(account, token_id, balance - seized)
    return seized - kept


@internal
@view
def _insurance_share(penalty: uint256) -> uint256:
    return penalty * listings.limits.insurance_share_bps // BPS


@internal
@view
def _with_penalty(value_wad: uint256, token_id: uint256) -> uint256:
    # Down, for the account.
    return value_wad * (BPS + listings.tokens[token_id].penalty_bps) // BPS


@internal
@view
def _without_penalty(value_wad: uint256, token_id: uint256) -> uint256:
    # Up, for the account: it is what must be repaid.
    return ledger._div_up(value_wad * BPS, BPS + listings.tokens[token_id].penalty_bps)


@internal
@view
def _penalty(value_wad: uint256, token_id: uint256) -> uint256:
    return value_wad * listings.tokens[token_id].penalty_bps // BPS


@internal
def _pull(token_id: uint256, amount: uint256):
    """
    @dev Take tokens from the caller, and insist that they came: books and balances must not part over a
        token that returns false, takes a fee or does nothing.
    """
    token: IERC20 = IERC20(listings.tokens[token_id].token)
    expected: uint256 = self._balance(token) + amount
    guard._require(extcall token.transferFrom(msg.sender, self, amount, default_return_value=True), "transfer")
    guard._require(self._balance(token) == expected, "transfer")


@internal
@view
def _balance(token: IERC20) -> uint256:
    return staticcall token.balanceOf(self)


@internal
def _push(token_id: uint256, receiver: address, amount: uint256):
    if amount > 0:
        token: IERC20 = IERC20(listings.tokens[token_id].token)
        guard._require(extcall token.transfer(receiver, amount, default_return_value=True), "transfer")


@internal
def _log_step(
    att: quorum.Attestation,
    digest: bytes32,
    size: uint256,
    price: uint256,
    value_wad: uint256,
    penalty_value: uint256,
):
    log Liquidated(
        account=att.account,
        action=att.action,
        item=att.item,
        size=size,
        price_wad=price,
        value_wad=value_wad,
        penalty_wad=penalty_value,
        health_wad=att.health,
        liquidator=msg.sender,
        sequence=att.sequence,
        attestation=digest,
    )
