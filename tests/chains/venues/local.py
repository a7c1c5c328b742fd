"""A local chain on which a test plays everybody: no keys, no fees, a block for each transaction."""

from __future__ import annotations

from eth_utils import to_checksum_address

from chains.devnet.anvil import Anvil
from chains.devnet.local_chain import OWNER, LocalChain

__all__ = ["BROKEN_CODE", "CHAIN_ID", "OWNER", "LocalChain", "free_anvil", "person"]

CHAIN_ID = 31_210
BROKEN_CODE = "0x5f5ffd"


def person(index: int) -> str:
    return to_checksum_address(f"0x{0xABC0000000 + index:040x}")


def free_anvil() -> Anvil:
    return Anvil(CHAIN_ID, extra=LocalChain.FREE)
