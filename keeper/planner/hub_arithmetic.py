"""The margin hub's arithmetic, to the last unit and with its roundings.

Named and rounded as in the contract, so that the two can be read side by side: what the
hub gives is rounded down, what it is owed up.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.units import BPS, WAD, mul_div_down, mul_div_up
from keeper.domain.account import Leg
from keeper.planner.facts import TokenFacts
from keeper.planner.ground import balance_of, debt_of, with_balance, with_debt


@dataclass(frozen=True, slots=True)
class Settlement:
    """A leg and its pool's cash after gains, losses and a penalty were booked; `penalty` is what was taken, raw."""

    leg: Leg
    pool_cash: int
    penalty: int


def value_down(amount: int, token: TokenFacts, price_wad: int) -> int:
    """Return what a raw amount is worth, USD wad."""
    return mul_div_down(amount, price_wad, 10**token.decimals)


def value_up(amount: int, token: TokenFacts, price_wad: int) -> int:
    """Return what a raw amount is worth, USD wad, rounded up."""
    return mul_div_up(amount, price_wad, 10**token.decimals)


def amount_down(value_wad: int, token: TokenFacts, price_wad: int) -> int:
    """Return the raw amount that is worth `value_wad`."""
    return mul_div_down(value_wad, 10**token.decimals, price_wad)


def amount_up(value_wad: int, token: TokenFacts, price_wad: int) -> int:
    """Return the raw amount that is worth at least `value_wad`."""
    return mul_div_up(value_wad, 10**token.decimals, price_wad)


def with_penalty(value_wad: int, penalty_bps: int) -> int:
    """Return what is taken for a value."""
    return mul_div_down(value_wad, BPS + penalty_bps, BPS)


def without_penalty(value_wad: int, penalty_bps: int) -> int:
    """Return what must be repaid for a value taken."""
    return mul_div_up(value_wad, BPS, BPS + penalty_bps)


def profit_and_loss(size_wad: int, entry_price_wad: int, price_wad: int) -> tuple[int, int]:
    """Return (gain, loss) of closing a signed size, USD wad, one of them zero."""
    moved = abs(price_wad - entry_price_wad)
    if (size_wad > 0) == (price_wad >= entry_price_wad):
        return mul_div_down(abs(size_wad), moved, WAD), 0
    return 0, mul_div_up(abs(size_wad), moved, WAD)


def realise(
    leg: Leg,
    stable: TokenFacts,
    stable_price_wad: int,
    pool_cash: int,
    *,
    result: tuple[int, int],
    penalty_wad: int = 0,
) -> Settlement | None:
    """Book a (gain, loss) and a penalty, USD wad, in the leg's stable; None where the pool can not pay the gain."""
    return settle(
        leg,
        stable,
        pool_cash,
        gain=amount_down(result[0], stable, stable_price_wad),
        loss=amount_up(result[1], stable, stable_price_wad),
        penalty=amount_down(penalty_wad, stable, stable_price_wad),
    )


def settle(
    leg: Leg, stable: TokenFacts, pool_cash: int, *, gain: int, loss: int, penalty: int
) -> Settlement | None:
    """Book raw stable between a leg and the pool; None where the pool can not pay the gain.

    A gain pays debt first and then becomes collateral; a loss takes collateral first and then becomes
    debt; so does the penalty, but only as far as the pool can lend it.
    """
    held, debt, cash = balance_of(leg, stable), debt_of(leg), pool_cash
    repaid = min(gain, debt)
    debt -= repaid
    if gain - repaid > cash:
        return None
    cash -= gain - repaid
    held += gain - repaid
    taken = min(loss, held)
    held -= taken
    cash += taken
    debt += loss - taken
    taken = min(penalty, held)
    lent = min(penalty - taken, cash)
    held -= taken
    cash -= lent
    debt += lent
    return Settlement(with_debt(with_balance(leg, stable, held), stable, debt), cash, taken + lent)
