"""One picture of an account with legs at venues: its health by our own formula over all of them. Pure.

A view: it ranks, warns and answers what-if questions. What may be done at a hub is decided by the hub's legs, what at a
venue by the venue's own figure; neither ever sees this.

A venue's account becomes legs of its chain. Only what backs its debts counts as collateral; a debt beyond the first
has a leg of its own, so that an account may owe several assets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeper.domain.account import Account, Collateral, CutPoint, Debt, Leg
from keeper.venues.view import VenueAccount


@dataclass(frozen=True, slots=True)
class VenueFigure:
    """A venue's own figure of an account: this alone decides what can be sent there."""

    chain: str
    venue: str
    market: str
    health_wad: int | None
    obstacle: str

    @staticmethod
    def of(account: VenueAccount) -> VenueFigure:
        """Return the figure of an account at a venue."""
        health = account.health
        return VenueFigure(
            account.chain,
            account.venue,
            account.borrower.market,
            health.health_wad,
            "" if health.obstacle is None else str(health.obstacle),
        )


def unified_account(hub: Account | None, at_venues: Sequence[VenueAccount]) -> Account:
    """Return an account with all its legs. `at_venues` has one at least, all of the account's.

    What its hub legs may still come to by a reorganisation is left to the hub's own figures.
    """
    first = at_venues[0]
    legs = [] if hub is None else [leg for leg in hub.legs if not leg.is_empty]
    for account in sorted(at_venues, key=lambda each: (each.chain, each.venue, each.borrower)):
        legs += legs_of(account)
    legs.sort(key=lambda leg: leg.chain)
    if hub is not None:
        return replace(hub, legs=tuple(legs), unfinal=())
    return Account(first.account_id, first.borrower.account, 0, tuple(legs))


def legs_of(account: VenueAccount) -> list[Leg]:
    """Return an account at a venue as legs: the first holds its collateral."""
    held = [each for each in account.holdings if each.supplied or each.borrowed]
    strange = tuple(
        f"nothing says what {each.token} at {account.venue} on {account.chain} stands for"
        for each in held
        if not each.asset
    )
    known = [each for each in held if each.asset]
    collateral = tuple(
        Collateral(each.token, each.asset, each.decimals, each.supplied)
        for each in known
        if each.is_collateral and each.supplied
    )
    debts = [Debt(each.asset, each.decimals, each.borrowed) for each in known if each.borrowed]
    legs = [_leg(account.chain, collateral, debts[0] if debts else None, strange)]
    legs += [_leg(account.chain, (), debt) for debt in debts[1:]]
    return [leg for leg in legs if not leg.is_empty]


def _leg(
    chain: str, collateral: tuple[Collateral, ...], debt: Debt | None, unreadable: tuple[str, ...] = ()
) -> Leg:
    return Leg(
        chain, 0, cross_margin=True, collateral=collateral, debt=debt, positions=(), unreadable=unreadable
    )


def is_gone(account: VenueAccount) -> bool:
    """Whether nothing is held or owed there any more."""
    return not any(each.supplied or each.borrowed for each in account.holdings)


def aged(cut: Sequence[CutPoint], seen_at_s: Mapping[str, int]) -> tuple[CutPoint, ...]:
    """Return a cut as old as the oldest of what was seen: `seen_at_s` has the time of each chain's venues' last sight."""
    found = []
    for point in cut:
        behind_s = max(0, point.timestamp - seen_at_s.get(point.chain, point.timestamp))
        found.append(replace(point, age_ms=point.age_ms + 1_000 * behind_s))
    return tuple(found)
