"""Accounts' legs as a chain's contracts tell them at one block: the hub's words and its desk's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chains.hub.desk import DeskReader
from chains.hub.options import OptionHeld
from chains.hub.reader import HubReader
from keeper.book.leg_state import LegRow


class LegReader:
    """Reads legs from a hub and, where it has one, its option desk. Raises what the two readers raise."""

    def __init__(self, hub: HubReader, desk: DeskReader | None) -> None:
        self._hub = hub
        self._desk = desk

    async def rows(self, accounts: Sequence[str], block_hash: str) -> list[LegRow]:
        """Return each account's leg at this block, in order."""
        words, options = await asyncio.gather(
            self._hub.legs(accounts, block_hash), self._options(accounts, block_hash)
        )
        return [
            LegRow.from_words(account, row, held)
            for account, row, held in zip(accounts, words, options, strict=True)
        ]

    async def series(self, items: Sequence[int], block_hash: str) -> dict[int, OptionHeld]:
        """Return the terms of those option series that the desk has opened, by what attestations call them."""
        if self._desk is None or not items:
            return {}
        return await self._desk.series(items, block_hash)

    async def _options(self, accounts: Sequence[str], block_hash: str) -> Sequence[tuple[OptionHeld, ...]]:
        if self._desk is None:
            return [()] * len(accounts)
        return await self._desk.legs(accounts, block_hash)
