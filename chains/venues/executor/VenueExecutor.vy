# pragma version 0.4.3
"""
@title Liquidations in one transaction
@license Apache-2.0
@notice Repays somebody's debt at a lending protocol and takes the collateral for it: with the owner's own tokens, or
        with tokens that a Uniswap v3 pool gives first and is paid for out of the seized collateral. What is left goes
        to the owner. Reverts if that is less than asked for. Between two calls it holds nothing and allows nothing.
"""

from ethereum.ercs import IERC20

interface SwapPool:
    def swap(
        recipient: address, zero_for_one: bool, amount: int256, sqrt_price_limit: uint160, data: Bytes[1408]
    ) -> (int256, int256): nonpayable

event Executed:
    venue: indexed(address)
    debt_asset: indexed(address)
    collateral_asset: indexed(address)
    repaid: uint256
    kept: uint256

struct Job:
    venue: address
    debt_asset: address
    collateral_asset: address
    repay: uint256

MAX_CALL: constant(uint256) = 1024
# The pool's own bounds: what the swap may cost is bounded by what must be left, not by its last price.
LOWEST_SQRT_PRICE: constant(uint160) = 4295128740
HIGHEST_SQRT_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970341

owner: public(immutable(address))
# The pool that may call back, only within the transaction that called it.
swapping: transient(address)


@deploy
def __init__(owner_: address):
    owner = owner_


@external
@nonreentrant
def execute(job: Job, call: Bytes[MAX_CALL], pool: address, least_kept: uint256, deadline: uint256) -> uint256:
    """
    @notice Liquidate by `call` and send what is left to the owner.
    @param job The venue that is called, both assets, and how much of the debt's is needed at most.
    @param call Calldata for the venue.
    @param pool The pool of both assets that pays first, or zero to take the debt's asset from the owner.
    @param least_kept Collateral that must be left, raw units.
    @param deadline Unix seconds after which it is too late.
    @return Collateral that was left.
    """
    assert msg.sender == owner, "owner"
    assert block.timestamp <= deadline, "deadline"
    before: uint256 = staticcall IERC20(job.collateral_asset).balanceOf(self)
    idle: uint256 = staticcall IERC20(job.debt_asset).balanceOf(self)
    if pool == empty(address):
        assert extcall IERC20(job.debt_asset).transferFrom(owner, self, job.repay, default_return_value=True), "funds"
        if job.collateral_asset == job.debt_asset:
            before += job.repay
        self._liquidate(job, call)
    else:
        assert job.collateral_asset != job.debt_asset, "pool"
        self.swapping = pool
        sells_first: bool = convert(job.collateral_asset, uint160) < convert(job.debt_asset, uint160)
        limit: uint160 = LOWEST_SQRT_PRICE if sells_first else HIGHEST_SQRT_PRICE
        extcall SwapPool(pool).swap(
            self, sells_first, -convert(job.repay, int256), limit, abi_encode(job, call)
        )
        self.swapping = empty(address)
    collateral: uint256 = staticcall IERC20(job.collateral_asset).balanceOf(self)
    assert collateral >= before + least_kept, "profit"
    kept: uint256 = collateral - before
    left: uint256 = staticcall IERC20(job.debt_asset).balanceOf(self)
    self._send(job.collateral_asset, collateral)
    if job.collateral_asset != job.debt_asset:
        self._send(job.debt_asset, left)
    repaid: uint256 = job.repay
    if job.collateral_asset != job.debt_asset:
        repaid = idle + job.repay - left
    log Executed(
        venue=job.venue,
        debt_asset=job.debt_asset,
        collateral_asset=job.collateral_asset,
        repaid=repaid,
        kept=kept,
    )
    return kept


@external
def uniswapV3SwapCallback(amount0: int256, amount1: int256, data: Bytes[1408]):
    """
    @notice The pool has paid: liquidate, then pay the pool.
    @param amount0 What the pool is owed of its first token, or negative what it paid.
    @param amount1 As `amount0`, of its second.
    @param data What was handed to the swap.
    """
    assert self.swapping != empty(address) and msg.sender == self.swapping, "pool"
    self.swapping = empty(address)
    job: Job = empty(Job)
    call: Bytes[MAX_CALL] = b""
    job, call = abi_decode(data, (Job, Bytes[MAX_CALL]))
    assert min(amount0, amount1) == -convert(job.repay, int256), "depth"
    self._liquidate(job, call)
    owed: uint256 = convert(max(amount0, amount1), uint256)
    assert staticcall IERC20(job.collateral_asset).balanceOf(self) >= owed, "profit"
    assert extcall IERC20(job.collateral_asset).transfer(msg.sender, owed, default_return_value=True), "transfer"


@internal
def _liquidate(job: Job, call: Bytes[MAX_CALL]):
    """
    @dev The allowance ends with the call: what the venue did not take it can not take later.
    """
    assert extcall IERC20(job.debt_asset).approve(job.venue, job.repay, default_return_value=True), "approve"
    raw_call(job.venue, call)
    assert extcall IERC20(job.debt_asset).approve(job.venue, 0, default_return_value=True), "approve"


@internal
def _send(token: address, amount: uint256):
    if amount > 0:
        assert extcall IERC20(token).transfer(owner, amount, default_return_value=True), "transfer"
