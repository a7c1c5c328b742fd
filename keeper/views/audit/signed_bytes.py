"""What a signed transaction says, read from its bytes alone (EIP-1559, type 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak
from rlp.exceptions import RLPException

_TYPE = 2
_FIELDS = 12
_UNSIGNED = 9


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The parts of a transaction that must be what was meant. Hex is lower case; None is not readable."""

    tx_hash: str
    chain_id: int | None = None
    nonce: int | None = None
    max_fee_per_gas_wei: int | None = None
    gas_limit: int | None = None
    to: str = ""
    value_wei: int = 0
    data: str = ""
    sender: str = ""

    def differences(self, attempt: Mapping[str, Any], intent: Mapping[str, Any]) -> tuple[str, ...]:
        """Return in what this differs from the logged attempt and its intent, a line each."""
        return tuple(self._differences(attempt, intent))

    def _differences(self, attempt: Mapping[str, Any], intent: Mapping[str, Any]) -> Iterator[str]:
        if self.tx_hash != attempt["tx_hash"]:
            yield f"its hash is {self.tx_hash}"
        if self.nonce is None:
            yield "it is not a transaction of type 2"
            return
        is_cancel = attempt["is_cancel"]
        sender = attempt["sender"].lower()
        meant = {
            "chain_id": (self.chain_id, int(intent["chain_id"])),
            "nonce": (self.nonce, int(attempt["nonce"])),
            "max_fee_per_gas_wei": (self.max_fee_per_gas_wei, int(attempt["max_fee_per_gas_wei"])),
            "gas_limit": (self.gas_limit, int(attempt["gas_limit"])),
            "sender": (self.sender, sender),
            "to": (self.to, sender if is_cancel else intent["contract"].lower()),
            "data": (self.data, "0x" if is_cancel else intent["calldata"].lower()),
            "value_wei": (self.value_wei, 0),
        }
        for name, (found, expected) in meant.items():
            if found != expected:
                yield f"{name} is {str(found)[:80]}, not {str(expected)[:80]}"


def read_transaction(raw: str) -> SignedTransaction:
    """Read the signed bytes (0x hex). What can not be read has no nonce."""
    signed = bytes.fromhex(raw.removeprefix("0x"))
    tx_hash = "0x" + keccak(signed).hex()
    try:
        fields = rlp.decode(signed[1:], strict=True) if signed[:1] == bytes([_TYPE]) else []
        if len(fields) != _FIELDS:
            return SignedTransaction(tx_hash)
        parity, r, s = (int.from_bytes(part) for part in fields[_UNSIGNED:])
        digest = keccak(bytes([_TYPE]) + rlp.encode(fields[:_UNSIGNED]))
        signature = r.to_bytes(32) + s.to_bytes(32) + bytes([parity])
        public = PublicKey.from_signature_and_message(signature, digest, hasher=None).format(compressed=False)
    except (RLPException, ValueError, OverflowError, TypeError):
        return SignedTransaction(tx_hash)
    return SignedTransaction(
        tx_hash=tx_hash,
        chain_id=int.from_bytes(fields[0]),
        nonce=int.from_bytes(fields[1]),
        max_fee_per_gas_wei=int.from_bytes(fields[3]),
        gas_limit=int.from_bytes(fields[4]),
        to="0x" + fields[5].hex(),
        value_wei=int.from_bytes(fields[6]),
        data="0x" + fields[7].hex(),
        sender="0x" + keccak(public[1:])[-20:].hex(),
    )
