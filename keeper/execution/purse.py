"""What all signers of one chain may still spend together: what was spent, what is out, and what is about to be.

The operator's limits are a chain's, whichever key pays. Lanes take turns of their own and wait for nodes between
asking and signing, so what one was allowed is booked at once: two that ask at one time do not both get the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chains.answers import Receipt
from keeper.execution.events import Mined
from keeper.execution.spending import Outlay, SpendingLimits, check_spending
from keeper.execution.tracked import Ledger, Tracked
from keeper.state.live import StoredCost


class Purse:
    """The limits of one chain over all its lanes. Each lane brings what it tracks; the ledger is shared."""

    def __init__(self, limits: SpendingLimits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms
        self._ledger = Ledger()
        self._lanes: dict[str, Callable[[], Iterable[Tracked]]] = {}
        self._booked: dict[str, Outlay] = {}

    def join(self, sender: str, live: Callable[[], Iterable[Tracked]]) -> None:
        """Count what this lane has out."""
        self._lanes[sender] = live

    def live(self) -> Iterator[Tracked]:
        """Yield what all lanes of the chain track."""
        for live in self._lanes.values():
            yield from live()

    def load(self, sender: str, costs: Iterable[StoredCost]) -> None:
        """Take what the log knows of the chain's costs; of this sender it is all there is."""
        self._ledger.load(sender, costs)

    def paid(self, sender: str, receipt: Receipt, target: str) -> None:
        """Count a canonical receipt, once."""
        self._ledger.add(sender, receipt, target, self._now_ms())

    def unpaid(self, mined: Mined) -> None:
        """Take back a receipt whose block is no longer canonical."""
        self._ledger.remove(mined)

    def book(self, intent_id: str, outlay: Outlay, *, is_cancel: bool = False) -> str | None:
        """Set aside what a transaction of this intent may cost, in place of its earlier ones; or say which limit it passes.

        A replacement's own past is not counted twice: only one of an intent's transactions is ever mined.
        """
        passed = check_spending(
            self._limits,
            self._ledger.since_a_day(self._now_ms()),
            self._out(without=intent_id),
            outlay,
            self._now_ms(),
            is_cancel=is_cancel,
        )
        if passed is not None:
            return str(passed)
        self._booked[intent_id] = outlay
        return None

    def settle(self, intent_id: str) -> None:
        """Forget what was set aside: the lane tracks it by now, or it came to nothing."""
        self._booked.pop(intent_id, None)

    def _out(self, without: str) -> Iterator[Outlay]:
        booked = {intent_id: outlay for intent_id, outlay in self._booked.items() if intent_id != without}
        for live in self._lanes.values():
            for one in live():
                intent_id = one.intent.intent_id
                if intent_id != without:
                    mine = booked.pop(intent_id, None)
                    yield one.outlay if mine is None or mine.cost_wei < one.reserved_wei else mine
        yield from booked.values()
