"""How accounts at venues stand, told to the log: who was touched, whose state changed, and whose health moved."""

from __future__ import annotations

from collections.abc import Callable

from chains.venues.venue import Borrower, VenueHealth
from config.settings import Settings
from config.units import BPS, WAD
from keeper.runtime.venue_inputs import tokens_of
from keeper.runtime.venue_sight import VenueSight
from keeper.state.log import StateLog
from keeper.state.venue_entries import VenueAccountSeen
from keeper.venues.identity import account_of
from keeper.venues.kinds import KINDS
from keeper.venues.view import Holding, VenueAccount

MOVED_BPS = 50
"""A health that moved by less than this since it was last told is as good as told."""
TOLD_PER_LOOK = 250
"""The others are told with the next heads: thousands of rows at once are of use to nobody."""


class VenueShown:
    """Tells the log of one chain's accounts at venues, and `told`. Decides nothing."""

    def __init__(
        self, settings: Settings, chain: str, state_log: StateLog, told: Callable[[VenueAccount], None]
    ) -> None:
        self._tokens = tokens_of(settings, chain)
        self._log = state_log
        self._tell = told
        self._told: dict[tuple[str, Borrower], VenueHealth] = {}
        self._waiting: dict[tuple[str, Borrower], None] = {}

    async def look(self, sight: VenueSight) -> None:
        """Tell what is new; the worst first."""
        for borrower in sight.touched:
            self._waiting[sight.venue, borrower] = None
        for borrower, health in sight.healths.items():
            told = self._told.get((sight.venue, borrower))
            if told is None or _differs(told, health):
                self._waiting[sight.venue, borrower] = None
        own = [borrower for venue, borrower in self._waiting if venue == sight.venue]
        own.sort(key=lambda each: _rank(sight.healths.get(each)))
        for borrower in own[:TOLD_PER_LOOK]:
            account = self._account(sight, borrower)
            self._told[sight.venue, borrower] = account.health
            del self._waiting[sight.venue, borrower]
            self._log.observe(VenueAccountSeen(account))
            self._tell(account)

    def _account(self, sight: VenueSight, borrower: Borrower) -> VenueAccount:
        arithmetic = KINDS[sight.kind].arithmetic
        holdings = [
            Holding(
                position.asset,
                token.asset if token is not None else "",
                token.decimals if token is not None else 0,
                position.supplied,
                position.borrowed,
                position.is_collateral,
            )
            for position in arithmetic.positions(sight.state, borrower, sight.at_s)
            for token in (self._tokens.get(position.asset),)
        ]
        return VenueAccount(
            sight.chain,
            sight.venue,
            account_of(borrower),
            borrower,
            arithmetic.health(sight.state, borrower, sight.at_s),
            tuple(holdings),
            sight.head.number,
            sight.head.timestamp,
        )


def _differs(told: VenueHealth, now: VenueHealth) -> bool:
    before_wad, now_wad = told.health_wad, now.health_wad
    if before_wad is None or now_wad is None:
        return told.obstacle is not now.obstacle or before_wad is not now_wad
    if (before_wad < WAD) is not (now_wad < WAD):
        return True
    return abs(before_wad - now_wad) * BPS > before_wad * MOVED_BPS


def _rank(health: VenueHealth | None) -> int:
    """Return where in the queue: those who can not be told first, then the least healthy."""
    if health is None:
        return 2**256
    return -1 if health.health_wad is None else health.health_wad
