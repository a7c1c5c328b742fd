# pragma version 0.4.3
"""
@title Treasury
@license Apache-2.0
@notice The pool's cash and the insurance fund, and the one way tokens come in and go out.
"""

import guard
import ownership
import listings
import ledger
from ethereum.ercs import IERC20

uses: ownership
uses: listings
uses: ledger

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

# Token number 0: debts are in it, gains and losses are settled in it.
STABLE: constant(uint256) = 0


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
    guard._require(amount <= ledger.pool_cash, guard.POOL)
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
    guard._require(amount <= ledger.insurance[token_id], guard.POOL)
    ledger.insurance[token_id] -= amount
    log InsuranceWithdrawn(token_id=token_id, amount=amount)
    self._push(token_id, msg.sender, amount)


@internal
def _pull(token_id: uint256, amount: uint256):
    """
    @dev Take tokens from the caller, and insist that they came: books and balances must not part over a
        token that returns false, takes a fee or does nothing.
    """
    token: IERC20 = IERC20(listings.tokens[token_id].token)
    expected: uint256 = self._balance(token) + amount
    guard._require(extcall token.transferFrom(msg.sender, self, amount, default_return_value=True), guard.TRANSFER)
    guard._require(self._balance(token) == expected, guard.TRANSFER)


@internal
@view
def _balance(token: IERC20) -> uint256:
    return staticcall token.balanceOf(self)


@internal
def _push(token_id: uint256, receiver: address, amount: uint256):
    if amount > 0:
        token: IERC20 = IERC20(listings.tokens[token_id].token)
        guard._require(extcall token.transfer(receiver, amount, default_return_value=True), guard.TRANSFER)
