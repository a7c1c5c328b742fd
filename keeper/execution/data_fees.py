"""What a chain charges for data, as its lanes ask it and as plans reckon with it."""

from __future__ import annotations

from chains.blocks import Head
from chains.errors import ChainError
from chains.l1_fees import NOTHING, Caller, DataCharge, data_charge
from chains.transactions import TransactionRequest
from config.settings import L1Fee

REFRESH_S = 15
TYPICAL_BYTES = 1_100
"""Of a call with an attestation and three signatures; signatures do not compress."""


class DataFees:
    """Asks one chain. Where it charges nothing, nothing is asked."""

    def __init__(self, kind: L1Fee, chain: Caller) -> None:
        self._kind = kind
        self._chain = chain
        self._asked_s = 0
        self.typical = NOTHING

    async def charge(self, request: TransactionRequest, block_hash: str) -> DataCharge:
        """Return what the chain charges for this request at most. Raises `ChainError`."""
        if self._kind is L1Fee.NONE:
            return NOTHING
        return await data_charge(self._kind, self._chain, request, block_hash)

    async def refresh(self, head: Head, contract: str) -> None:
        """Bring `typical`, what a call of `contract` is charged, up to date. What can not be read stays as it was."""
        if self._kind is L1Fee.NONE or head.timestamp - self._asked_s < REFRESH_S:
            return
        call = TransactionRequest(
            chain_id=1,
            nonce=2**16,
            max_priority_fee_per_gas_wei=2**40,
            max_fee_per_gas_wei=2**40,
            gas_limit=2**20,
            to=contract,
            data=b"\xff" * TYPICAL_BYTES,
        )
        try:
            self.typical = await self.charge(call, head.hash)
        except ChainError:
            return
        self._asked_s = head.timestamp
