# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize codesize
"""
@title Share vault
@license Apache-2.0
@notice An ERC-4626 vault that only holds its asset; `donate` raises what a share is worth. For local chains.
    One virtual share and one virtual unit keep the first depositor from being robbed by a donation.
@custom:kill It has no switch.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed
from ethereum.ercs import IERC4626

implements: IERC20
implements: IERC4626

event Donated:
    donor: indexed(address)
    assets: uint256

asset: public(immutable(address))
name: public(String[64])
symbol: public(String[32])
decimals: public(immutable(uint8))
totalSupply: public(uint256)
totalAssets: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(asset_: address, name: String[64], symbol: String[32]):
    """
    @notice An empty vault. Shares have the asset's decimals.
    @param asset_ The ERC-20 it holds.
    @param name The share's name.
    @param symbol The share's symbol.
    """
    asset = asset_
    decimals = staticcall IERC20Detailed(asset_).decimals()
    self.name = name
    self.symbol = symbol


@external
@nonreentrant
def donate(assets: uint256):
    """
    @notice Give assets to all holders: each share is worth more after.
    @param assets How many raw units, from the caller.
    """
    self.totalAssets += assets
    log Donated(donor=msg.sender, assets=assets)
    self._pull(assets)


@external
@nonreentrant
def deposit(assets: uint256, receiver: address=msg.sender) -> uint256:
    """
    @notice Put assets in.
    @param assets How many raw units, from the caller.
    @param receiver Who gets the shares.
    @return The shares, rounded down.
    """
    shares: uint256 = self._shares_down(assets)
    self._enter(assets, shares, receiver)
    return shares


@external
@nonreentrant
def mint(shares: uint256, receiver: address=msg.sender) -> uint256:
    """
    @notice Make exactly these shares.
    @param shares How many.
    @param receiver Who gets them.
    @return The assets taken from the caller, rounded up.
    """
    assets: uint256 = self._assets_up(shares)
    self._enter(assets, shares, receiver)
    return assets


@external
@nonreentrant
def withdraw(assets: uint256, receiver: address=msg.sender, owner: address=msg.sender) -> uint256:
    """
    @notice Take exactly these assets out.
    @param assets How many raw units.
    @param receiver Who gets them.
    @param owner Whose shares are burned; the caller needs an allowance.
    @return The shares burned, rounded up.
    """
    shares: uint256 = self._shares_up(assets)
    self._leave(assets, shares, receiver, owner)
    return shares


@external
@nonreentrant
def redeem(shares: uint256, receiver: address=msg.sender, owner: address=msg.sender) -> uint256:
    """
    @notice Burn exactly these shares.
    @param shares How many.
    @param receiver Who gets the assets.
    @param owner Whose shares; the caller needs an allowance.
    @return The assets, rounded down.
    """
    assets: uint256 = self._assets_down(shares)
    self._leave(assets, shares, receiver, owner)
    return assets


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move the caller's shares.
    @param receiver Who gets them.
    @param amount How many.
    """
    self._transfer(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move shares that the caller was allowed to.
    @param sender Whose shares.
    @param receiver Who gets them.
    @param amount How many.
    """
    self._spend(sender, amount)
    self._transfer(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another to move the caller's shares.
    @param spender Who may.
    @param amount How many.
    """
    self.allowance[msg.sender][spender] = amount
    log IERC20.Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice Shares for these assets, rounded down.
    @param assets Raw units.
    """
    return self._shares_down(assets)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice Assets for these shares, rounded down.
    @param shares How many.
    """
    return self._assets_down(shares)


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice Shares that a deposit would give.
    @param assets Raw units.
    """
    return self._shares_down(assets)


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice Assets that minting would take.
    @param shares How many.
    """
    return self._assets_up(shares)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice Shares that a withdrawal would burn.
    @param assets Raw units.
    """
    return self._shares_up(assets)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice Assets that redeeming would give.
    @param shares How many.
    """
    return self._assets_down(shares)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice No limit.
    @param receiver Anybody.
    """
    return max_value(uint256)


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice No limit.
    @param receiver Anybody.
    """
    return max_value(uint256)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice What the owner's shares are worth.
    @param owner Whose.
    """
    return self._assets_down(self.balanceOf[owner])


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice The owner's shares.
    @param owner Whose.
    """
    return self.balanceOf[owner]


@internal
@view
def _shares_down(assets: uint256) -> uint256:
    return assets * (self.totalSupply + 1) // (self.totalAssets + 1)


@internal
@view
def _shares_up(assets: uint256) -> uint256:
    return self._div_up(assets * (self.totalSupply + 1), self.totalAssets + 1)


@internal
@view
def _assets_down(shares: uint256) -> uint256:
    return shares * (self.totalAssets + 1) // (self.totalSupply + 1)


@internal
@view
def _assets_up(shares: uint256) -> uint256:
    return self._div_up(shares * (self.totalAssets + 1), self.totalSupply + 1)


@internal
@pure
def _div_up(numerator: uint256, denominator: uint256) -> uint256:
    return (numerator + denominator - 1) // denominator


@internal
def _enter(assets: uint256, shares: uint256, receiver: address):
    assert receiver not in [empty(address), self], "receiver"
    self.totalAssets += assets
    self.totalSupply += shares
    self.balanceOf[receiver] += shares
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=shares)
    log IERC4626.Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)
    self._pull(assets)


@internal
def _leave(assets: uint256, shares: uint256, receiver: address, owner: address):
    if msg.sender != owner:
        self._spend(owner, shares)
    assert self.balanceOf[owner] >= shares, "balance"
    self.balanceOf[owner] -= shares
    self.totalSupply -= shares
    self.totalAssets -= assets
    log IERC20.Transfer(sender=owner, receiver=empty(address), value=shares)
    log IERC4626.Withdraw(
        sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares
    )
    assert extcall IERC20(asset).transfer(receiver, assets, default_return_value=True), "transfer"


@internal
def _pull(assets: uint256):
    assert extcall IERC20(asset).transferFrom(
        msg.sender, self, assets, default_return_value=True
    ), "transfer"


@internal
def _spend(owner: address, amount: uint256):
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "allowance"
        self.allowance[owner][msg.sender] = allowed - amount


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    assert receiver not in [empty(address), self], "receiver"
    assert self.balanceOf[sender] >= amount, "balance"
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log IERC20.Transfer(sender=sender, receiver=receiver, value=amount)
