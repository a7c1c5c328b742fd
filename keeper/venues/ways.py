"""The ways to pay for a liquidation: with the signer's own tokens, or with those that a pool gives first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chains.venues.executor.codec import NO_POOL, Execution
from chains.venues.venue import ALL, Blocked, Borrower, Liquidation, Venue, VenueCall
from config.units import mul_div_down, mul_div_up
from keeper.venues.inputs import Means


@dataclass(frozen=True, slots=True)
class Way:
    """One way. `room` is the most of the debt's token that it may take until its deadline."""

    pool: str
    liquidation: Liquidation
    room: int

    def execution(self, call: VenueCall, least_kept: int, deadline_s: int) -> Execution:
        """Return it as the executor takes it."""
        return Execution(self.liquidation, call, self.room, self.pool, least_kept, deadline_s)


def ways(
    venue: Venue[Any], state: object, borrower: Borrower, means: Means, at_s: int, deadline_s: int
) -> Iterator[Way]:
    """Yield each way there is. Inventory may pay for a part; a pool pays for all or nothing."""
    yield from _own(venue, state, borrower, means, at_s, deadline_s)
    swapped = {token: ALL for pool in means.pools for token in (pool.base_token, pool.quote_token)}
    found = venue.best(state, borrower, at_s, limits=swapped)
    if isinstance(found, Blocked):
        return
    room = _room(venue, state, found, at_s, deadline_s)
    for pool in means.pools:
        if pool.trades(found.debt_asset, found.collateral_asset):
            yield _way(pool.address, found, room)


def _own(
    venue: Venue[Any], state: object, borrower: Borrower, means: Means, at_s: int, deadline_s: int
) -> Iterator[Way]:
    found = venue.best(state, borrower, at_s, limits=means.inventory)
    if isinstance(found, Blocked):
        return
    most = means.inventory[found.debt_asset]
    if _room(venue, state, found, at_s, deadline_s) > most:
        # Not all of it is for now: by the deadline the same part of the debt costs more.
        now, later = (_owed(venue, state, found, second) for second in (at_s, deadline_s))
        less = {found.debt_asset: mul_div_down(most, now, max(later, 1))}
        found = venue.best(state, borrower, at_s, limits=less)
    if isinstance(found, Liquidation):
        yield _way(NO_POOL, found, min(most, _room(venue, state, found, at_s, deadline_s)))


def _way(pool: str, found: Liquidation, room: int) -> Way:
    """Return a way. "All of it" is bounded by its room: the allowance of the executor is no more than that.

    Until the deadline an account may sink to where twice as much may be repaid; that is not what was weighed.
    """
    return Way(pool, replace(found, repay_argument=room) if found.repay_argument == ALL else found, room)


def _room(venue: Venue[Any], state: object, found: Liquidation, at_s: int, deadline_s: int) -> int:
    """Return what it may take of the debt's token if it is mined as late as may be: interest runs until then."""
    now, later = (_owed(venue, state, found, second) for second in (at_s, deadline_s))
    return max(found.repay, mul_div_up(found.repay, later, max(now, 1)))


def _owed(venue: Venue[Any], state: object, found: Liquidation, second: int) -> int:
    return sum(
        each.borrowed
        for each in venue.positions(state, found.borrower, second)
        if each.asset == found.debt_asset
    )
