"""The ways to pay for a liquidation: with the signer's own tokens, or with those that a pool gives first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chains.venues.executor.codec import NO_POOL, Execution
from chains.venues.venue import ALL, Blocked, Borrower, Liquidation, Venue, VenueCall
from config.units import mul_div_up
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
    own = venue.best(state, borrower, at_s, limits=means.inventory)
    if isinstance(own, Liquidation):
        yield _roomy(venue, state, own, NO_POOL, at_s, deadline_s, means.inventory[own.debt_asset])
    swapped = {token: ALL for pool in means.pools for token in (pool.base_token, pool.quote_token)}
    flash = venue.best(state, borrower, at_s, limits=swapped)
    if isinstance(flash, Blocked):
        return
    for pool in means.pools:
        if pool.trades(flash.debt_asset, flash.collateral_asset):
            yield _roomy(venue, state, flash, pool.address, at_s, deadline_s, ALL)


def _roomy(
    venue: Venue[Any],
    state: object,
    found: Liquidation,
    pool: str,
    at_s: int,
    deadline_s: int,
    most: int,
) -> Way:
    """Leave room for the interest until the deadline. "All of it" is bounded by it: a debt may be opened to more.

    Between now and then an account may sink to where twice as much may be repaid; that is not what was weighed.
    """
    now, later = (_owed(venue, state, found, second) for second in (at_s, deadline_s))
    room = min(most, max(found.repay, mul_div_up(found.repay, later, max(now, 1))))
    if found.repay_argument == ALL:
        found = replace(found, repay_argument=room)
    return Way(pool, found, room)


def _owed(venue: Venue[Any], state: object, found: Liquidation, second: int) -> int:
    return sum(
        each.borrowed
        for each in venue.positions(state, found.borrower, second)
        if each.asset == found.debt_asset
    )
