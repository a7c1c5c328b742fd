"""The desk of one chain's venues: judges who can be liquidated, has it quoted, writes it down, and sends it.

One look at a time, over all venues of the chain: they share a purse, the pools and a lane. A verdict is in the log
before its transaction is signed; one that says again what was said before is not written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from chains.client import ChainClient
from chains.venues.executor.codec import NO_POOL, read_execute_call
from chains.venues.quotes import OWNER, Ask, Refused, ask_as
from chains.venues.venue import Blocked, Borrower, Venue
from chains.venues.words import read_address_word, read_words
from config.settings import Settings
from config.units import WAD
from keeper.domain.intent import Intent, IntentState
from keeper.execution.intake import Outcome as Sending
from keeper.execution.intake import Submitted
from keeper.execution.tracked import Tracked
from keeper.runtime.venue_alerts import VenueAlerts
from keeper.runtime.venue_calls import venue_intent
from keeper.runtime.venue_cases import Case, Cases, Failed, Place
from keeper.runtime.venue_inputs import InputsOf
from keeper.runtime.venue_notes import VenueNotes
from keeper.runtime.venue_prices import VenuePrices
from keeper.runtime.venue_purse import VenuePurse
from keeper.runtime.venue_quotes import Asked, Quotes
from keeper.runtime.venue_sight import VenueSight
from keeper.state.entries import Entry
from keeper.state.log import StateLog
from keeper.state.venue_entries import VenueJudged
from keeper.venues.endings import Ended, Ending
from keeper.venues.identity import VENUE_LIQUIDATION, account_of, position_key
from keeper.venues.inputs import Inputs, Standing
from keeper.venues.judge import find, judge, open_ways
from keeper.venues.kinds import KINDS
from keeper.venues.patience import needs_patience
from keeper.venues.profit import best_case_wad
from keeper.venues.verdict import OF_OBSTACLE, QUIET, Found, Reason, Verdict
from keeper.watch.evidence import Evidence

_UNTIL_PRICES = frozenset({Reason.PRICE_HELD, Reason.NO_REFERENCE})
WRITTEN_PER_LOOK = 200
"""Verdicts written at once, those that send first. Of whoever is left it is found again with the next head."""
PART = 25
"""Borrowers judged without a pause."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Candidate:
    """One borrower in one look: what it is judged from, its part of the venue's state, and what was found."""

    inputs: Inputs
    state: Any
    found: Found
    asked: Asked | None = None

    @property
    def place(self) -> Place:
        return self.inputs.venue, self.inputs.borrower

    def written(self) -> Inputs:
        """Return the inputs with the state written out."""
        text = KINDS[self.inputs.kind].written(self.state, self.inputs.borrower)
        return replace(self.inputs, state=text)


class DeskLanes(Protocol):
    """What the desk needs of a chain's lanes (see `keeper.runtime.chain_lanes`)."""

    @property
    def senders(self) -> Sequence[str]:
        """The addresses that send here."""

    @property
    def ready(self) -> bool:
        """Whether intents are taken now."""

    @property
    def live(self) -> Sequence[Tracked]:
        """The live intents of all signers."""

    def is_busy(self, account_id: str, position_key: str, seen_block: int | None = None) -> bool:
        """Whether the position has a call here that may still be mined, or whose block is above `seen_block`."""

    async def submit(self, intents: Sequence[Intent], sender: str | None = None) -> list[Submitted]:
        """Hand intents to a signer's lane."""


class VenueDesk:
    """Judges and sends for all venues of one chain. `look` is given every sight of every venue.

    `venues` gives, by name, the venue that makes its calls; it is filled by whoever puts the chain together.
    """

    def __init__(
        self,
        chain: str,
        settings: Settings,
        evidence: Evidence,
        client: ChainClient,
        lanes: DeskLanes | None,
        alerts: VenueAlerts,
        state_log: StateLog,
        now_ms: Callable[[], int],
    ) -> None:
        self.venues: dict[str, Callable[[], Venue[Any]]] = {}
        self._chain = chain
        self._all = settings
        self._settings = settings.chains[chain]
        self._client = client
        self._lanes = lanes
        self._notes = VenueNotes(chain, alerts, state_log)
        self._log = state_log
        self._now_ms = now_ms
        self._turn = asyncio.Lock()
        self._evidence = evidence
        self._untold: list[Ended] = []
        self._unjudged: dict[str, str | None] = {}
        """By venue, the price set that somebody was held at; empty where nobody was judged, None if nobody was held."""
        self._inputs = InputsOf(chain, settings, evidence)
        self._prices = VenuePrices(settings, evidence, self._inputs.tokens, now_ms)
        executor = self._executor = self._settings.executor
        self._purse = VenuePurse(chain, executor, self._inputs.tokens, client) if executor else None
        self._owner = ""
        patience_blocks = executor.patience_blocks if executor else 1
        self.cases = Cases(chain, executor.address if executor else NO_POOL, patience_blocks)

    def told(self, intent: Intent, state: IntentState, reason: str) -> None:
        """Take what the lane tells of an intent. What was mined with effect is told by the venue's own event."""
        if intent.action != VENUE_LIQUIDATION or self._lanes is None:
            return
        if state is IntentState.FINAL_LOST_NONCE:
            self.cases.failed(Failed(intent, 0, mined=False, reason=reason))
        if state is not IntentState.MINED:
            return
        one = next((each for each in self._lanes.live if each.intent.intent_id == intent.intent_id), None)
        mined = one.view.mined if one is not None else None
        if one is None or mined is None:
            return
        cancelled = one.attempts[mined.tx_hash].is_cancel
        if cancelled or not mined.status:
            failed = Failed(intent, mined.block_number, mined=not cancelled, reason=reason or one.reason)
            self.cases.failed(failed)

    async def look(self, sight: VenueSight) -> None:
        """Judge a venue as of one block. Raises what the chain and the log raise; the next look does it again."""
        async with self._turn:
            # First, and kept until it is in the log: what happened is told by one look only.
            self._untold += self.cases.endings(sight)
            await self._notes.ended(self._untold)
            self._untold.clear()
            if self._executor is not None and self._purse is not None:
                await self._know_owner(sight)
                await self._purse.read(self._owner, sight.head)
                await self._notes.funds(self._purse.low())
            standings, beyond = self._prices.look(sight, self._inputs.terms(sight.venue).price_decimals)
            await self._notes.prices(sight, beyond)
            self._unjudged[sight.venue] = ""
            if self._lanes is not None and not self._lanes.ready:
                return
            found = await self._judged(sight, standings)
            held = any(each.found.reason in _UNTIL_PRICES for each in found)
            self._unjudged[sight.venue] = self._evidence.prices.id if held else None
            await self._act(sight, found)

    def wants_another_look(self, venue: str) -> bool:
        """Whether the last sight of a venue would be judged otherwise now: the lane is ready, or prices are others."""
        if self.cases.waits(venue):
            return True
        waits_for = self._unjudged.get(venue)
        if waits_for is None:
            return False
        ready = self._lanes is None or self._lanes.ready
        return ready and waits_for != self._evidence.prices.id

    async def _judged(self, sight: VenueSight, standings: Mapping[str, Standing]) -> list[_Candidate]:
        """Judge everybody who is under one, without a request."""
        intents = self._live()
        inventory = self._purse.left(intents) if self._purse is not None else {}
        means = self._inputs.means(inventory, usable=self._is_ours)
        candidates: list[_Candidate] = []
        unwell = [
            borrower
            for borrower, health in sight.healths.items()
            if health.health_wad is None or health.health_wad < WAD
        ]
        for number, borrower in enumerate(unwell):
            if number % PART == PART - 1:
                await asyncio.sleep(0)
            if self._stands(sight, borrower):
                continue
            place = (sight.venue, borrower)
            case = self.cases.open.get(place)
            inputs = self._inputs.of(
                sight,
                borrower,
                standings,
                means,
                case.setback if case is not None else None,
                live=self._is_live(sight, borrower),
            )
            kind = KINDS[sight.kind]
            state = kind.join(kind.cut(sight.state, borrower))
            found = find(inputs, state)
            if found.reason is not Reason.HEALTHY:
                candidates.append(_Candidate(inputs, state, found))
        return candidates

    def _stands(self, sight: VenueSight, borrower: Borrower) -> bool:
        """Whether the venue itself stands in the way, as it did when that was written down: most are such, for long."""
        case = self.cases.open.get((sight.venue, borrower))
        best = KINDS[sight.kind].arithmetic.best(sight.state, borrower, sight.head.timestamp)
        return isinstance(best, Blocked) and (
            OF_OBSTACLE[best.obstacle] is Reason.HEALTHY
            or (case is not None and case.reason is OF_OBSTACLE[best.obstacle])
        )

    async def _act(self, sight: VenueSight, candidates: Sequence[_Candidate]) -> None:
        """Have the most worthwhile quoted, settle one after the other, write down what is new, and send."""
        room = self._room()
        wanted = sorted(
            (each for each in candidates if each.found.reason in {Reason.QUOTE, Reason.SEND}),
            key=_promise,
            reverse=True,
        )[:room]
        quotes = await self._quote(sight, wanted)
        sends: list[Verdict] = []
        entries: list[Entry] = []
        spent: dict[str, int] = {}
        others = (each for each in candidates if each.found.reason not in {Reason.QUOTE, Reason.SEND})
        for each in [*wanted, *others]:
            if len(entries) == WRITTEN_PER_LOOK:
                break
            if each.asked is not None:
                self._settle(each, quotes, spent)
            verdict = self._noted(each)
            if verdict is not None:
                entries.append(VenueJudged(verdict))
                if verdict.found.reason is Reason.SEND:
                    sends.append(verdict)
        if entries:
            await self._log.write(*entries)
        await self._send(sight, sends)

    def _room(self) -> int:
        """Return how many may be begun now: what the lane has room for, and no more than configured."""
        most = self._executor.max_offers_per_block if self._executor is not None else 0
        if self._lanes is None:
            return most
        under_way = sum(one.is_open for one in self._lanes.live)
        return max(0, min(most, self._settings.max_in_flight - under_way))

    async def _quote(self, sight: VenueSight, wanted: Sequence[_Candidate]) -> Quotes:
        if not wanted or self._executor is None:
            return Quotes({}, {})
        quotes, asked = await Quotes.ask(
            self._client,
            self._executor,
            self.venues[sight.venue](),
            self._owner,
            [open_ways(each.inputs, each.state) for each in wanted],
            wanted[0].inputs.deadline_s,
            sight.head.hash,
            [read_execute_call(bytes.fromhex(intent.calldata[2:])) for intent in self._live()],
        )
        for each, its in zip(wanted, asked, strict=True):
            each.asked = its
        return quotes

    def _settle(self, one: _Candidate, quotes: Quotes, spent: dict[str, int]) -> None:
        """Judge with quotes, after what those before it take of the pools and of the purse."""
        means = one.inputs.means
        if means is not None and one.asked is not None:
            left = {token: max(0, has - spent.get(token, 0)) for token, has in means.inventory.items()}
            one.inputs = replace(
                one.inputs, means=replace(means, inventory=left), quotes=quotes.of(one.asked)
            )
        one.found = find(one.inputs, one.state)
        plan = one.found.plan
        if plan is None:
            return
        if plan.pool == NO_POOL:
            token = plan.liquidation.debt_asset
            spent[token] = spent.get(token, 0) + plan.room
        else:
            quotes.took(plan.pool, plan.liquidation.debt_asset, plan.room)

    def _noted(self, one: _Candidate) -> Verdict | None:
        """Note what was found, and return the verdict if it is to be written down."""
        reason = one.found.reason
        case = self.cases.open.get(one.place)
        if reason in QUIET or reason is Reason.HEALTHY:
            return None
        is_new = case is None or case.reason is not reason
        sends = reason is Reason.SEND and self._lanes is not None
        if case is None:
            case = self.cases.open[one.place] = Case(reason)
        case.reason, case.health_wad = reason, one.found.health_wad
        unsent = reason is Reason.SEND and not sends
        if needs_patience(reason) or unsent:
            why = Ending.NOT_SENT if unsent else reason
            self.cases.set_back(one.place, why, one.found.detail, one.inputs.block_number)
        if not is_new and not sends:
            return None
        verdict = judge(one.written(), self._now_ms())
        case.verdict_id = verdict.verdict_id
        log.info(
            "venue_verdict",
            chain=self._chain,
            venue=verdict.venue,
            borrower=verdict.borrower.account,
            reason=reason,
            detail=one.found.detail,
        )
        return verdict

    async def _send(self, sight: VenueSight, verdicts: Sequence[Verdict]) -> None:
        if not verdicts or self._lanes is None:
            return
        venue = self.venues[sight.venue]()
        of = {
            intent.intent_id: verdict
            for verdict in verdicts
            for intent in (venue_intent(verdict, sight.kind, venue, self._all),)
        }
        for verdict in verdicts:
            self.cases.open[sight.venue, verdict.borrower].sent = verdict
        intents = [venue_intent(verdict, sight.kind, venue, self._all) for verdict in verdicts]
        ended: list[Ended] = []
        for answer in await self._lanes.submit(intents, self._owner):
            verdict = of[answer.intent.intent_id]
            place = (sight.venue, verdict.borrower)
            if answer.outcome is Sending.SENT or place not in self.cases.open:
                continue
            self.cases.open[place].sent = None
            self.cases.set_back(place, Ending.NOT_SENT, answer.reason, sight.head.number)
            ended.append(
                Ended(
                    self._chain,
                    sight.venue,
                    verdict.account_id,
                    verdict.borrower,
                    Ending.NOT_SENT,
                    answer.reason,
                    sight.head.number,
                    verdict.verdict_id,
                )
            )
        await self._notes.ended(ended)

    async def _know_owner(self, sight: VenueSight) -> None:
        """Ask once whom the executor obeys; quotes are asked in that name."""
        if self._owner or self._executor is None:
            return
        executor = self._executor.address
        (answer,) = await ask_as(self._client, [Ask(executor, executor, OWNER)], sight.head.hash)
        self._owner = NO_POOL if isinstance(answer, Refused) else read_address_word(read_words(answer, 1)[0])
        await self._notes.owner(executor, self._owner, is_ours=self._is_ours)

    @property
    def _is_ours(self) -> bool:
        """Whether the executor obeys our signer. Who has none only looks on, and judges as if it did."""
        return self._lanes is None or self._owner in self._lanes.senders

    def _live(self) -> list[Intent]:
        """Return our intents that may still be mined."""
        if self._lanes is None:
            return []
        live = [one.intent for one in self._lanes.live if one.is_open]
        return [intent for intent in live if intent.action == VENUE_LIQUIDATION]

    def _is_live(self, sight: VenueSight, borrower: Borrower) -> bool:
        key = position_key(sight.venue, borrower)
        return self._lanes is not None and self._lanes.is_busy(account_of(borrower), key, sight.head.number)


def _promise(one: _Candidate) -> int:
    """Return the most that it could bring: the order in which they are quoted."""
    cases = [best_case_wad(one.inputs, way) or 0 for way in open_ways(one.inputs, one.state)]
    return max(cases, default=0)
