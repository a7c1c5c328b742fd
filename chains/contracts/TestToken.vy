# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Test token
@license Apache-2.0
@notice An ERC-20 that its owner mints. For local chains.
@custom:kill It has no switch.
"""

from ethereum.ercs import IERC20

implements: IERC20

owner: public(immutable(address))
name: public(String[64])
symbol: public(String[32])
decimals: public(immutable(uint8))
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(name: String[64], symbol: String[32], decimals_: uint8):
    """
    @notice The deployer becomes owner. Nothing is minted.
    @param name Its name.
    @param symbol Its symbol.
    @param decimals_ Its decimals.
    """
    owner = msg.sender
    self.name = name
    self.symbol = symbol
    decimals = decimals_


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Make new tokens.
    @param receiver Who gets them.
    @param amount How many raw units.
    """
    assert msg.sender == owner, "owner"
    self.totalSupply += amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move the caller's tokens.
    @param receiver Who gets them.
    @param amount How many raw units.
    """
    self._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move tokens that the caller was allowed to. An allowance of 2**256 - 1 is not used up.
    @param sender Whose tokens.
    @param receiver Who gets them.
    @param amount How many raw units.
    """
    allowed: uint256 = self.allowance[sender][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "allowance"
        self.allowance[sender][msg.sender] = allowed - amount
    self._transfer(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another to move the caller's tokens.
    @param spender Who may.
    @param amount How many raw units.
    """
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    assert receiver not in [empty(address), self], "receiver"
    assert self.balanceOf[sender] >= amount, "balance"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=sender, receiver=receiver, value=amount)
