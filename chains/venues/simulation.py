"""A call as somebody else, with some contracts' code replaced for its length, on a chain's endpoints."""

from __future__ import annotations

from collections.abc import Mapping

from chains.answers import read_data
from chains.client import ChainClient
from chains.endpoint import Endpoint

GAS_LIMIT = 3_000_000
"""Twice what a liquidation takes through the most expensive of the venues."""


class ClientSimulator:
    """Simulates through a chain's client."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client

    async def simulate(
        self, sender: str, to: str, data: bytes, codes: Mapping[str, bytes], block_hash: str
    ) -> bytes:
        """Return what the call answers in this block. Raises `Reverted`, and what every read raises."""
        params = [
            {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(GAS_LIMIT)},
            {"blockHash": block_hash, "requireCanonical": True},
            {address: {"code": "0x" + code.hex()} for address, code in codes.items()},
        ]

        async def question(endpoint: Endpoint) -> bytes:
            return read_data(await endpoint.request("eth_call", params))

        return await self._client.pool.ask(question)
