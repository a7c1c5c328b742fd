"""Nodes' JSON, read strictly: what does not fit raises `MalformedAnswer` and nothing is guessed."""

from __future__ import annotations

import re
from binascii import Error as HexError
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from chains.blocks import Head
from chains.errors import MalformedAnswer, clean_text

Log: TypeAlias = Mapping[str, Any]
"""One log as the node sent it, its place (block, index, address) already checked."""

Emitters: TypeAlias = "str | tuple[str, ...]"
"""The contract whose logs are read, or several."""

_QUANTITY = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")

MAX_NUMBER = 2**63 - 1
MAX_TIMESTAMP_S = 10**11
"""Beyond these a block is invented. They are what the log's integers hold, in milliseconds too."""


@dataclass(frozen=True, slots=True)
class FeeQuote:
    """What the chain asks now: the next block's base fee, and the node's suggested tip. Wei per gas."""

    base_fee_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a mined transaction, in the block it was found in (check that it is canonical).

    `l1_fee_wei` is what rollups charge besides gas, 0 elsewhere. `logs` are as the node sent them.
    """

    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    effective_gas_price_wei: int
    l1_fee_wei: int
    logs: tuple[Log, ...]

    @property
    def cost_wei(self) -> int:
        """All that the sender paid."""
        return self.gas_used * self.effective_gas_price_wei + self.l1_fee_wei


def read_quantity(value: object) -> int:
    """Return a JSON-RPC quantity: 0x, no leading zeros, at most 256 bits."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise MalformedAnswer(f"not a quantity: {clean_text(repr(value), 40)}")


def read_data(value: object) -> bytes:
    """Return JSON-RPC data: 0x and an even number of hex digits, nothing else."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return unhexlify(value[2:])
        except (HexError, ValueError):
            pass
    raise MalformedAnswer(f"not hex data: {clean_text(repr(value), 40)}")


def read_hash(value: object) -> str:
    """Return a 32-byte hash as lower-case 0x hex."""
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value.lower()
    raise MalformedAnswer(f"not a hash: {clean_text(repr(value), 80)}")


def read_address(value: object) -> str:
    """Return a 20-byte address as lower-case 0x hex."""
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise MalformedAnswer(f"not an address: {clean_text(repr(value), 60)}")


def read_object(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON object, named `what` in the error."""
    if isinstance(value, dict):
        return value
    raise MalformedAnswer(f"{what} is not an object: {clean_text(repr(value), 40)}")


def read_list(value: object, what: str) -> Sequence[Any]:
    """Return a JSON array, named `what` in the error."""
    if isinstance(value, list):
        return value
    raise MalformedAnswer(f"{what} is not a list: {clean_text(repr(value), 40)}")


def read_head(chain: str, value: object) -> Head:
    """Return a block header. Chains before EIP-1559 have base fee 0."""
    block = read_object(value, "block")
    base_fee = block.get("baseFeePerGas")
    number, timestamp = read_quantity(block.get("number")), read_quantity(block.get("timestamp"))
    if number > MAX_NUMBER or timestamp > MAX_TIMESTAMP_S:
        raise MalformedAnswer(f"no block has number {number} and timestamp {timestamp}"[:120])
    return Head(
        chain=chain,
        number=number,
        hash=read_hash(block.get("hash")),
        parent_hash=read_hash(block.get("parentHash")),
        timestamp=timestamp,
        base_fee_wei=0 if base_fee is None else read_quantity(base_fee),
    )


def read_receipt(value: object, tx_hash: str) -> Receipt:
    """Return the receipt of `tx_hash`; one of another transaction is refused."""
    receipt = read_object(value, "receipt")
    if read_hash(receipt.get("transactionHash")) != tx_hash.lower():
        raise MalformedAnswer("the receipt is of another transaction")
    status = read_quantity(receipt.get("status"))
    if status > 1:
        raise MalformedAnswer(f"a receipt's status is 0 or 1, not {status}")
    l1_fee = receipt.get("l1Fee")
    logs = read_list(receipt.get("logs"), "logs")
    return Receipt(
        tx_hash=tx_hash.lower(),
        block_number=read_quantity(receipt.get("blockNumber")),
        block_hash=read_hash(receipt.get("blockHash")),
        succeeded=status == 1,
        gas_used=read_quantity(receipt.get("gasUsed")),
        effective_gas_price_wei=read_quantity(receipt.get("effectiveGasPrice")),
        l1_fee_wei=0 if l1_fee is None else read_quantity(l1_fee),
        logs=tuple(read_object(log, "log") for log in logs),
    )


def read_sent(value: object, sender: str, block_hash: str) -> dict[int, str]:
    """Return the hashes of `sender`'s transactions in a block with its transactions in full, by their nonces."""
    block = read_object(value, "block")
    if read_hash(block.get("hash")) != block_hash.lower():
        raise MalformedAnswer("the transactions are of another block")
    sent: dict[int, str] = {}
    for entry in read_list(block.get("transactions"), "transactions"):
        transaction = read_object(entry, "transaction")
        if read_address(transaction.get("from")) != sender.lower():
            continue
        nonce = read_quantity(transaction.get("nonce"))
        if nonce in sent:
            raise MalformedAnswer(f"two transactions of a sender with nonce {nonce}"[:120])
        sent[nonce] = read_hash(transaction.get("hash"))
    return sent


def read_logs(
    value: object, *, address: Emitters, first: int = 0, last: int | None = None, block_hash: str = ""
) -> list[Log]:
    """Return the logs of `address` in chain order, each shown to lie in the block or range that was asked for.

    A log elsewhere, a removed one, or two with one place mean that the answer can not be trusted.
    """
    emitters = {address.lower()} if isinstance(address, str) else {each.lower() for each in address}
    logs: dict[tuple[int, int], Log] = {}
    for entry in read_list(value, "logs"):
        log = read_object(entry, "log")
        number, index = read_quantity(log.get("blockNumber")), read_quantity(log.get("logIndex"))
        found_in = read_hash(log.get("blockHash"))
        in_place = (
            first <= number and (last is None or number <= last) and block_hash.lower() in {"", found_in}
        )
        if not in_place or log.get("removed") or read_address(log.get("address")) not in emitters:
            raise MalformedAnswer(f"a log of block {number} was not asked for")
        if (number, index) in logs:
            raise MalformedAnswer(f"log {index} of block {number} came twice")
        logs[number, index] = log
    return [logs[place] for place in sorted(logs)]


def read_fees(history: object, tip: object) -> FeeQuote:
    """Return the fee quote from an ``eth_feeHistory`` answer (its last base fee is the next block's) and a tip."""
    base_fees = read_list(read_object(history, "fee history").get("baseFeePerGas"), "base fees")
    if not base_fees:
        raise MalformedAnswer("a fee history without a base fee")
    return FeeQuote(base_fee_wei=read_quantity(base_fees[-1]), tip_wei=read_quantity(tip))
