"""What a rollup charges for putting a transaction's data on the layer below, beside the gas that it uses.

OP stack chains take it as a fee of its own. Their predeployed GasPriceOracle says how much: since the Fjord
upgrade an upper bound from the size of the unsigned transaction (`getL1FeeUpperBound`), before it an estimate
from its bytes (`getL1Fee`). Source: specs.optimism.io, predeploys and Fjord; ethereum-optimism/optimism,
packages/contracts-bedrock/src/L2/GasPriceOracle.sol.

Arbitrum takes it as gas on top of what is executed, at the same price per gas, so a gas limit must leave room for
it. The node's virtual contract NodeInterface says how much (`gasEstimateL1Component`). Source: docs.arbitrum.io,
NodeInterface reference; OffchainLabs/nitro-contracts, src/node-interface/NodeInterface.sol.

Both follow the lower layer's base fee, which may rise by an eighth in each of its blocks until the transaction is
charged: what is asked now is raised by a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eth_hash.auto import keccak

from chains.errors import MalformedAnswer, Reverted
from chains.transactions import TransactionRequest, unsigned_bytes
from config.settings import L1Fee

GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F"
NODE_INTERFACE = "0x00000000000000000000000000000000000000C8"
MARGIN_PERCENT = 125
MOST_GAS = 2**32
"""No transaction has so much gas: an answer above it is none."""

UPPER_BOUND = keccak(b"getL1FeeUpperBound(uint256)")[:4]
FEE = keccak(b"getL1Fee(bytes)")[:4]
COMPONENT = keccak(b"gasEstimateL1Component(address,bool,bytes)")[:4]


class Caller(Protocol):
    """What is asked of a chain."""

    async def call(self, to: str, data: bytes, block_hash: str) -> bytes:
        """Return what the contract answers at this block. Raises a `ChainError`."""


@dataclass(frozen=True, slots=True)
class DataCharge:
    """What a transaction's data costs at most: a fee of its own, or gas on top of what it executes."""

    fee_wei: int = 0
    gas: int = 0


NOTHING = DataCharge()


async def data_charge(kind: L1Fee, chain: Caller, request: TransactionRequest, block_hash: str) -> DataCharge:
    """Return what the chain charges for the request's data as of a block. Raises `ChainError`."""
    match kind:
        case L1Fee.NONE:
            return NOTHING
        case L1Fee.OP_STACK:
            return DataCharge(fee_wei=_raised(await _op_stack_fee(chain, request, block_hash)))
        case L1Fee.ARBITRUM:
            return DataCharge(gas=_raised(await _arbitrum_gas(chain, request, block_hash)))


async def _op_stack_fee(chain: Caller, request: TransactionRequest, block_hash: str) -> int:
    raw = unsigned_bytes(request)
    try:
        answer = await chain.call(GAS_PRICE_ORACLE, UPPER_BOUND + _word(len(raw)), block_hash)
    except Reverted:
        answer = await chain.call(GAS_PRICE_ORACLE, FEE + _word(32) + _bytes(raw), block_hash)
    return _first_word(answer, "the gas price oracle")


async def _arbitrum_gas(chain: Caller, request: TransactionRequest, block_hash: str) -> int:
    is_creation = 0
    asked = _word(int(request.to, 16)) + _word(is_creation) + _word(96) + _bytes(request.data)
    gas = _first_word(await chain.call(NODE_INTERFACE, COMPONENT + asked, block_hash), "the node interface")
    if gas >= MOST_GAS:
        raise MalformedAnswer("the node interface says more gas than any transaction has")
    return gas


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _bytes(data: bytes) -> bytes:
    """A length and the bytes, filled up to whole words."""
    return _word(len(data)) + data + bytes(-len(data) % 32)


def _first_word(answer: bytes, who: str) -> int:
    if len(answer) < 32:
        raise MalformedAnswer(f"{who} does not answer: is this the right kind of rollup?")
    return int.from_bytes(answer[:32], "big")


def _raised(amount: int) -> int:
    return -(-amount * MARGIN_PERCENT // 100)
