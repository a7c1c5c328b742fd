"""What can be liquidated of an account on Aave v3.0.2, pair by pair, and the pair that gains most.

Source: LiquidationLogic (`_calculateDebt`, `_calculateAvailableCollateralToLiquidate`) and
ValidationLogic.validateLiquidationCall. A frozen reserve does not stop a liquidation, a paused one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.venues.aave_v3.configuration import is_using_as_collateral
from chains.venues.aave_v3.health import NO_BALANCE, PriceMissing, account_data, used_reserves
from chains.venues.aave_v3.rounding import WAD, percent_div_half_up, percent_mul_half_up
from chains.venues.aave_v3.state import Account, EMode, PoolState, Reserve
from chains.venues.venue import ALL, Blocked, Borrower, Liquidation, Obstacle

FULL_CLOSE_BELOW = 95 * WAD // 100
"""Down to this health factor half of a debt can be repaid at once, below or at it all. A sentinel that
does not allow liquidations bounds only accounts at or above it."""
CLOSE_FACTOR_BPS = 5_000
FULL_CLOSE_FACTOR_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What one call moves, raw units: `seize` reaches the liquidator, `fee` the treasury."""

    repay: int
    seize: int
    fee: int


def most_debt(owed: int, health_factor: int) -> int:
    """Return how much of a debt one call may repay."""
    share = CLOSE_FACTOR_BPS if health_factor > FULL_CLOSE_BELOW else FULL_CLOSE_FACTOR_BPS
    return percent_mul_half_up(owed, share)


def amounts(
    collateral: Reserve, debt: Reserve, emode: EMode | None, repay: int, balance: int
) -> Amounts | None:
    """Return what repaying `repay` of the debt moves, if the account has `balance` of the collateral.

    None if one of the two has no price. If the collateral does not cover the repayment and its
    bonus, all of it goes and less is repaid.
    """
    collateral_price, debt_price = _prices(collateral, debt, emode)
    if not collateral_price or not debt_price:
        return None
    bonus_bps = _bonus_bps(collateral, emode)
    base = debt_price * repay * collateral.unit // (collateral_price * debt.unit)
    taken = percent_mul_half_up(base, bonus_bps)
    if taken > balance:
        taken = balance
        worth = collateral_price * balance * debt.unit // (debt_price * collateral.unit)
        repay = percent_div_half_up(worth, bonus_bps)
    fee_bps = collateral.configuration.protocol_fee_bps
    fee = percent_mul_half_up(taken - percent_div_half_up(taken, bonus_bps), fee_bps) if fee_bps else 0
    return Amounts(repay, taken - fee, fee)


def best_liquidation(
    state: PoolState, borrower: Borrower, now_s: int, limits: Mapping[str, int] | None = None
) -> Liquidation | Blocked:
    """Return the pair and amount that gain most, or what is in the way."""
    account = state.accounts.get(borrower.account)
    if account is None:
        return Blocked(Obstacle.UNKNOWN_ACCOUNT)
    data = account_data(state, account, now_s)
    if isinstance(data, PriceMissing):
        return Blocked(Obstacle.PRICE_UNKNOWN, data.asset)
    if data.debt == 0:
        return Blocked(Obstacle.NO_DEBT)
    if data.health_factor >= WAD:
        return Blocked(Obstacle.HEALTHY)
    if state.sentinel_allows is False and data.health_factor >= FULL_CLOSE_BELOW:
        return Blocked(Obstacle.SENTINEL)
    best: Liquidation | None = None
    blocked: list[Blocked] = []
    reserves = tuple(used_reserves(state, account))
    for debt in reserves:
        owed = account.balances.get(debt.reserve_id, NO_BALANCE).owed(debt, now_s)
        cap = most_debt(owed, data.health_factor)
        limit = None if limits is None else limits.get(debt.asset, 0)
        for collateral in reserves:
            found = _pair(_Pair(state, borrower, account, collateral, debt), cap, limit, now_s)
            if isinstance(found, Blocked):
                blocked.append(found)
            elif best is None or found.gain_value > best.gain_value:
                best = found
    if best is not None:
        return best
    return max(blocked, key=lambda each: _SAYS_MORE.index(each.obstacle), default=_NO_COLLATERAL)


_NO_COLLATERAL = Blocked(Obstacle.NO_COLLATERAL)
_SAYS_MORE = (
    *(Obstacle.NO_DEBT, Obstacle.NOT_COLLATERAL, Obstacle.NO_COLLATERAL, Obstacle.NOTHING_TO_GAIN),
    *(Obstacle.ILLIQUID, Obstacle.PRICE_UNKNOWN, Obstacle.INACTIVE, Obstacle.PAUSED),
)
"""Of several reasons for several pairs the last in this order is told."""


@dataclass(frozen=True, slots=True)
class _Pair:
    state: PoolState
    borrower: Borrower
    account: Account
    collateral: Reserve
    debt: Reserve


def _pair(pair: _Pair, cap: int, limit: int | None, now_s: int) -> Liquidation | Blocked:
    gate = pair_gate(pair.account, pair.collateral, pair.debt)
    if gate is not None:
        return gate
    if cap == 0:
        return Blocked(Obstacle.NO_DEBT, pair.debt.asset)
    held = pair.account.balances.get(pair.collateral.reserve_id, NO_BALANCE).supplied(pair.collateral, now_s)
    if held == 0:
        return Blocked(Obstacle.NO_COLLATERAL, pair.collateral.asset)
    emode = pair.state.emodes.get(pair.account.emode_category)
    asked = cap if limit is None else min(cap, limit)
    moved = amounts(pair.collateral, pair.debt, emode, asked, held)
    if moved is None:
        return Blocked(Obstacle.PRICE_UNKNOWN, pair.debt.asset)
    if moved.repay == 0 or moved.seize == 0:
        return Blocked(Obstacle.NOTHING_TO_GAIN, pair.debt.asset)
    if moved.seize > pair.collateral.available:
        return Blocked(Obstacle.ILLIQUID, pair.collateral.asset)
    collateral_price, debt_price = _prices(pair.collateral, pair.debt, emode)
    gain = moved.seize * (collateral_price or 0) // pair.collateral.unit
    gain -= -(-moved.repay * (debt_price or 0) // pair.debt.unit)
    return Liquidation(
        borrower=pair.borrower,
        debt_asset=pair.debt.asset,
        collateral_asset=pair.collateral.asset,
        repay=moved.repay,
        seize=moved.seize,
        gain_value=gain,
        repay_argument=ALL if limit is None or limit >= cap else limit,
        protocol_fee=moved.fee,
    )


def pair_gate(account: Account, collateral: Reserve, debt: Reserve) -> Blocked | None:
    """Return what forbids this pair, whatever the health, in the protocol's own order; None if nothing does."""
    for reserve in (collateral, debt):
        if not reserve.configuration.active:
            return Blocked(Obstacle.INACTIVE, reserve.asset)
    for reserve in (collateral, debt):
        if reserve.configuration.paused:
            return Blocked(Obstacle.PAUSED, reserve.asset)
    if reserve_is_no_collateral(account, collateral):
        return Blocked(Obstacle.NOT_COLLATERAL, collateral.asset)
    return None


def reserve_is_no_collateral(account: Account, collateral: Reserve) -> bool:
    """Return whether nothing of this reserve can be taken from the account."""
    enabled = is_using_as_collateral(account.configuration, collateral.reserve_id)
    return collateral.configuration.liquidation_threshold_bps == 0 or not enabled


def _prices(collateral: Reserve, debt: Reserve, emode: EMode | None) -> tuple[int | None, int | None]:
    """Return both prices as a liquidation takes them: a mode's own price stands for every debt."""
    if emode is None or not emode.has_source:
        return collateral.price, debt.price
    in_mode = collateral.configuration.emode_category == emode.category
    return emode.price if in_mode else collateral.price, emode.price


def _bonus_bps(collateral: Reserve, emode: EMode | None) -> int:
    if emode is not None and collateral.configuration.emode_category == emode.category:
        return emode.liquidation_bonus_bps
    return collateral.configuration.liquidation_bonus_bps
