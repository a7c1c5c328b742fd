# pragma version 0.4.3
"""
@title The hub's side of the option desk
@license Apache-2.0
@notice Options are kept by a contract beside the hub, which bounds their prices by its feeds. Money, versions and
    what a quorum signed stay here.
"""

import guard
import ledger
import ownership

uses: ledger
uses: ownership

struct Quote:
    held: int256
    price: uint256
    underlying: uint256
    penalty: uint256

interface Desk:
    def hub() -> address: view
    def series_count(account: bytes32) -> uint256: view
    def quote(
        account: bytes32,
        item: uint256,
        attested_price: uint256,
        attested_underlying: uint256,
        size_delta: int256,
    ) -> Quote: view
    def change(account: bytes32, item: uint256, size_delta: int256, version: uint256): nonpayable

event OptionDeskSet:
    desk: address

option_desk: public(address)


@external
def set_option_desk(option_desk: address):
    """
    @notice Name the desk, once and for good: what is held there would be lost with it.
    @param option_desk The contract.
    """
    ownership._check_owner()
    guard._require(
        self.option_desk == empty(address) and staticcall Desk(option_desk).hub() == self, guard.DESK
    )
    self.option_desk = option_desk
    log OptionDeskSet(desk=option_desk)


@external
@nonreentrant
def settle_option(account: bytes32, held: int256, price: uint256) -> uint256:
    """
    @notice Book what options came to at their expiry. Only for the desk. The version stays: it comes when it is due
        and adds no risk, so that it must not void an attestation.
    @param account Whose.
    @param held Wad of contracts, negative if short.
    @param price What each came to, USD wad.
    @return The account's version.
    """
    guard._require(msg.sender == self.option_desk, guard.DESK)
    ledger._realise(account, held, 0, price, 0)
    return ledger.accounts[account].version


@internal
@view
def _quote(account: bytes32, item: uint256, price: uint256, underlying: uint256, size_delta: int256) -> Quote:
    """
    @dev What the account holds of the series with number `item` and what a trade (or with 0 a liquidation) goes at. The desk
        reverts for prices beyond its bounds, and after expiry.
    """
    guard._require(self.option_desk != empty(address), guard.DESK)
    return staticcall Desk(self.option_desk).quote(
        account, item, price, underlying, size_delta
    )


@internal
def _change(account: bytes32, item: uint256, size_delta: int256):
    extcall Desk(self.option_desk).change(
        account, item, size_delta, ledger.accounts[account].version
    )


@internal
@view
def _check_no_options(account: bytes32):
    if self.option_desk != empty(address):
        guard._require(staticcall Desk(self.option_desk).series_count(account) == 0, guard.OPTIONS)
