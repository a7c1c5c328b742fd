"""Attestations' digests and signatures, against a general EIP-712 library."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from chains.hub.attestation import TYPE_STRING, Attestation
from chains.hub.signatures import (
    CURVE_ORDER,
    InvalidSignature,
    assemble,
    blocks_root,
    digest,
    recover,
    sign,
)
from chains.keys import Key

HUB = "0x" + "aB" * 20
SIGNER = Key(b"\x07" * 32)
ATTESTATION = Attestation(
    1, "0x" + "11" * 32, 7, 8, 2, 1, 10**18, 3 * 10**21, 9 * 10**17, 0, "0x" + "00" * 32,
    "0x" + "33" * 20, "0x" + "44" * 20, "0x" + "55" * 32, "0x" + "66" * 32, "0x" + "77" * 32, 18, 19,
)  # fmt: skip


def general_digest(attestation: Attestation, chain_id: int) -> bytes:
    arguments = [argument.split(" ") for argument in TYPE_STRING[len("Attestation(") : -1].split(",")]
    message = {
        name: bytes.fromhex(getattr(attestation, name)[2:])
        if kind == "bytes32"
        else getattr(attestation, name)
        for kind, name in arguments
    }
    signable = encode_typed_data(
        {"name": "MarginHub", "version": "1", "chainId": chain_id, "verifyingContract": HUB},
        {"Attestation": [{"name": name, "type": kind} for kind, name in arguments]},
        message,
    )
    return bytes(keccak(b"\x19" + signable.version + signable.header + signable.body))


@given(st.integers(1, 2**64), st.integers(0, 2**256 - 1), st.binary(min_size=32, max_size=32))
def test_the_digest_is_the_one_any_eip712_library_gives(chain_id: int, size: int, account: bytes) -> None:
    attestation = replace(ATTESTATION, max_size=size, account="0x" + account.hex())

    assert general_digest(attestation, chain_id) == digest(attestation, chain_id, HUB)


def test_another_chain_or_contract_is_another_digest() -> None:
    here = digest(ATTESTATION, 1, HUB)

    assert here != digest(ATTESTATION, 2, HUB)
    assert here != digest(ATTESTATION, 1, "0x" + "cd" * 20)


def test_a_signature_gives_its_signer_back_here_and_in_eth_account() -> None:
    to_sign = digest(ATTESTATION, 1, HUB)
    signature = sign(SIGNER, to_sign)

    assert SIGNER.address == recover(to_sign, signature)
    assert SIGNER.address == Account._recover_hash(to_sign, signature=signature)


def test_high_s_wrong_v_and_wrong_length_are_refused() -> None:
    to_sign = digest(ATTESTATION, 1, HUB)
    signature = sign(SIGNER, to_sign)
    s = int.from_bytes(signature[32:64])
    high_s = signature[:32] + (CURVE_ORDER - s).to_bytes(32) + bytes([55 - signature[64]])

    for bad in (
        high_s,
        signature[:64] + b"\x00",
        signature[:64] + b"\x01",
        signature[:-1],
        signature + b"\x1b",
        b"",
    ):
        with pytest.raises(InvalidSignature):
            recover(to_sign, bad)
    with pytest.raises(InvalidSignature):
        recover(to_sign, b"\x00" * 64 + b"\x1b")


@given(st.binary(min_size=65, max_size=65), st.sampled_from([27, 28]))
def test_arbitrary_bytes_are_an_address_or_refused_and_never_anything_else(noise: bytes, v: int) -> None:
    to_sign = digest(ATTESTATION, 1, HUB)
    low_s = (int.from_bytes(noise[32:64]) % (CURVE_ORDER // 2)).to_bytes(32)
    try:
        found = recover(to_sign, noise[:32] + low_s + bytes([v]))
    except InvalidSignature:
        return

    assert found != SIGNER.address


@given(st.binary(min_size=32, max_size=32))
def test_our_own_signatures_always_pass_our_own_check(to_sign: bytes) -> None:
    assert SIGNER.address == recover(to_sign, sign(SIGNER, to_sign))


def test_exactly_the_threshold_is_assembled_in_ascending_order_of_signers() -> None:
    by_signer = {"0x" + "Bb" * 20: b"b", "0x" + "aA" * 20: b"a", "0x" + "cC" * 20: b"c"}

    assert (b"a", b"b") == assemble(by_signer, 2)
    with pytest.raises(ValueError, match="4 are needed"):
        assemble(by_signer, 4)


def test_the_root_is_of_the_blocks_in_any_order_and_of_no_others() -> None:
    blocks = [(3, 7, "0x" + "03" * 32), (1, 5, "0x" + "01" * 32), (2, 6, "0x" + "02" * 32)]
    root = blocks_root(blocks)

    assert root == blocks_root(reversed(blocks))
    assert root != blocks_root(blocks[:2])
    assert root != blocks_root([(3, 8, "0x" + "03" * 32), *blocks[1:]])
    with pytest.raises(ValueError, match="exactly one block"):
        blocks_root([blocks[0], blocks[0]])
    with pytest.raises(ValueError, match="at least one"):
        blocks_root([])


def test_the_root_is_built_of_prefixed_leaves_and_nodes() -> None:
    leaves = [
        keccak(b"\x00" + chain_id.to_bytes(32) + (chain_id + 4).to_bytes(32) + bytes([chain_id]) * 32)
        for chain_id in (1, 2, 3)
    ]
    node = keccak(b"\x01" + leaves[0] + leaves[1])
    blocks = [
        (chain_id, chain_id + 4, f"0x{chain_id:02x}" + f"{chain_id:02x}" * 31) for chain_id in (1, 2, 3)
    ]

    assert "0x" + keccak(b"\x01" + node + leaves[2]).hex() == blocks_root(blocks)
    assert "0x" + leaves[0].hex() == blocks_root(blocks[:1])
