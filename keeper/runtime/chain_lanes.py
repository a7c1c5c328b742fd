"""The lanes of one chain, one for each of its signers: who is taken next, and what all of them have under way.

A signer is chosen when a step is begun, before anybody is asked to sign for it: an attestation names who may use
it. The one with the least in flight is taken; one that can not pay is left out, and one whose key is used elsewhere
is taken only when no other is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from chains.blocks import Head
from keeper.domain.intent import Intent
from keeper.execution.intake import Outcome, Submitted
from keeper.execution.tracked import Tracked
from keeper.runtime.lane_driver import LaneDriver


class ChainLanes:
    """One chain's lane drivers, in the order in which their signers are preferred. There is at least one."""

    def __init__(self, chain: str, drivers: Sequence[LaneDriver]) -> None:
        self.chain = chain
        self.drivers = tuple(drivers)
        self._begun: Counter[str] = Counter()

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses that send here."""
        return tuple(driver.lane.sender for driver in self.drivers)

    @property
    def ready(self) -> bool:
        """Whether intents are taken now. Only if every lane knows what it has out: else it would be planned twice."""
        return all(driver.ready for driver in self.drivers)

    @property
    def live(self) -> tuple[Tracked, ...]:
        """The live intents of all signers."""
        return tuple(one for driver in self.drivers for one in driver.lane.live)

    def is_busy(self, account_id: str, position_key: str, seen_block: int | None = None) -> bool:
        """Whether the position has a step here that the next would not follow on, whoever sent it (see `Lane.is_busy`)."""
        return any(driver.lane.is_busy(account_id, position_key, seen_block) for driver in self.drivers)

    def choose(self, among: Collection[str] | None = None) -> str | None:
        """Return the address to send next from, of those in `among` if given. None if none of them can now.

        A lane that is full is not asked: who must wait for a block should not wait for a setback to be forgotten.
        """
        able = [
            driver.lane
            for driver in self.drivers
            if driver.lane.is_solvent and (among is None or driver.lane.sender in among)
        ]
        clean = [lane for lane in able if not lane.hindrance]
        loads = {
            lane.sender: sum(one.is_open for one in lane.live) + self._begun[lane.sender]
            for lane in clean or able
        }
        rooms = {lane.sender: lane.room - self._begun[lane.sender] for lane in clean or able}
        return min((sender for sender in loads if rooms[sender] > 0), key=loads.__getitem__, default=None)

    def begin(self, sender: str) -> None:
        """Count a step that was begun for a signer and is not in its lane yet."""
        self._begun[sender] += 1

    def ended(self, sender: str) -> None:
        """Count one no more: its lane has it by now, or it came to nothing."""
        self._begun[sender] -= 1

    def live_of(self, sender: str) -> tuple[Tracked, ...]:
        """Return the live intents of one signer."""
        return self._driver(sender).lane.live

    def titled(self) -> list[tuple[str, LaneDriver]]:
        """Return each driver with a name for its supervisor."""
        if len(self.drivers) == 1:
            return [(f"lane {self.chain}", self.drivers[0])]
        return [(f"lane {self.chain} {number}", driver) for number, driver in enumerate(self.drivers, 1)]

    async def on_head(self, head: Head, removed: tuple[str, ...]) -> None:
        """Tell every lane of a head."""
        for driver in self.drivers:
            await driver.on_head(head, removed)

    async def submit(self, intents: Sequence[Intent], sender: str | None = None) -> list[Submitted]:
        """Hand intents to a signer's lane; without one, to the first's."""
        if not self.ready:
            return [Submitted(intent, Outcome.HELD, f"{self.chain} is not ready") for intent in intents]
        return await self._driver(sender or self.senders[0]).submit(intents)

    def _driver(self, sender: str) -> LaneDriver:
        return next(driver for driver in self.drivers if driver.lane.sender == sender)
