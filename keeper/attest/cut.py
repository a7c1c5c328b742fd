"""An attestor's own look at what a batch rests on: the named blocks, and the legs in them.

The keeper's word counts for nothing here: each block is fetched by hash from this
attestor's own nodes, and every leg is read at it. Claims and what the hub does not tell
come from this attestor's own book, which follows the same events by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chains.blocks import Head
from chains.errors import ChainError
from chains.hub.reader import HubReader
from config.settings import Settings
from keeper.attest.wire import CutBlock
from keeper.book.catalogue import KnownChain
from keeper.book.leg_state import LegRow, LegState
from keeper.book.legs import leg
from keeper.domain.account import Account, CutPoint, Leg
from keeper.watch.watcher import Watcher


class CutRefused(Exception):
    """The cut is not one to rest a signature on. The text says why."""


@dataclass(frozen=True, slots=True)
class CutView:
    """What this attestor found: the cut with ages of its own, and the accounts as of it."""

    points: tuple[CutPoint, ...]
    heads: Mapping[str, Head]
    accounts: Mapping[str, Account]


async def read_cut(
    watcher: Watcher,
    known: Mapping[str, KnownChain],
    cut: Sequence[CutBlock],
    accounts: Sequence[str],
    now_ms: int,
    max_age_s: float,
) -> CutView:
    """Fetch the blocks and the legs. Raises `CutRefused`."""
    settings = watcher.settings
    named = _by_chain(settings, cut)
    try:
        found = await asyncio.gather(
            *(watcher.clients[chain].block(block.hash) for chain, block in named.items())
        )
        heads = dict(zip(named, found, strict=True))
        points = tuple(
            _point(chain, block, heads[chain], now_ms, max_age_s) for chain, block in sorted(named.items())
        )
        rows = await asyncio.gather(
            *(_rows(watcher.chains[chain].reader, accounts, block.hash) for chain, block in named.items())
        )
    except ChainError as error:
        raise CutRefused(f"can not read it: {error}") from error
    by_chain = dict(zip(named, rows, strict=True))
    joined = {
        account_id: joined_account
        for index, account_id in enumerate(accounts)
        if (
            joined_account := _joined(
                watcher,
                known,
                account_id,
                {chain: chain_rows[index] for chain, chain_rows in by_chain.items()},
            )
        )
        is not None
    }
    return CutView(points, heads, joined)


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


async def _rows(reader: HubReader, accounts: Sequence[str], block_hash: str) -> list[LegRow]:
    words = await reader.legs(accounts, block_hash)
    return [LegRow.from_words(account, row) for account, row in zip(accounts, words, strict=True)]


def _joined(
    watcher: Watcher, known: Mapping[str, KnownChain], account_id: str, rows: Mapping[str, LegRow]
) -> Account | None:
    booked = watcher.evidence.book.account(account_id)
    legs: list[Leg] = []
    for chain, row in sorted(rows.items()):
        own = next((each for each in booked.legs if each.chain == chain), None) if booked else None
        read = leg(known[chain], row.state(known[chain], LegState()), own.claims if own else (), ())
        if own is not None:
            read = replace(read, steps_taken=own.steps_taken, unreadable=(*read.unreadable, *own.unreadable))
        if read.version or not read.is_empty:
            legs.append(read)
    if not legs:
        return None
    owner, subaccount = (booked.owner, booked.subaccount) if booked else ("", 0)
    return Account(account_id, owner, subaccount, tuple(legs))
