"""The evaluation loop: something changed, so look once, decide exactly, write it down, hand plans on.

Nothing here runs because a timer rang. All that is pending when the loop comes round is one
change and gets one evaluation: the scan over all accounts costs the same for one price and
for ten, and after an outage of any length there is one evaluation and not one per block missed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import structlog

from config.settings import Settings
from keeper.domain.account import Account, CutPoint
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState
from keeper.margin.columns import Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import ACTIONABLE
from keeper.planner.decide import Assessment
from keeper.runtime.alerts import Alerts
from keeper.runtime.mispriced import Mispriced
from keeper.runtime.noted_states import NotedStates
from keeper.runtime.notices import Notices
from keeper.runtime.patience import Patience
from keeper.runtime.planning import Planning
from keeper.runtime.pursuit import Pursuit
from keeper.state.entries import ClaimMoved, DecisionMade, Entry
from keeper.state.errors import LogUnavailable
from keeper.state.live import read_open_claims
from keeper.state.log import StateLog
from keeper.state.observations import HealthSeen, LegsSeen
from keeper.watch.changes import Change, ChangeKind
from keeper.watch.evidence import Evidence
from keeper.watch.standoffs import Standoffs
from oracles.guards.guards import Guards

RETRY_LOOK_S = 0.25
PART = 100
"""Accounts read or decided without a pause. A crash of thousands must not keep a head or a price from being heard."""
PART_THAT_BENDS = 4
"""The same of accounts whose figures bend: options are priced for each."""
LOOK_AGAIN = 4
"""Parts of a crowd that are decided before it is asked whom changes meanwhile concern: about a second."""
LOOKS = 50
"""Of a larger crowd it is this part of what waits: a scan of all costs as much as deciding some hundreds."""
REFRESHED = 25
"""Accounts whose shown figures are brought up to date with each evaluation, beside those it looked at. Of those
whose figures bend it is one: an exact evaluation of it takes as long as of a hundred others."""

log = structlog.get_logger()


class Engine:
    """Evaluates all accounts on every change. `run` and `retry` are children of a supervisor."""

    def __init__(
        self,
        settings: Settings,
        policy: RiskPolicy,
        evidence: Evidence,
        pursuit: Pursuit | None,
        patience: Patience,
        alerts: Alerts,
        state_log: StateLog,
        now_ms: Callable[[], int],
        guards: Callable[[], Guards] | None = None,
        effective: Callable[[], RiskPolicy] | None = None,
    ) -> None:
        self.evaluations = 0
        self.decisions = 0
        self._evidence = evidence
        self._pursuit = pursuit
        self._patience = patience
        self._alerts = alerts
        self._log = state_log
        self._now_ms = now_ms
        self._columns = Columns(policy)
        self._scan = CriticalPrices(self._columns)
        self._standoffs = Standoffs(settings, evidence, now_ms)
        self._mispriced = Mispriced(policy, evidence, self._scan.supposing, guards)
        self._states = NotedStates()
        senders = pursuit.senders if pursuit is not None else None
        self._planning = Planning(settings, policy, evidence, effective, senders)
        self._notices = Notices(policy)
        # Those open when the last run ended: one that was paid since must be told as well.
        self._claims: dict[str, dict[str, ClaimMoved]] = read_open_claims(state_log.path)
        self._shown: dict[str, None] = {}

    async def run(self) -> None:
        """Evaluate on every change, until cancelled."""
        while True:
            await self._evidence.changes.take()
            if not self._evidence.ready:
                continue
            try:
                await self.evaluate()
            except LogUnavailable as error:
                log.error("engine_waits_for_the_log", error=str(error))
                await asyncio.sleep(RETRY_LOOK_S)
                self._evidence.changes.announce(Change(ChangeKind.RETRY))

    async def retry(self) -> None:
        """Announce when a wait after a setback is over: nothing else would."""
        due_ms: int | None = None
        while True:
            await asyncio.sleep(RETRY_LOOK_S)
            if due_ms is not None and self._now_ms() >= due_ms:
                self._evidence.changes.announce(Change(ChangeKind.RETRY))
            due_ms = self._patience.next_due_ms()

    async def evaluate(self) -> None:
        """Evaluate once. Raises `LogUnavailable`; what was not recorded is then decided and told again."""
        self.evaluations += 1
        touched: list[str] = []
        try:
            await self._take_touched(touched)
            await self._evaluate(touched)
        except BaseException:
            self._evidence.touched.update(touched)
            raise

    async def _evaluate(self, touched: list[str]) -> None:
        self._standoffs.look()
        wanted = dict.fromkeys([*self._named(), *touched])
        await self._work_through(wanted, touched)
        cut, now_ms = self._evidence.cut(self._now_ms()), self._now_ms()
        counts = self._mispriced.counts(self._states, cut, now_ms)
        alerts = self._alerts.due(
            self._states.tally, counts, self._mispriced.tallies, is_quorum_needed=self._is_quorum_needed()
        )
        if alerts:
            await self._log.write(*alerts)
        self._alerts.recorded(alerts)
        self._refresh(wanted, self._evidence.cut(self._now_ms()))

    def _named(self) -> list[str]:
        """Return whom the scan names at what is known now."""
        return self._scan.candidates(self._evidence.prices.prices, self._evidence.cut(self._now_ms()))

    async def _work_through(self, wanted: dict[str, None], touched: list[str]) -> None:
        """Evaluate part by part. Of a crowd that takes minutes: whom a change meanwhile concerns comes before the rest.

        They are added to `wanted`, and to `touched` what blocks changed.
        """
        waiting, heard, decided = deque(self._parts(wanted)), self._evidence.changes.announced, 0
        while waiting:
            await self._evaluate_part(waiting.popleft())
            decided += 1
            is_time = decided >= max(LOOK_AGAIN, len(waiting) // LOOKS)
            if waiting and is_time and heard != self._evidence.changes.announced:
                heard, decided = self._evidence.changes.announced, 0
                self._standoffs.look()
                changed = await self._take_touched(touched)
                named = self._named() if len(wanted) < len(self._columns) else []
                urgent = dict.fromkeys([*(each for each in named if each not in wanted), *changed])
                wanted |= urgent
                waiting.extendleft(reversed(list(self._parts(urgent))))

    def _parts(self, wanted: Iterable[str]) -> Iterator[list[str]]:
        part: list[str] = []
        weight = 0
        for account_id in wanted:
            part.append(account_id)
            weight += PART // PART_THAT_BENDS if self._scan.bends(account_id) else 1
            if weight >= PART:
                yield part
                part, weight = [], 0
        if part:
            yield part

    async def _evaluate_part(self, wanted: Sequence[str]) -> None:
        """Decide for a few accounts on the evidence as it is now; heads and prices get their turn in between."""
        now_ms = self._now_ms()
        cut = self._evidence.cut(now_ms)
        decisions: list[Decision] = []
        entries: list[Entry] = []
        claims: dict[str, dict[str, ClaimMoved]] = {}
        for account_id in wanted:
            account = self._evidence.book.account(account_id)
            claims[account_id] = self._open_claims(account)
            entries += self._claims_moved(account_id, claims[account_id])
            if account is None:
                continue
            decision = self._decide(account, cut, now_ms)
            self._log.observe(LegsSeen(account))
            if decision is not None:
                decisions.append(decision)
                entries += [DecisionMade(decision), *self._notices.of(decision)]
        if entries:
            await self._log.write(*entries)
        for account_id, its in claims.items():
            self._note_claims(account_id, its)
        for decision in decisions:
            self._took(decision)
        await asyncio.sleep(0)

    def _refresh(self, done: Collection[str], cut: Sequence[CutPoint]) -> None:
        """Bring the shown figures of a few more accounts up to date, so that none is ever very old.

        They decide nothing: the scan has just found that their state is as noted.
        """
        for account_id in self._oldest_shown(frozenset(done)):
            account = self._evidence.book.account(account_id)
            state = self._states.get(account_id)
            self._shown.pop(account_id)
            if account is not None and state is not None:
                self._log.observe(HealthSeen(state, self._assess(account, state, cut).health))
                self._shown[account_id] = None
        for account_id in done:
            self._shown.pop(account_id, None)
            self._shown[account_id] = None

    def _oldest_shown(self, done: Collection[str]) -> list[str]:
        oldest: list[str] = []
        for account_id in self._shown:
            if len(oldest) == REFRESHED:
                break
            if account_id not in done:
                oldest.append(account_id)
                if self._scan.bends(account_id):
                    break
        return oldest

    def _assess(self, account: Account, previous: AccountState | None, cut: Sequence[CutPoint]) -> Assessment:
        """Evaluate exactly, and let what was found say how far prices may go before that is needed again."""
        found = self._planning.assess(account, previous, cut)
        self._scan.certify(account, found.state, found.health, self._evidence.prices.prices)
        return found

    async def _take_touched(self, touched: list[str]) -> list[str]:
        """Bring the columns up to date with the book. Return who changed, who is added to `touched`.

        After a start that is everybody: others get their turn in between.
        """
        changed = sorted(self._evidence.touched)
        self._evidence.touched.clear()
        touched += changed
        for number, account_id in enumerate(changed, 1):
            account = self._evidence.book.account(account_id)
            if account is None:
                self._columns.remove(account_id)
                self._states.forget(account_id)
            else:
                self._columns.update([account])
            if number % PART == 0:
                await asyncio.sleep(0)
        return changed

    def _decide(self, account: Account, cut: Sequence[CutPoint], now_ms: int) -> Decision | None:
        previous = self._states.get(account.account_id)
        found = self._assess(account, previous, cut)
        self._log.observe(HealthSeen(found.state, found.health))
        if found.state is previous and not self._may_act(account, found.state):
            return None
        pursuit = self._pursuit
        live = pursuit.live_steps(account.account_id) if pursuit is not None else []
        decision = self._planning.decide(account, previous, cut, now_ms, live)
        if decision is not None and decision.state is previous:
            # The same plan again is worth writing down only if it can be begun: else every block would repeat it.
            return decision if pursuit is not None and pursuit.takes(decision) else None
        return decision

    def _may_act(self, account: Account, state: AccountState) -> bool:
        """Whether a new plan could be carried out now on at least one chain."""
        pursuit = self._pursuit
        if pursuit is None or pursuit.is_waiting(account.account_id):
            return False
        if state not in ACTIONABLE and not self._planning.has_own_claim(account):
            return False
        return any(pursuit.is_free(account.account_id, leg.chain) for leg in account.legs)

    def _is_quorum_needed(self) -> bool:
        """Whether anything is left that attestors would be asked to sign."""
        return bool(self._claims) or not ACTIONABLE.isdisjoint(self._states.tally)

    def _took(self, decision: Decision) -> None:
        self.decisions += 1
        self._notices.told(decision)
        self._states.note(decision.account_id, decision.state)
        self._columns.note_state(decision.account_id, decision.state)
        if decision.state is not decision.previous:
            log.info(
                "account_state",
                account=decision.account_id,
                state=decision.state,
                previous=decision.previous,
                reason=decision.reason,
            )
        if self._pursuit is not None and decision.plan is not None and decision.plan.steps:
            self._pursuit.offer(decision)

    def _open_claims(self, account: Account | None) -> dict[str, ClaimMoved]:
        return {
            claim.claim: self._planning.claim_moved(account, leg, claim)
            for leg in (account.legs if account is not None else ())
            for claim in leg.claims
            if account is not None
        }

    def _claims_moved(self, account_id: str, open_now: Mapping[str, ClaimMoved]) -> list[Entry]:
        """Return an entry for each claim that is new, paid or undone."""
        before = self._claims.get(account_id, {})
        entries: list[Entry] = [moved for key, moved in open_now.items() if key not in before]
        return entries + [
            self._planning.claim_gone(moved) for key, moved in before.items() if key not in open_now
        ]

    def _note_claims(self, account_id: str, open_now: dict[str, ClaimMoved]) -> None:
        if open_now:
            self._claims[account_id] = open_now
        else:
            self._claims.pop(account_id, None)
