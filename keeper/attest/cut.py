"""An attestor's own look at what a batch rests on: the named blocks, and the legs in them.

The keeper's word counts for nothing here: each block is fetched by hash from this
attestor's own nodes, and every leg is read at it. Claims and what the hub does not tell
come from this attestor's own book, which follows the same events by itself.

What was read must be what the book has. A cut from before a liquidation still has the debt
that a claim has already taken the place of, and shows an account in need of what was just done to it; a book
that lags behind the cut does not know of a claim whose debt is gone. Every step of a liquidation
raises its leg's last sequence, so legs that are equal have the same claims as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chains.blocks import Head
from chains.errors import ChainError
from chains.hub.options import OptionHeld
from config.settings import Settings
from keeper.attest.wire import CutBlock
from keeper.book.catalogue import KnownChain
from keeper.book.leg_state import LegRow, LegState
from keeper.book.legs import leg
from keeper.domain.account import Account, CutPoint, Leg
from keeper.watch.evidence import Evidence
from keeper.watch.watcher import Watcher

BOOK_PATIENCE_S = 1.0
"""How long the book may take to reach the cut: the keeper's nodes may be a poll ahead of ours."""
BOOK_LOOK_S = 0.02


class CutRefused(Exception):
    """The cut is not one to rest a signature on. The text says why."""


@dataclass(frozen=True, slots=True)
class CutView:
    """What this attestor found: the cut with ages of its own, and the accounts as of it.

    `contradicted` says of accounts where the hub at the cut and the book do not agree. `series` are the terms of
    the option series that were asked about, by chain and what attestations call them.
    """

    points: tuple[CutPoint, ...]
    heads: Mapping[str, Head]
    accounts: Mapping[str, Account]
    contradicted: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[tuple[str, int], OptionHeld] = field(default_factory=dict)


async def read_cut(
    watcher: Watcher,
    known: Mapping[str, KnownChain],
    cut: Sequence[CutBlock],
    accounts: Sequence[str],
    now_ms: int,
    max_age_s: float,
    series: Sequence[tuple[int, int]] = (),
) -> CutView:
    """Fetch the blocks, the legs, and option series by chain id and item. Raises `CutRefused`."""
    settings = watcher.settings
    named = _by_chain(settings, cut)
    for chain in named:
        status = watcher.evidence.statuses[chain]
        if not status.counts:
            raise CutRefused(f"{chain} is {status.state.replace('_', ' ')} here: {status.reason}")
    try:
        found = await asyncio.gather(
            *(watcher.clients[chain].decisive.block(block.hash) for chain, block in named.items())
        )
        heads = dict(zip(named, found, strict=True))
        points = tuple(
            _point(chain, block, heads[chain], now_ms, max_age_s) for chain, block in sorted(named.items())
        )
        rows = await asyncio.gather(
            *(watcher.chains[chain].reader.rows(accounts, block.hash) for chain, block in named.items())
        )
        terms = await asyncio.gather(
            *(
                watcher.chains[chain].reader.series(_items(series, block.chain_id), block.hash)
                for chain, block in named.items()
            )
        )
    except ChainError as error:
        raise CutRefused(f"can not read it: {error}") from error
    await _caught_up(watcher.evidence, named)
    joined: dict[str, Account] = {}
    contradicted: dict[str, str] = {}
    for index, account_id in enumerate(accounts):
        booked = watcher.evidence.book.account(account_id)
        read = {chain: chain_rows[index] for chain, chain_rows in zip(named, rows, strict=True)}
        difference = _difference(known, booked, read)
        if difference:
            contradicted[account_id] = difference
        elif booked is not None:
            joined[account_id] = booked
    opened = {
        (chain, item): held for chain, its in zip(named, terms, strict=True) for item, held in its.items()
    }
    return CutView(points, heads, joined, contradicted, opened)


def _items(series: Sequence[tuple[int, int]], chain_id: int) -> list[int]:
    return sorted({item for its_chain_id, item in series if its_chain_id == chain_id})


async def _caught_up(evidence: Evidence, named: Mapping[str, CutBlock]) -> None:
    """Wait a little for the book to reach the cut. Where it does not, the comparison tells whether it matters."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + BOOK_PATIENCE_S
    while loop.time() < until_s:
        cursors = {chain: evidence.book.cursor(chain) for chain in named}
        if all(head is not None and head.number >= named[chain].number for chain, head in cursors.items()):
            return
        await asyncio.sleep(BOOK_LOOK_S)


def _by_chain(settings: Settings, cut: Sequence[CutBlock]) -> dict[str, CutBlock]:
    by_id = {block.chain_id: block for block in cut}
    wanted = {chain.chain_id: name for name, chain in settings.chains.items()}
    if len(by_id) != len(cut) or set(by_id) != set(wanted):
        raise CutRefused(f"it names chains {sorted(by_id)}, an account is over {sorted(wanted)}")
    return {wanted[chain_id]: block for chain_id, block in by_id.items()}


def _point(chain: str, block: CutBlock, head: Head, now_ms: int, max_age_s: float) -> CutPoint:
    if head.number != block.number:
        raise CutRefused(f"{chain}: block {block.hash} is number {head.number}, not {block.number}")
    age_ms = max(0, now_ms - head.timestamp * 1000)
    if age_ms > max_age_s * 1000:
        raise CutRefused(f"{chain}: block {head.number} is {age_ms // 1000} s old, more than {max_age_s:g}")
    return CutPoint(chain, head.number, head.hash, head.timestamp, age_ms)


def _difference(known: Mapping[str, KnownChain], booked: Account | None, rows: Mapping[str, LegRow]) -> str:
    """Say where the hubs at the cut and the book have an account differently; empty if nowhere."""
    own_legs = {each.chain: each for each in booked.legs} if booked else {}
    for chain, row in sorted(rows.items()):
        own = own_legs.get(chain)
        read = leg(known[chain], row.state(known[chain], LegState()), own.claims if own else (), ())
        if own is None:
            if read.version or not read.is_empty:
                return f"{chain}: the hub has a leg that the book does not have yet"
        elif _told_by_hub(own) != replace(read, steps_taken=own.steps_taken, unreadable=own.unreadable):
            return (
                f"{chain}: at the cut version {read.version}, sequence {read.last_sequence}; "
                f"in the book version {own.version}, sequence {own.last_sequence}"
            )
    return ""


def _told_by_hub(own: Leg) -> Leg:
    """Return a leg as the views of hub and desk tell it: what options came to is told by events alone."""
    return replace(own, options=tuple(replace(option, settlement_wad=None) for option in own.options))
