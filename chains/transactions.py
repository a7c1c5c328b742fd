"""EIP-1559 transactions: the policy before signing, the bytes on the wire, and the fee rules.

A transaction is laid out here by hand because that is what a signer should be able to read,
and because it is twenty times cheaper; tests hold the bytes equal to eth_account's. Only
type 2 with an empty access list exists, so nothing else can be signed.

The fee rules are those of the node pools: a replacement must raise *both* fields by 10 %
(geth) or 12.5 % (others), and a cap of tip + 2 x base fee outlasts five full blocks
(1.125^6 = 2.03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eth_hash.auto import keccak

from chains.errors import (
    CalldataTooLong,
    FeeOutOfBounds,
    GasOutOfBounds,
    WrongChainId,
    WrongTarget,
    WrongValue,
)

TYPE_2 = b"\x02"
INTRINSIC_GAS = 21_000
MAX_CALLDATA_BYTES = 128 * 1024
MAX_UINT64 = 2**64 - 1
"""EIP-2681: no nonce reaches 2**64 - 1."""


class Signer(Protocol):
    """What signs: a key of this process (`chains.keys.Key`) or one behind HTTP (`chains.remote_signer`)."""

    @property
    def address(self) -> str:
        """The checksummed address."""

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id) for the payload's keccak-256, s in the lower half of the curve's order.

        Raises `SignerUnavailable` if there is no signature now.
        """


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """An unsigned type-2 transaction. `to` is 0x hex of 20 bytes; contract creation does not exist here."""

    chain_id: int
    nonce: int
    max_priority_fee_per_gas_wei: int
    max_fee_per_gas_wei: int
    gas_limit: int
    to: str
    data: bytes
    value_wei: int = 0


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """What goes on the wire, and who signed it. `raw` and `tx_hash` never change once made."""

    request: TransactionRequest
    sender: str
    raw: bytes
    tx_hash: str


@dataclass(frozen=True, slots=True)
class TransactionPolicy:
    """What may be signed on one chain.

    `allowed` holds (contract in lower case, 4-byte selector). A transaction to the sender itself
    without calldata, which only uses up its nonce, is always allowed. `max_cost_wei` bounds
    gas limit x fee cap of one transaction.
    """

    chain_id: int
    allowed: frozenset[tuple[str, bytes]]
    max_gas_limit: int
    max_fee_per_gas_wei: int
    max_cost_wei: int
    max_calldata_bytes: int = MAX_CALLDATA_BYTES


@dataclass(frozen=True, slots=True)
class Fees:
    """The two fee fields of a type-2 transaction, in wei per gas."""

    tip_wei: int
    cap_wei: int


def first_fees(base_fee_wei: int, tip_wei: int) -> Fees:
    """Return the fees of a first attempt: cap = tip + 2 x base fee."""
    return Fees(tip_wei=tip_wei, cap_wei=tip_wei + 2 * base_fee_wei)


def bumped_fees(previous: Fees, market: Fees) -> Fees:
    """Return the fees of a replacement: each field the market's, and at least x1.125 of its last, rounded up.

    Both fields rise by at least 1 wei, since pools refuse a replacement that leaves one as it was.
    """
    tip_wei = max(market.tip_wei, raised(previous.tip_wei))
    cap_wei = max(market.cap_wei, raised(previous.cap_wei), tip_wei)
    return Fees(tip_wei=tip_wei, cap_wei=cap_wei)


def raised(fee_wei: int) -> int:
    """Return a fee x 9/8 rounded up, and at least 1 wei more."""
    return max(-(-fee_wei * 9 // 8), fee_wei + 1)


def cancellation(request: TransactionRequest, sender: str, fees: Fees) -> TransactionRequest:
    """Return the transaction that uses up `request`'s nonce and does nothing else."""
    return TransactionRequest(
        chain_id=request.chain_id,
        nonce=request.nonce,
        max_priority_fee_per_gas_wei=fees.tip_wei,
        max_fee_per_gas_wei=fees.cap_wei,
        gas_limit=INTRINSIC_GAS,
        to=sender,
        data=b"",
    )


def check_policy(request: TransactionRequest, policy: TransactionPolicy, sender: str) -> None:
    """Raise a `NeverSign` error unless `request` is within `policy` in every respect."""
    if request.chain_id != policy.chain_id:
        raise WrongChainId(
            f"the transaction is for chain {request.chain_id}, the policy for {policy.chain_id}"
        )
    if request.value_wei != 0:
        raise WrongValue(f"the transaction would move {request.value_wei} wei")
    if len(request.data) > policy.max_calldata_bytes:
        raise CalldataTooLong(
            f"{len(request.data)} bytes of calldata, at most {policy.max_calldata_bytes} are allowed"
        )
    cancels = not request.data and request.to.lower() == sender.lower()
    if not cancels and (
        len(request.data) < 4 or (request.to.lower(), request.data[:4]) not in policy.allowed
    ):
        raise WrongTarget(f"{request.to} with selector 0x{request.data[:4].hex()} is not on the allow-list")
    if not INTRINSIC_GAS <= request.gas_limit <= policy.max_gas_limit:
        raise GasOutOfBounds(
            f"gas limit {request.gas_limit} is not within {INTRINSIC_GAS} to {policy.max_gas_limit}"
        )
    if (
        not 0
        <= request.max_priority_fee_per_gas_wei
        <= request.max_fee_per_gas_wei
        <= policy.max_fee_per_gas_wei
    ):
        message = (
            f"tip {request.max_priority_fee_per_gas_wei}, cap {request.max_fee_per_gas_wei} wei:"
            f" the tip must not pass the cap, nor the cap {policy.max_fee_per_gas_wei}"
        )
        raise FeeOutOfBounds(message)
    if request.gas_limit * request.max_fee_per_gas_wei > policy.max_cost_wei:
        raise FeeOutOfBounds(f"gas limit x cap could cost more than {policy.max_cost_wei} wei")


async def sign_transaction(
    request: TransactionRequest, signer: Signer, policy: TransactionPolicy
) -> SignedTransaction:
    """Check the policy, then sign. Raises `NeverSign` before any signature is made, or `SignerUnavailable`."""
    check_policy(request, policy, signer.address)
    fields = _fields(request)
    r, s, recovery = await signer.sign_payload(unsigned_bytes(request))
    raw = TYPE_2 + _list(fields + _integer(recovery) + _integer(r) + _integer(s))
    return SignedTransaction(request, signer.address, raw, "0x" + keccak(raw).hex())


def unsigned_bytes(request: TransactionRequest) -> bytes:
    """Return what is signed: the type, and the fields without a signature."""
    return TYPE_2 + _list(_fields(request))


def _fields(request: TransactionRequest) -> bytes:
    """The nine fields of EIP-1559 as an RLP list's payload, without the list's own header."""
    to = bytes.fromhex(request.to[2:])
    if len(to) != 20 or not request.to.startswith("0x"):
        raise WrongTarget("a transaction goes to an address of 20 bytes")
    if not 0 <= request.nonce < MAX_UINT64:
        raise ValueError(f"nonce {request.nonce} is out of range")
    return b"".join(
        (
            _integer(request.chain_id),
            _integer(request.nonce),
            _integer(request.max_priority_fee_per_gas_wei),
            _integer(request.max_fee_per_gas_wei),
            _integer(request.gas_limit),
            _string(to),
            _integer(request.value_wei),
            _string(request.data),
            b"\xc0",
        )
    )


def _integer(value: int) -> bytes:
    """An integer in RLP: big-endian without leading zeros."""
    return _string(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _string(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _header(0x80, len(data)) + data


def _list(payload: bytes) -> bytes:
    return _header(0xC0, len(payload)) + payload


def _header(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(size),)) + size
