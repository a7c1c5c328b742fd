# pragma version 0.4.3
"""
@title Liquidation
@license Apache-2.0
@notice What a quorum lets a named liquidator do to an account, within this chain's own bounds: price band, close
    factor, cooldown.
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

# What an attestation lets through.
CLOSE: constant(uint256) = 1
REPAY: constant(uint256) = 2
REPAY_CROSS: constant(uint256) = 3
SEIZE: constant(uint256) = 4
WRITE_OFF: constant(uint256) = 5
OPTION_CLOSE: constant(uint256) = 11

MAX_SIGNERS: constant(uint256) = 16
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
# Token number 0: debts are in it, gains and losses are settled in it.
STABLE: constant(uint256) = 0

# When a step of one kind was last taken on one item of an account.
last_step_at: HashMap[bytes32, HashMap[uint256, HashMap[uint256, uint256]]]


@external
@nonreentrant
def liquidate(att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Take one step of a liquidation on this chain: CLOSE, REPAY, REPAY_CROSS or OPTION_CLOSE. REPAY and
        REPAY_CROSS take the stable from the caller, who must have approved it.
    @param att The attestation; its beneficiary is the caller.
    @param signatures Of the attestation.
    """
    guard._require(
        att.action == CLOSE
        or att.action == REPAY
        or att.action == REPAY_CROSS
        or att.action == OPTION_CLOSE,
        guard.ACTION,
    )
    guard._require(att.health < WAD, guard.HEALTHY)
    digest: bytes32 = self._begin_step(att, signatures)
    if att.action == CLOSE:
        self._close(att, digest)
    elif att.action == REPAY:
        self._repay(att, digest)
    elif att.action == REPAY_CROSS:
        self._repay_cross(att, digest)
    else:
        self._close_option(att, digest)


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
    guard._require(att.action == SEIZE, guard.ACTION)
    digest: bytes32 = self._begin_step(att, signatures)
    account: bytes32 = att.account
    token_id: uint256 = att.item
    guard._require(att.claim != empty(bytes32), guard.CLAIM)
    guard._require(not ledger.claim_paid[att.claim], guard.CLAIM_PAID)
    guard._require(ledger.accounts[account].cross_margin, guard.MARGIN)
    price: uint256 = prices._token_price(token_id)
    prices._check_band(att.price, price)
    balance: uint256 = ledger.collateral[account][token_id]
    # Down, for the account.
    owed: uint256 = ledger._token_amount_down(token_id, self._with_penalty(att.value, token_id), price)
    seized: uint256 = min(min(owed, att.max_size), balance)
    guard._require(seized > 0, guard.SIZE)

    ledger.claim_paid[att.claim] = True
    paid_value: uint256 = min(
        att.value, self._without_penalty(ledger._token_value_down(token_id, seized, price), token_id)
    )
    earned: uint256 = self._take_collateral(account, token_id, balance, seized, att.value, price)
    log ClaimPaid(
        account=account, claim=att.claim, token=listings.tokens[token_id].token, amount=seized
    )
    self._log_step(att, digest, seized, price, paid_value, self._penalty(paid_value, token_id))
    treasury._push(token_id, msg.sender, earned)


@external
@nonreentrant
def write_off(att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Record debt as bad where this leg has neither collateral nor positions. The insurance fund covers
        what it can; the rest is the pool's loss.
    @param att A WRITE_OFF attestation; its beneficiary is the caller.
    @param signatures Of the attestation.
    """
    guard._require(att.action == WRITE_OFF, guard.ACTION)
    guard._require(att.health < WAD, guard.HEALTHY)
    digest: bytes32 = self._begin_step(att, signatures)
    account: bytes32 = att.account
    guard._require(ledger._has_nothing_but_debt(account), guard.MARGIN)
    desk._check_no_options(account)
    price: uint256 = prices._token_price(STABLE)
    prices._check_band(att.price, price)
    debt: uint256 = ledger.accounts[account].debt
    amount: uint256 = min(att.max_size, debt)
    guard._require(amount > 0, guard.SIZE)
    covered: uint256 = min(amount, ledger.insurance[STABLE])

    ledger.insurance[STABLE] -= covered
    ledger.pool_cash += covered
    ledger.bad_debt_total += amount - covered
    ledger._set_debt(account, debt - amount)
    log BadDebtRecorded(account=account, amount=amount, covered=covered)
    self._log_step(att, digest, amount, price, ledger._token_value_down(STABLE, amount, price), 0)


@internal
def _close(att: quorum.Attestation, digest: bytes32):
    price: uint256 = prices._market_price(att.item)
    prices._check_band(att.price, price)
    position: ledger.Position = ledger.positions[att.account][att.item]
    held: uint256 = convert(abs(position.size), uint256)
    size: uint256 = self._bounded_size(att, att.item, held, price, WAD)
    closed: int256 = convert(size, int256)
    if position.size < 0:
        closed = -closed
    value_wad: uint256 = size * price // WAD

    penalty: uint256 = ledger._realise(
        att.account,
        closed,
        position.entry_price,
        price,
        value_wad * listings.markets[att.item].penalty_bps // BPS,
    )
    ledger._set_position(
        att.account, att.item, position.size - closed, position.entry_price if size < held else 0
    )
    self._finish_close(att, digest, size, price, penalty)


@internal
def _close_option(att: quorum.Attestation, digest: bytes32):
    # The underlying's attested price is bounded by a feed, and the option's by what the underlying makes possible.
    quote: desk.Quote = desk._quote(att.account, att.item, att.price, att.value, 0)
    size: uint256 = self._bounded_size(
        att, att.item, convert(abs(quote.held), uint256), quote.underlying, WAD
    )
    closed: int256 = convert(size, int256)
    if quote.held < 0:
        closed = -closed

    # It was paid for when it was traded: closing is worth its whole price.
    penalty: uint256 = ledger._realise(
        att.account, closed, 0, quote.price, size * quote.penalty // WAD
    )
    desk._change(att.account, att.item, -closed)
    self._finish_close(att, digest, size, quote.price, penalty)


@internal
def _finish_close(
    att: quorum.Attestation, digest: bytes32, size: uint256, price: uint256, penalty: uint256
):
    """
    @dev Share the penalty that was taken (raw stable) between the insurance fund and the liquidator.
    """
    kept: uint256 = self._insurance_share(penalty)
    ledger.insurance[STABLE] += kept
    penalty_value: uint256 = 0
    if penalty > 0:
        penalty_value = ledger._token_value_down(STABLE, penalty, prices._token_price(STABLE))
    self._log_step(att, digest, size, price, size * price // WAD, penalty_value)
    treasury._push(STABLE, msg.sender, penalty - kept)


@internal
def _repay(att: quorum.Attestation, digest: bytes32):
    account: bytes32 = att.account
    token_id: uint256 = att.item
    price: uint256 = prices._token_price(token_id)
    prices._check_band(att.price, price)
    stable_price: uint256 = prices._token_price(STABLE)
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
    guard._require(seized > 0, guard.SIZE)

    ledger.pool_cash += size
    ledger._set_debt(account, debt - size)
    earned: uint256 = self._take_collateral(account, token_id, balance, seized, value_wad, price)
    self._log_step(att, digest, size, price, value_wad, self._penalty(value_wad, token_id))
    treasury._pull(STABLE, size)
    treasury._push(token_id, msg.sender, earned)


@internal
def _repay_cross(att: quorum.Attestation, digest: bytes32):
    price: uint256 = prices._token_price(STABLE)
    prices._check_band(att.price, price)
    debt: uint256 = ledger.accounts[att.account].debt
    # One cooldown whatever the item says: it names nothing here.
    size: uint256 = self._bounded_size(att, STABLE, debt, price, listings.token_units[STABLE])
    # Down, for the account.
    value_wad: uint256 = ledger._token_value_down(STABLE, size, price)
    guard._require(value_wad > 0, guard.SIZE)
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
    treasury._pull(STABLE, size)


@internal
def _begin_step(
    att: quorum.Attestation, signatures: DynArray[Bytes[65], MAX_SIGNERS]
) -> bytes32:
    """
    @dev What every step of a liquidation needs, cheap checks first. Uses the sequence up; returns the digest.
    """
    guard._require(not listings.paused, guard.PAUSED)
    quorum._check_context(
        att,
        ledger.accounts[att.account].version,
        ledger.accounts[att.account].last_sequence,
        listings.limits.max_attestation_age_s,
    )
    guard._require(msg.sender == att.beneficiary, guard.BENEFICIARY)
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
    guard._require(size > 0, guard.SIZE)
    last_step_at: uint256 = self.last_step_at[att.account][att.action][item]
    guard._require(block.timestamp >= last_step_at + listings.limits.cooldown_s, guard.COOLDOWN)
    # Down, for the account.
    allowed: uint256 = held * listings.limits.close_factor_bps // BPS
    if size > allowed and att.health >= listings.limits.full_close_health:
        # More is allowed only where a step of the allowed size would leave dust.
        rest_value: uint256 = ledger._div_up((held - allowed) * price, unit)
        guard._require(rest_value <= listings.limits.dust_value, guard.CLOSE_FACTOR)
    self.last_step_at[att.account][att.action][item] = block.timestamp
    return size


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
