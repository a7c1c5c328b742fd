"""How questions are put: parameters for blocks and calls, batches that nodes take, results that must be there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chains.endpoint import Call, Endpoint
from chains.endpoint_report import Abilities
from chains.errors import ChainError, NotYetThere
from chains.provider import Json
from chains.transactions import TransactionRequest

BATCH_CALLS = 100
BATCH_BYTES = 512 * 1024


def logs_by_hash(its: Abilities) -> bool:
    """Whether a node answers for the logs of a block by its hash."""
    return its.logs_by_hash


def calls_by_hash(its: Abilities) -> bool:
    """Whether a node answers calls at a block by its hash."""
    return its.call_by_hash


async def batched(endpoint: Endpoint, calls: Sequence[Call]) -> list[Any]:
    """Send `calls` as batches that stay below 100 calls and half a megabyte each."""
    results: list[Any] = []
    chunk: list[Call] = []
    size = 0
    for call in calls:
        weight = 200 + (len(call[1][0].get("data", "")) if call[0] == "eth_call" else 0)
        if chunk and (len(chunk) == BATCH_CALLS or size + weight > BATCH_BYTES):
            results += await endpoint.batch(chunk)
            chunk, size = [], 0
        chunk.append(call)
        size += weight
    return results + await endpoint.batch(chunk)


def present(result: Json, what: str) -> Json:
    """Return a batch's result. Raises the error that stands in its place, or `NotYetThere` for null."""
    if isinstance(result, ChainError):
        raise result
    if result is None:
        raise NotYetThere(f"the node does not have {what}")
    return result


def pinned(block_hash: str) -> dict[str, Any]:
    """Return the block parameter that is this block on the canonical chain or nothing (EIP-1898)."""
    return {"blockHash": block_hash, "requireCanonical": True}


def at_block(block: int | str) -> object:
    """Return the block parameter for a number, a hash or a tag."""
    if isinstance(block, int):
        return hex(block)
    return pinned(block) if block.startswith("0x") else block


def as_call(transaction: TransactionRequest, sender: str) -> dict[str, Any]:
    """Return a transaction as the parameter of a call that does not send it."""
    return {
        "from": sender,
        "to": transaction.to,
        "data": "0x" + transaction.data.hex(),
        "value": hex(transaction.value_wei),
        "gas": hex(transaction.gas_limit),
        "maxFeePerGas": hex(transaction.max_fee_per_gas_wei),
        "maxPriorityFeePerGas": hex(transaction.max_priority_fee_per_gas_wei),
    }
