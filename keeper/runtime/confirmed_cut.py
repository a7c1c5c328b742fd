"""Before anything is attested: do as many endpoints as must agree have the blocks that it would rest on?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from chains.client import ChainClient
from chains.errors import ChainError
from keeper.attest.wire import CutBlock


class ConfirmedCut:
    """Asks for the blocks of a cut on those chains where one endpoint is not enough. Elsewhere it costs nothing."""

    def __init__(self, clients: Mapping[str, ChainClient]) -> None:
        self._clients = {
            client.chain_id: client for client in clients.values() if client.decisive is not client
        }

    async def objection(self, cut: Sequence[CutBlock]) -> str:
        """Say why a cut must not be attested, empty if it may be."""
        asked = [block for block in cut if block.chain_id in self._clients]
        found = await asyncio.gather(*(self._objection(block) for block in asked))
        return "; ".join(each for each in found if each)

    async def _objection(self, block: CutBlock) -> str:
        client = self._clients[block.chain_id]
        try:
            await client.decisive.block(block.hash)
        except ChainError as error:
            return f"{client.name}: block {block.number} is not confirmed: {error}"
        return ""
