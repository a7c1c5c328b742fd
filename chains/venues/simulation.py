"""Calls as somebody else, with some contracts' code replaced for their length, on a chain's endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chains.answers import read_data
from chains.client import ChainClient
from chains.endpoint import Call, Endpoint
from chains.errors import ChainError, Reverted
from chains.venues.rehearsal import Pretended

GAS_LIMIT = 3_000_000
"""Twice what a liquidation takes through the most expensive of the venues."""


CALLS_PER_BATCH = 40
"""Each carries code for its oracles, some kilobytes of it."""


class ClientSimulator:
    """Simulates through a chain's client."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client

    async def simulate(
        self, sender: str, to: str, data: bytes, codes: Mapping[str, bytes], block_hash: str
    ) -> bytes:
        """Return what the call answers in this block. Raises `Reverted`, and what every read raises."""
        params = _params(Pretended(sender, to, data, codes), block_hash)

        async def question(endpoint: Endpoint) -> bytes:
            return read_data(await endpoint.request("eth_call", params))

        return await self._client.pool.ask(question)

    async def simulate_many(self, calls: Sequence[Pretended], block_hash: str) -> list[bytes | Reverted]:
        """Return each call's answer in this block, in order; one that reverts fails only itself.

        Raises what every read raises.
        """
        found: list[bytes | Reverted] = []
        for start in range(0, len(calls), CALLS_PER_BATCH):
            wire: list[Call] = [
                ("eth_call", _params(each, block_hash)) for each in calls[start : start + CALLS_PER_BATCH]
            ]

            async def question(endpoint: Endpoint, wire: list[Call] = wire) -> list[bytes | Reverted]:
                return [_answer(each) for each in await endpoint.batch(wire)]

            found += await self._client.pool.ask(question)
        return found


def _params(call: Pretended, block_hash: str) -> list[dict[str, Any]]:
    return [
        {"from": call.sender, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(GAS_LIMIT)},
        {"blockHash": block_hash, "requireCanonical": True},
        {address: {"code": "0x" + code.hex()} for address, code in call.codes.items()},
    ]


def _answer(result: object) -> bytes | Reverted:
    if isinstance(result, Reverted):
        return result
    if isinstance(result, ChainError):
        raise result
    return read_data(result)
