# pragma version 0.4.3
"""
@title Two-step ownership
@license Apache-2.0
@notice The owner lists tokens and markets and names the signers. It never touches an account's collateral.
"""

import guard

event OwnershipTransferStarted:
    previous_owner: indexed(address)
    new_owner: indexed(address)

event OwnershipTransferred:
    previous_owner: indexed(address)
    new_owner: indexed(address)

owner: public(address)
pending_owner: public(address)


@deploy
def __init__():
    self.owner = msg.sender
    log OwnershipTransferred(previous_owner=empty(address), new_owner=msg.sender)


@external
def transfer_ownership(new_owner: address):
    """
    @notice Offer the ownership to `new_owner`, who must accept it. Zero takes the offer back.
    @param new_owner Who may accept.
    """
    self._check_owner()
    self.pending_owner = new_owner
    log OwnershipTransferStarted(previous_owner=self.owner, new_owner=new_owner)


@external
def accept_ownership():
    """
    @notice Take the ownership that was offered to the caller.
    """
    guard._require(msg.sender == self.pending_owner, guard.OWNER)
    previous_owner: address = self.owner
    self.owner = msg.sender
    self.pending_owner = empty(address)
    log OwnershipTransferred(previous_owner=previous_owner, new_owner=msg.sender)


@internal
@view
def _check_owner():
    guard._require(msg.sender == self.owner, guard.OWNER)
