"""Somebody else with our key: a transaction to itself, signed at a nonce of choice."""

from __future__ import annotations

from dataclasses import dataclass

from chains.keys import Key
from chains.transactions import Fees, TransactionPolicy, TransactionRequest, cancellation, sign_transaction

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Foreign:
    """What was signed, as a node takes it."""

    raw: str
    tx_hash: str


async def foreign_transaction(key: Key, chain_id: int, nonce: int, fee_gwei: int = 50) -> Foreign:
    """Sign a transfer of nothing to the key's own address."""
    fees = Fees(fee_gwei * GWEI, fee_gwei * GWEI)
    request = TransactionRequest(chain_id, nonce, fees.tip_wei, fees.cap_wei, 21_000, key.address, b"")
    policy = TransactionPolicy(chain_id, frozenset(), 100_000, 1_000 * GWEI, 10**18)
    signed = await sign_transaction(cancellation(request, key.address, fees), key, policy)
    return Foreign("0x" + signed.raw.hex(), signed.tx_hash)
