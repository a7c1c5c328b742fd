"""What a lane needs of a chain. `chains.client.ChainClient` is one; tests give a scripted one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chains.answers import FeeQuote, Receipt
from chains.blocks import Head
from chains.send_errors import SendOutcome
from chains.transactions import TransactionRequest


class LaneChain(Protocol):
    """Reads and broadcasts on one chain. Reads raise a `ChainError`; sends answer with their outcome."""

    async def block(self, at: int | str) -> Head:
        """Return the canonical block of that number, or the block of that hash."""

    @property
    def asked_first(self) -> str:
        """The name of the node that is usually asked now."""

    async def receipt(self, tx_hash: str) -> Receipt | None:
        """Return a transaction's receipt, None while the node knows none."""

    async def find_receipt(self, tx_hash: str) -> Receipt | None:
        """Return the receipt of what is mined from whichever node shows it, None if none of them does."""

    async def sent_in(self, block_hash: str, sender: str) -> Mapping[int, str]:
        """Return the hashes of a sender's transactions in a block, by their nonces."""

    async def transaction_count(self, address: str, block: int | str = "latest") -> int:
        """Return the sender's next nonce as of a block."""

    async def fees(self) -> FeeQuote:
        """Return the next block's base fee and a tip, wei per gas."""

    async def simulate(
        self, transaction: TransactionRequest, sender: str, block: int | str = "pending"
    ) -> bytes:
        """Run a transaction without sending it. Raises `Reverted` if it would fail."""

    async def send_raw(self, raw: bytes) -> SendOutcome:
        """Broadcast signed bytes."""
