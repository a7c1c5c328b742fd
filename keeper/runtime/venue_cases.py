"""The borrowers of one chain's venues that could be liquidated: what was last found of each, and how each case ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from chains.venues.executor.codec import NO_POOL
from chains.venues.venue import Blocked, Borrower, Liquidation
from keeper.domain.intent import Intent, position_of
from keeper.runtime.venue_sight import Happened, VenueSight
from keeper.state.venue_reader import Unended
from keeper.venues.endings import Ended, Ending
from keeper.venues.identity import account_of
from keeper.venues.inputs import Setback
from keeper.venues.kinds import KINDS
from keeper.venues.patience import setback
from keeper.venues.verdict import Reason, Verdict

TOLD_KEPT = 4_096
"""Transactions whose liquidations were told, so that a reorganisation does not tell them twice."""

Place: TypeAlias = tuple[str, Borrower]
"""A venue's name, and who is at it."""

_STOPPED = frozenset({"29", "27", "59"})
"""Aave's words for paused, inactive, and that its sentinel allows nothing."""
_MOVED = frozenset({"profit", "depth"})
"""The executor's words for too little left, and for a pool that could not give as much."""


@dataclass(slots=True)
class Case:
    """What is known of one borrower since it could be liquidated. `sent` is the verdict whose call is on its way."""

    reason: Reason
    verdict_id: str = ""
    health_wad: int | None = None
    setback: Setback | None = None
    sent: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """What a lane told of an intent that came to nothing: mined without effect, or its nonce lost."""

    intent: Intent
    block_number: int
    mined: bool
    reason: str


class Cases:
    """Holds the open cases. Nothing in here asks a node."""

    def __init__(self, chain: str, executor: str, patience_blocks: int) -> None:
        self.open: dict[Place, Case] = {}
        self._chain = chain
        self._executor = executor
        self._patience_blocks = patience_blocks
        self._told: OrderedDict[tuple[str, Borrower], None] = OrderedDict()
        self._failed: list[Failed] = []

    def restore(self, unended: Iterable[Unended], told: Iterable[tuple[str, Borrower]]) -> None:
        """Take up what an earlier run left without an ending. `told` are the endings it did tell since, by transaction."""
        for each in unended:
            case = Case(Reason.SEND, each.verdict_id, each.health_wad)
            self.open[each.venue, each.borrower] = case
        self._told.update(dict.fromkeys(told))

    def failed(self, failed: Failed) -> None:
        """Take what a lane tells; it is looked at once the venue was seen at that block."""
        self._failed.append(failed)

    def waits(self, venue: str) -> bool:
        """Whether a lane told of something at this venue that was not looked at yet."""
        return any(each.intent.position_key.split("/", 2)[1] == venue for each in self._failed)

    def set_back(self, place: Place, reason: str, detail: str, block_number: int) -> None:
        """Leave a borrower alone for a while."""
        case = self.open[place]
        case.setback = setback(
            case.setback, reason, detail, block_number, case.health_wad, self._patience_blocks
        )

    def endings(self, sight: VenueSight) -> Iterator[Ended]:
        """Yield what has ended since the last look at this venue, in this order: events, failures, recoveries."""
        state = sight.before
        for happened in sight.happened:
            expected = self._expected(sight, happened, state)
            yield from self._event(sight, happened, expected)
            if expected is not None:
                state = KINDS[sight.kind].after(state, expected, happened.block_timestamp_s)
        due = [each for each in self._failed if each.block_number <= sight.head.number]
        for each in due:
            place = self._place(sight, each.intent)
            if place is not None:
                self._failed.remove(each)
                yield from self._failure(sight, place, each)
        for place in [each for each in self.open if each[0] == sight.venue]:
            if self._is_healthy(sight, place[1]):
                case = self.open.pop(place)
                ending = Ending.MENDED if place[1] in sight.touched else Ending.RECOVERED
                if case.reason is not Reason.HEALTHY:
                    yield self._ended(sight, place, ending, "", sight.head.number, case.verdict_id)

    def _is_healthy(self, sight: VenueSight, borrower: Borrower) -> bool:
        best = KINDS[sight.kind].arithmetic.best(sight.state, borrower, sight.head.timestamp)
        return isinstance(best, Blocked) and best.obstacle in {"healthy", "no_debt", "unknown_account"}

    def _event(self, sight: VenueSight, happened: Happened, expected: Liquidation | None) -> Iterator[Ended]:
        outcome = happened.outcome
        place = (sight.venue, outcome.borrower)
        key = (happened.tx_hash, outcome.borrower)
        if key in self._told:
            return
        self._told[key] = None
        while len(self._told) > TOLD_KEPT:
            self._told.popitem(last=False)
        case = self.open.get(place)
        ours = outcome.liquidator.lower() == self._executor.lower()
        sent = case.sent if case is not None else None
        yield Ended(
            chain=self._chain,
            venue=sight.venue,
            account_id=account_of(outcome.borrower),
            borrower=outcome.borrower,
            ending=Ending.LIQUIDATED if ours else Ending.LOST_RACE,
            detail="" if ours else f"by {outcome.liquidator}",
            block_number=happened.block_number,
            verdict_id=sent.verdict_id if sent is not None else case.verdict_id if case is not None else "",
            tx_hash=happened.tx_hash,
            liquidator=outcome.liquidator,
            debt_token=outcome.debt_asset,
            collateral_token=outcome.collateral_asset,
            repaid=outcome.repaid,
            seized=outcome.seized,
            bad_debt=outcome.bad_debt,
            expected_repaid=expected.repay if expected is not None else None,
            expected_seized=expected.seize if expected is not None else None,
        )
        if case is not None:
            # What is left of it is another case; a call of ours that lost has had its ending told.
            self.open[place] = Case(Reason.HEALTHY, health_wad=case.health_wad)

    def _expected(self, sight: VenueSight, happened: Happened, state: object) -> Liquidation | None:
        """Reckon a liquidation of ours again, from the state before it, for the time of the block it was mined in."""
        case = self.open.get((sight.venue, happened.outcome.borrower))
        plan = case.sent.found.plan if case is not None and case.sent is not None else None
        if plan is None or happened.outcome.liquidator.lower() != self._executor.lower():
            return None
        if state is None:
            return None
        return KINDS[sight.kind].carried_out(state, plan.liquidation, happened.block_timestamp_s)

    def _failure(self, sight: VenueSight, place: Place, failed: Failed) -> Iterator[Ended]:
        case = self.open.get(place)
        if case is None or case.sent is None:
            return  # told by the event of whoever was first
        sent, case.sent = case.sent, None
        if self._is_healthy(sight, place[1]):
            return  # told below, as mended
        best = KINDS[sight.kind].arithmetic.best(sight.state, place[1], sight.head.timestamp)
        ending = _class_of(failed, sent.found.plan.pool if sent.found.plan else NO_POOL, best)
        self.set_back(place, ending, failed.reason, sight.head.number)
        yield self._ended(sight, place, ending, failed.reason, failed.block_number, sent.verdict_id)

    def _place(self, sight: VenueSight, intent: Intent) -> Place | None:
        _, venue, account, market = position_of(intent.position_key).split("/", 3)
        return (venue, Borrower(account, market)) if venue == sight.venue else None

    def _ended(
        self,
        sight: VenueSight,
        place: Place,
        ending: Ending,
        detail: str,
        block_number: int,
        verdict_id: str,
    ) -> Ended:
        return Ended(
            self._chain, sight.venue, account_of(place[1]), place[1], ending, detail, block_number, verdict_id
        )


def _class_of(failed: Failed, pool: str, best: Liquidation | Blocked) -> Ending:
    """Say what it was: by the contract's own word, else by who is left to have been it.

    What went before us in our block can not be asked for its word any more. But if the venue would let it through
    still, and it was to be paid for by a swap, it was the swap.
    """
    if not failed.mined:
        return Ending.NOT_MINED
    said = failed.reason.rpartition(": ")[2].strip()
    if said in _STOPPED or isinstance(best, Blocked):
        return Ending.STOPPED
    is_open = said in _MOVED or said == failed.reason
    return Ending.SWAP_MOVED if is_open and pool != NO_POOL else Ending.REVERTED
