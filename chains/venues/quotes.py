"""What the executor would be left with, asked of a node: every way in one batch, as of one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chains.answers import read_data
from chains.client import ChainClient
from chains.endpoint import Call, Endpoint
from chains.errors import ChainError, MalformedAnswer, Reverted
from chains.hub.codec import selector
from chains.venues.words import read_words, revert_text

SLOT0 = selector("slot0()")
OWNER = selector("owner()")
GAS_LIMIT = 3_000_000
BATCH_CALLS = 60


@dataclass(frozen=True, slots=True)
class Ask:
    """One call as somebody."""

    sender: str
    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The call would revert. `text` is the contract's own word, or what the node says."""

    text: str
    data: bytes


async def ask_as(client: ChainClient, asks: Sequence[Ask], block_hash: str) -> list[bytes | Refused]:
    """Return what each call answers in this block, in order. Raises what every read raises but for a revert."""
    at = {"blockHash": block_hash, "requireCanonical": True}
    wire: list[Call] = [
        (
            "eth_call",
            [{"from": each.sender, "to": each.to, "data": "0x" + each.data.hex(), "gas": hex(GAS_LIMIT)}, at],
        )
        for each in asks
    ]

    async def question(endpoint: Endpoint) -> list[bytes | Refused]:
        results: list[Any] = []
        for start in range(0, len(wire), BATCH_CALLS):
            results += await endpoint.batch(wire[start : start + BATCH_CALLS])
        return [_answer(result) for result in results]

    return await client.pool.ask(question) if wire else []


def read_sqrt_price(answer: bytes) -> int:
    """Return a pool's sqrtPriceX96 out of what its ``slot0`` answers. Raises `MalformedAnswer`."""
    try:
        return read_words(answer, 7)[0]
    except ValueError as error:
        raise MalformedAnswer(f"slot0: {error}") from error


def _answer(result: Any) -> bytes | Refused:  # noqa: ANN401 - any JSON, or the error in its place
    if isinstance(result, Reverted):
        return Refused(revert_text(result.data) or str(result), result.data)
    if isinstance(result, ChainError):
        raise result
    return read_data(result)
