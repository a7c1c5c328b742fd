"""Following one venue: read with every head of its chain, everybody's health reckoned here, no request for each.

A mailbox of one head: a slow venue skips heads, it makes neither the chain's follower nor another venue wait. What
lies between two heads that were looked at is read as one range of logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Any

import structlog

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import ChainError, NotYetThere
from chains.venues.aave_v3.venue import AaveV3
from chains.venues.index import VenueIndex
from chains.venues.morpho_blue.venue import MorphoBlue, read_markets
from chains.venues.venue import NO_DEBT_HEALTH, Borrower, Venue, VenueHealth
from config.settings import ChainSettings
from config.venue_settings import VenueKind, VenueSettings
from keeper.runtime.venue_sight import Happened, VenueSight
from keeper.state.errors import StateLogError

PART = 100
"""Borrowers reckoned without a pause: thousands must not keep a head from being heard."""
RETRY_PAUSE_S = 0.25
AGAIN_S = 0.25

log = structlog.get_logger()

Look = Callable[[VenueSight], Awaitable[None]]


async def open_venue(settings: VenueSettings, client: ChainClient, head: Head) -> Venue[Any]:
    """Return the venue. Raises what the chain raises, and `MalformedAnswer` for a market that does not exist."""
    match settings.kind:
        case VenueKind.AAVE_V3:
            return AaveV3(client, settings.address)
        case VenueKind.MORPHO_BLUE:
            markets = await read_markets(client, settings.address, settings.market_ids, head)
            return MorphoBlue(client, settings.address, markets)


class VenueFollower:
    """Follows one venue and hands each sight of it on. `run` is a supervisor's child."""

    def __init__(
        self,
        chain: str,
        name: str,
        chain_settings: ChainSettings,
        client: ChainClient,
        looks: Sequence[Look],
        again: Callable[[str], bool] = lambda _venue: False,
        is_live: Callable[[], bool] = lambda: True,
        since_block: int | None = None,
    ) -> None:
        """What happened from `since_block` on is told at the first look, if an earlier run left anything open. `again` says whether the last sight is worth another look. While the chain is not live nothing is read: a
        head of long ago, as when the chain's follower catches up, tells nothing of who can be liquidated now.
        """
        self.name = name
        self.sight: VenueSight | None = None
        self._chain = chain
        self._settings = chain_settings.venues[name]
        self._depth = chain_settings.finality_depth
        self._block_time_s = ceil(chain_settings.block_time_s)
        self._client = client
        self._looks = looks
        self._again = again
        self._is_live = is_live
        self._since_block = since_block
        self._head: Head | None = None
        self._arrived = asyncio.Event()
        self._logs: list[Any] = []
        self._venue: Venue[Any] | None = None
        self._index: VenueIndex[Any] | None = None

    def opened(self) -> Venue[Any]:
        """Return the venue. Raises ``RuntimeError`` before the first look."""
        if self._venue is None:
            raise RuntimeError(f"{self.name} was not opened yet")
        return self._venue

    async def on_head(self, head: Head, removed: tuple[str, ...]) -> None:  # noqa: ARG002 - the index sees for itself
        """Take a head; the newest wins."""
        self._head = head
        self._arrived.set()

    async def run(self) -> None:
        """Look at every head until cancelled. A head that could not be read is tried again, or the next one is.

        Between two heads the last sight is looked at again if that may find something else, as when the reference
        price has come after the venue's own.
        """
        while True:
            arrived = await self._arrives()
            head = self._head
            if head is None:
                continue
            try:
                if arrived and self._is_live() and head.number >= self._settings.from_block:
                    await self._take(head)
                elif not arrived and self.sight is not None and self._again(self.name):
                    await self._show(self.sight)
            except (ChainError, StateLogError) as error:
                log.info("venue_look_failed", chain=self._chain, venue=self.name, error=str(error))
                await asyncio.sleep(RETRY_PAUSE_S)
                if self._head is head and not isinstance(error, NotYetThere):
                    self._arrived.set()

    async def _arrives(self) -> bool:
        """Wait for a head, but not for long. Return whether there is one."""
        try:
            async with asyncio.timeout(AGAIN_S):
                await self._arrived.wait()
        except TimeoutError:
            return False
        self._arrived.clear()
        return True

    async def _show(self, sight: VenueSight) -> None:
        for look in self._looks:
            await look(sight)

    async def _take(self, head: Head) -> None:
        if self._index is None or self._venue is None:
            self._venue = await open_venue(self._settings, self._client, head)
            self._index = VenueIndex(self._venue, self._client, self._settings.from_block, self._depth)
        before = self.sight
        state = await self._index.update(head)
        # Kept until a sight was made of them: the index does not give them twice.
        self._logs += self._heard(self._index.logs, before)
        at_s = head.timestamp + self._block_time_s
        healths = await self._healths(self._venue, state, at_s)
        self.sight = VenueSight(
            chain=self._chain,
            venue=self.name,
            kind=str(self._settings.kind),
            head=head,
            at_s=at_s,
            state=state,
            before=None if before is None else before.state,
            healths=healths,
            touched=self._index.touched,
            happened=await self._happened(self._venue, self._logs, head),
        )
        self._logs.clear()
        await self._show(self.sight)

    def _heard(self, logs: Sequence[Any], before: VenueSight | None) -> Sequence[Any]:
        """Return the logs whose liquidations are told: at the first look only those that an earlier run waited for."""
        if before is not None:
            return logs
        since = self._since_block
        return [] if since is None else [each for each in logs if int(each["blockNumber"], 16) >= since]

    async def _healths(self, venue: Venue[Any], state: object, at_s: int) -> dict[Borrower, VenueHealth]:
        """Reckon the health of all who owe anything."""
        found: dict[Borrower, VenueHealth] = {}
        borrowers = sorted(self._index.borrowers) if self._index is not None else []
        for start in range(0, len(borrowers), PART):
            for borrower in borrowers[start : start + PART]:
                health = venue.health(state, borrower, at_s)
                if health.health_wad != NO_DEBT_HEALTH:
                    found[borrower] = health
            await asyncio.sleep(0)
        return found

    async def _happened(self, venue: Venue[Any], logs: Sequence[Any], head: Head) -> tuple[Happened, ...]:
        """Return the liquidations among the logs. A block between two looks has its time asked."""
        found: list[Happened] = []
        times = {head.number: head.timestamp}
        for each in logs:
            for outcome in venue.outcomes([each]):
                number = int(each["blockNumber"], 16)
                if number not in times:
                    times[number] = (await self._client.block(number)).timestamp
                found.append(Happened(outcome, number, times[number], each["transactionHash"]))
        return tuple(found)
