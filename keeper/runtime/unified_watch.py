"""Accounts with legs at venues, over all their legs: states, notices and shown figures. A view that decides nothing.

Rows of floats find whom a change of prices may put in another state; only they, and those who changed, are evaluated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from config.units import format_wad
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.columns import Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import CALLED, next_state
from keeper.runtime.venue_sight import VenueSight
from keeper.state.entries import Entry, NoticeSent
from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.unified_entries import UnifiedChanged, UnifiedGone, UnifiedSeen
from keeper.venues.unified import VenueFigure, aged, is_gone, unified_account
from keeper.venues.view import VenueAccount
from keeper.watch.evidence import Evidence

LOOK_EVERY_S = 0.5
"""A figure that nothing is done by need not be made for every price; what came meanwhile is one change."""
PART = 50
REFRESHED = 25

log = structlog.get_logger()


class UnifiedWatch:
    """Keeps the picture of every account with a leg at a venue. `run` is a supervisor's child.

    `states` are the last known, by account: a restart tells nothing twice.
    """

    def __init__(
        self,
        policy: RiskPolicy,
        evidence: Evidence,
        state_log: StateLog,
        now_ms: Callable[[], int],
        states: Mapping[str, AccountState],
    ) -> None:
        self._policy = policy
        self._evidence = evidence
        self._log = state_log
        self._now_ms = now_ms
        self._columns = Columns(policy)
        self._critical = CriticalPrices(self._columns)
        self._states = dict(states)
        self._known = {each: state for each, state in states.items() if state is not AccountState.UNKNOWN}
        self._at: dict[str, dict[tuple[str, str, str], VenueAccount]] = {}
        self._hubs: dict[str, Account | None] = {}
        self._sights: dict[tuple[str, str], int] = {}
        self._changed: set[str] = set()
        self._shown: dict[str, None] = {}

    async def look(self, sight: VenueSight) -> None:
        """Take note of how far a venue was read."""
        self._sights[sight.chain, sight.venue] = sight.head.timestamp

    def take(self, account: VenueAccount) -> None:
        """Take an account at a venue as it now stands."""
        key = (account.chain, account.venue, account.borrower.market)
        its = self._at.setdefault(account.account_id, {})
        if is_gone(account):
            its.pop(key, None)
        else:
            its[key] = account
        self._changed.add(account.account_id)

    async def run(self) -> None:
        """Evaluate what changed, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._evidence.ready:
                continue
            try:
                await self.evaluate()
            except LogUnavailable as error:
                log.error("unified_view_waits_for_the_log", error=str(error))

    async def evaluate(self) -> None:
        """Evaluate once. Raises `LogUnavailable`; what was not recorded is then told again."""
        changed = self._take_changed()
        cut = self._cut()
        wanted = dict.fromkeys([*self._critical.candidates(self._evidence.prices.prices, cut), *changed])
        refreshed = [each for each in self._shown if each not in wanted][:REFRESHED]
        todo = [each for each in (*wanted, *refreshed) if self._at.get(each)]
        try:
            for start in range(0, len(todo), PART):
                await self._part(todo[start : start + PART])
                await asyncio.sleep(0)
        except LogUnavailable:
            self._changed |= set(changed)
            raise

    def _take_changed(self) -> list[str]:
        """Bring the columns up to date with the venues and with the book."""
        for account_id in self._at:
            hub = self._evidence.book.account(account_id)
            if hub != self._hubs.get(account_id):
                self._hubs[account_id] = hub
                self._changed.add(account_id)
        changed, self._changed = sorted(self._changed), set()
        for account_id in changed:
            if self._at.get(account_id):
                self._columns.update([self._account(account_id)])
            else:
                self._forget(account_id)
        return changed

    def _forget(self, account_id: str) -> None:
        self._at.pop(account_id, None)
        self._hubs.pop(account_id, None)
        self._columns.remove(account_id)
        self._states.pop(account_id, None)
        self._known.pop(account_id, None)
        self._shown.pop(account_id, None)
        self._log.observe(UnifiedGone(account_id))

    def _account(self, account_id: str) -> Account:
        return unified_account(self._hubs.get(account_id), list(self._at[account_id].values()))

    def _cut(self) -> tuple[CutPoint, ...]:
        oldest: dict[str, int] = {}
        for (chain, _), at_s in self._sights.items():
            oldest[chain] = min(at_s, oldest.get(chain, at_s))
        return aged(self._evidence.cut(self._now_ms()), oldest)

    async def _part(self, wanted: Sequence[str]) -> None:
        cut = self._cut()
        entries: list[Entry] = []
        states: dict[str, AccountState] = {}
        prices = self._evidence.prices
        for account_id in wanted:
            account = self._account(account_id)
            health = evaluate(account, prices.prices, cut, self._policy, price_set=prices.id)
            previous = self._states.get(account_id)
            state = states[account_id] = next_state(previous, health, self._policy)
            self._critical.certify(account, state, health, prices.prices)
            venues = tuple(VenueFigure.of(each) for _, each in sorted(self._at[account_id].items()))
            self._log.observe(UnifiedSeen(account.owner, state, health, venues))
            if state is not previous and not (previous is None and state is AccountState.HEALTHY):
                entries.append(UnifiedChanged(account.owner, previous, state, health, venues))
                entries += self._notice(self._known.get(account_id), state, health)
        if entries:
            await self._log.write(*entries)
        for account_id, state in states.items():
            self._states[account_id] = state
            if state is not AccountState.UNKNOWN:
                self._known[account_id] = state
            self._columns.note_state(account_id, state)
            self._shown.pop(account_id, None)
            self._shown[account_id] = None

    @staticmethod
    def _notice(
        previous: AccountState | None, state: AccountState, health: UnifiedHealth
    ) -> list[NoticeSent]:
        """Return the margin-call notice that a change calls for. Unknown says nothing."""
        kind = notice_kind(previous, state)
        if not kind:
            return []
        low = None if health.health is None else health.health.low
        shown = "no requirement" if low is None else f"health {format_wad(low)} at the low end"
        detail = (
            f"over all legs, those at venues included: {state}, {shown}; "
            f"surplus {format_wad(health.surplus.low, 2)} USD"
        )
        return [NoticeSent(health.account_id, kind, low, health.surplus.low, detail)]


_SEVERITY = (
    AccountState.HEALTHY,
    AccountState.MARGIN_CALL,
    AccountState.AT_RISK,
    AccountState.LIQUIDATABLE,
    AccountState.BANKRUPT,
)


def notice_kind(previous: AccountState | None, state: AccountState) -> str:
    """Return what a change from the last known state is to the owner, "" if nothing."""
    if state is AccountState.UNKNOWN:
        return ""
    before = previous if previous in CALLED else AccountState.HEALTHY
    if state is AccountState.HEALTHY:
        return "cleared" if before in CALLED else ""
    if before is AccountState.HEALTHY:
        return "called"
    return "worsened" if _SEVERITY.index(state) > _SEVERITY.index(before) else ""
