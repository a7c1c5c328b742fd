"""EIP-712 by hand: digests, signing, and strict recovery of attestations.

Same bytes as any EIP-712 library gives, at a tenth of the cost: the struct has only
static fields, so its hash is one keccak over 19 words. Recovery refuses what the hub
refuses: another length, v other than 27 or 28, high-s, zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Protocol

import coincurve
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from chains.hub.attestation import DOMAIN_NAME, DOMAIN_VERSION, TYPE_STRING, Attestation

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
SIGNATURE_BYTES = 65

_TYPE_HASH = keccak(TYPE_STRING.encode())
_DOMAIN_PREFIX = b"".join(
    (
        keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak(DOMAIN_NAME.encode()),
        keccak(DOMAIN_VERSION.encode()),
    )
)
_FIELDS = tuple(field.name for field in fields(Attestation))
# RFC 6962's reason: a leaf must never be readable as a node.
_LEAF, _NODE = b"\x00", b"\x01"


class InvalidSignature(ValueError):
    """The bytes are not a signature the hub would take. The text says why."""


class AttestationSigner(Protocol):
    """Whatever signs the keccak-256 of a payload (see `chains.transactions.Signer`)."""

    @property
    def address(self) -> str:
        """The checksummed address."""

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id), s in the lower half. Raises `SignerUnavailable`."""


class DigestSigner(Protocol):
    """A key at hand, which signs 32 bytes (see `chains.keys.Key`)."""

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """Return (r, s, recovery id), s in the lower half."""


def words(attestation: Attestation) -> bytes:
    """Return the attestation's fields as ABI words, in order."""
    return b"".join(_word(getattr(attestation, name)) for name in _FIELDS)


def digest(attestation: Attestation, chain_id: int, hub: str) -> bytes:
    """Return the 32 bytes that are signed for the hub at `hub` on chain `chain_id`."""
    return bytes(keccak(payload(attestation, chain_id, hub)))


def payload(attestation: Attestation, chain_id: int, hub: str) -> bytes:
    """Return what `digest` is the keccak-256 of: EIP-712's two bytes, the domain's hash and the struct's."""
    domain = keccak(_DOMAIN_PREFIX + _word(chain_id) + _word(hub))
    return bytes(b"\x19\x01" + domain + keccak(_TYPE_HASH + words(attestation)))


async def signed(signer: AttestationSigner, attestation: Attestation, chain_id: int, hub: str) -> bytes:
    """Return the signer's r, s and v (27 or 28) as 65 bytes. Raises `SignerUnavailable`."""
    r, s, recovery = await signer.sign_payload(payload(attestation, chain_id, hub))
    return r.to_bytes(32) + s.to_bytes(32) + bytes([27 + recovery])


def sign(key: DigestSigner, digest_to_sign: bytes) -> bytes:
    """Return r, s and v (27 or 28) as 65 bytes."""
    r, s, recovery = key.sign(digest_to_sign)
    return r.to_bytes(32) + s.to_bytes(32) + bytes([27 + recovery])


def recover(signed_digest: bytes, signature: bytes) -> str:
    """Return the signer's checksummed address. Raises `InvalidSignature` for what the hub would refuse."""
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature(f"{len(signature)} bytes instead of {SIGNATURE_BYTES}")
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if v not in {27, 28}:
        raise InvalidSignature(f"v is {v}, not 27 or 28")
    if not 0 < r < CURVE_ORDER or not 0 < s <= CURVE_ORDER // 2:
        raise InvalidSignature("r or s is out of range, or s is in the upper half")
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([v - 27]), signed_digest, hasher=None
        )
    except ValueError as error:
        raise InvalidSignature("no key gives this signature") from error
    return to_checksum_address(keccak(public.format(compressed=False)[1:])[12:])


def assemble(by_signer: Mapping[str, bytes], threshold: int) -> tuple[bytes, ...]:
    """Return exactly `threshold` signatures in strictly ascending order of their signers' addresses.

    Raises ``ValueError`` if there are fewer.
    """
    if len(by_signer) < threshold:
        raise ValueError(f"{len(by_signer)} signatures, {threshold} are needed")
    ascending = sorted(by_signer, key=lambda address: int(address, 16))
    return tuple(by_signer[signer] for signer in ascending[:threshold])


def blocks_root(cut: Iterable[tuple[int, int, str]]) -> str:
    """Return the Merkle root of (chain id, block number, block hash), sorted by chain id, as 0x hex.

    Leaves and nodes are hashed under different prefixes; an odd node moves up unchanged. Raises
    ``ValueError`` for no block or two of one chain.
    """
    blocks = sorted(cut)
    if not blocks or len({chain_id for chain_id, _, _ in blocks}) != len(blocks):
        raise ValueError("a cut has exactly one block of each chain, and at least one")
    level = [
        bytes(keccak(_LEAF + _word(chain_id) + _word(number) + bytes.fromhex(block_hash[2:])))
        for chain_id, number, block_hash in blocks
    ]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [bytes(keccak(_NODE + pair[0] + pair[1])) if len(pair) == 2 else pair[0] for pair in pairs]
    return "0x" + level[0].hex()


def _word(value: int | str) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(32)
    return bytes.fromhex(value[2:]).rjust(32, b"\x00")
