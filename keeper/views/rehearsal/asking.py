"""Asking the nodes: everybody at the venues, who of them is near, and how each one's liquidation would go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, TypeAlias, cast

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import ChainError, Reverted
from chains.hub.codec import selector
from chains.venues.index import VenueIndex
from chains.venues.rehearsal import Pretended, RehearsableVenue
from chains.venues.simulation import ClientSimulator
from chains.venues.venue import Borrower
from chains.venues.words import address_word
from config.settings import ChainSettings, Settings
from keeper.runtime.venue_follower import open_venue
from keeper.state.errors import StateLogError
from keeper.state.reader import LogReader
from keeper.venues.inputs import Means, Pool, Token
from keeper.venues.readiness import Readiness, Rehearsed, Site, at_risk, conclude, rehearse

BALANCE_OF = selector("balanceOf(address)")
NOBODY = "0x" + "00" * 19 + "01"
PART = 200
"""Borrowers whose simulations are in memory at once."""


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue that was read: how many owe something there, and how those near the edge would fare."""

    chain: str
    name: str
    block_number: int
    borrowers: int
    from_log: bool
    """Whether the borrowers are those that the daemon's log knows."""
    found: tuple[Readiness, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A venue that could not be read."""

    chain: str
    name: str
    why: str


Known: TypeAlias = Mapping[tuple[str, str], frozenset[Borrower]]
"""Borrowers by chain and venue."""


async def ask_all(settings: Settings, below_wad: int, known: Known) -> list[Venue | Unread]:
    """Rehearse at every configured venue. One that can not be read fails only itself.

    Where borrowers are `known` nobody else is looked for; elsewhere they are found in the venue's logs, from its first
    block on.
    """
    named = [(chain, name) for chain, its in settings.chains.items() for name in its.venues]
    asked = [_ask(settings, place, below_wad, known.get(place, frozenset())) for place in named]
    return list(await asyncio.gather(*asked))


def known_to(path: Path) -> Known:
    """Return the borrowers that a state log knows; none if there is no such log, or it can not be read."""
    try:
        with LogReader(path) as log:
            rows = log.select("SELECT chain, venue, borrower, market FROM venue_accounts")
    except StateLogError:
        return {}
    found: dict[tuple[str, str], set[Borrower]] = {}
    for row in rows:
        place = (row["chain"], row["venue"])
        found.setdefault(place, set()).add(Borrower(row["borrower"], row["market"]))
    return {place: frozenset(its) for place, its in found.items()}


async def _ask(
    settings: Settings, place: tuple[str, str], below_wad: int, known: frozenset[Borrower]
) -> Venue | Unread:
    chain, name = place
    try:
        async with _connected(chain, settings.chains[chain]) as client:
            return await _venue(settings, chain, name, client, below_wad, known)
    except ChainError as error:
        return Unread(chain, name, str(error))


@asynccontextmanager
async def _connected(chain: str, settings: ChainSettings) -> AsyncIterator[ChainClient]:
    client = ChainClient.from_settings(chain, settings)
    try:
        await client.connect()
        yield client
    finally:
        await client.aclose()


async def _venue(
    settings: Settings,
    chain: str,
    name: str,
    client: ChainClient,
    below_wad: int,
    known: frozenset[Borrower],
) -> Venue:
    its, head = settings.chains[chain], await client.head()
    venue = cast("RehearsableVenue[Any]", await open_venue(its.venues[name], client, head))
    if known:
        borrowers, state = known, await venue.read(sorted(known), head)
    else:
        index: VenueIndex[Any] = VenueIndex(venue, client, its.venues[name].from_block, its.finality_depth)
        state = await index.update(head)
        borrowers = index.borrowers
    site = Site(
        chain=chain,
        name=name,
        venue=venue,
        state=state,
        block_hash=head.hash,
        now_s=head.timestamp,
        deadline_s=head.timestamp + _patience_s(its),
        sender=_sender(settings, chain),
        means=await _means(settings, chain, client, head),
        tokens=_tokens(its),
    )
    found: list[Readiness] = []
    near = at_risk(site, sorted(borrowers), below_wad)
    for start in range(0, len(near), PART):
        found += await _simulated(client, site, [rehearse(site, each) for each in near[start : start + PART]])
    return Venue(chain, name, head.number, len(borrowers), bool(known), tuple(found))


async def _simulated(client: ChainClient, site: Site, rehearsed: list[Rehearsed]) -> list[Readiness]:
    calls: list[Pretended] = [attempt.call for each in rehearsed for attempt in each.attempts]
    answers = iter(await ClientSimulator(client).simulate_many(calls, site.block_hash))
    return [conclude(each, [next(answers) for _ in each.attempts]) for each in rehearsed]


async def _means(settings: Settings, chain: str, client: ChainClient, head: Head) -> Means | None:
    executor = settings.chains[chain].executor
    if executor is None:
        return None
    tokens = [each.token for each in executor.inventory]
    question = BALANCE_OF + address_word(_sender(settings, chain))
    held = await client.call_many([(token, question) for token in tokens], head.hash)
    inventory = {
        token: 0 if isinstance(answer, Reverted) else int.from_bytes(answer[:32])
        for token, answer in zip(tokens, held, strict=True)
    }
    pools = executor.pools if executor.flash else ()
    return Means(
        executor.address,
        inventory,
        tuple(Pool(each.address, each.base_token, each.quote_token) for each in pools),
    )


def _tokens(settings: ChainSettings) -> dict[str, Token]:
    hub = {each.address: Token(each.asset, each.decimals) for each in settings.tokens}
    return hub | {each.address: Token(each.asset, each.decimals) for each in settings.venue_tokens}


def _sender(settings: Settings, chain: str) -> str:
    """Return whose the executor should be."""
    senders = settings.chains[chain].senders
    return settings.signers[senders[0]].address if senders else NOBODY


def _patience_s(settings: ChainSettings) -> int:
    blocks = settings.executor.deadline_blocks if settings.executor is not None else 1
    return ceil(settings.block_time_s * blocks)
