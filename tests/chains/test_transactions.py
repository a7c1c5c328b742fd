from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import (
    CalldataTooLong,
    FeeOutOfBounds,
    GasOutOfBounds,
    NeverSign,
    WrongChainId,
    WrongTarget,
    WrongValue,
)
from chains.keys import Key
from chains.transactions import (
    Fees,
    SignedTransaction,
    Signer,
    TransactionPolicy,
    TransactionRequest,
    bumped_fees,
    cancellation,
    check_policy,
    first_fees,
    raised,
    sign_transaction,
)

GWEI = 10**9
SECRET = bytes(range(1, 33))
KEY = Key(SECRET)
HUB = "0x" + "ab" * 20
CALL = bytes.fromhex("deadbeef") + bytes(64)
REQUEST = TransactionRequest(
    chain_id=31_337,
    nonce=7,
    max_priority_fee_per_gas_wei=GWEI,
    max_fee_per_gas_wei=30 * GWEI,
    gas_limit=400_000,
    to=HUB,
    data=CALL,
)
POLICY = TransactionPolicy(
    chain_id=31_337,
    allowed=frozenset({(HUB, CALL[:4])}),
    max_gas_limit=1_000_000,
    max_fee_per_gas_wei=500 * GWEI,
    max_cost_wei=10**17,
)


def signed(request: TransactionRequest, key: Signer, policy: TransactionPolicy) -> SignedTransaction:
    return asyncio.run(sign_transaction(request, key, policy))


class Anything:
    """A signer's double that must never be asked."""

    address = "0x" + "cd" * 20

    async def sign_payload(self, payload: bytes) -> tuple[int, int, int]:
        raise AssertionError("nothing may be signed")


requests = st.builds(
    TransactionRequest,
    chain_id=st.integers(1, 2**63),
    nonce=st.integers(0, 2**64 - 2),
    max_priority_fee_per_gas_wei=st.integers(0, 2**100),
    max_fee_per_gas_wei=st.integers(2**100, 2**128),
    gas_limit=st.integers(21_000, 2**63),
    to=st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    data=st.one_of(st.binary(max_size=300), st.integers(250, 70_000).map(bytes)),
    value_wei=st.just(0),
)


@given(requests, st.integers(1, 2**255))
def test_the_bytes_are_those_of_eth_account(request_: TransactionRequest, secret: int) -> None:
    key = Key(secret.to_bytes(32, "big"))
    cancels = not request_.data
    request = replace(request_, to=key.address) if cancels else request_
    policy = TransactionPolicy(
        chain_id=request.chain_id,
        allowed=frozenset({(request.to.lower(), request.data[:4])}),
        max_gas_limit=2**64,
        max_fee_per_gas_wei=2**130,
        max_cost_wei=2**200,
    )
    if 0 < len(request.data) < 4:
        with pytest.raises(WrongTarget):
            signed(request, key, policy)
        return
    expected = Account.sign_transaction(
        {
            "type": 2,
            "chainId": request.chain_id,
            "nonce": request.nonce,
            "maxPriorityFeePerGas": request.max_priority_fee_per_gas_wei,
            "maxFeePerGas": request.max_fee_per_gas_wei,
            "gas": request.gas_limit,
            "to": Account.from_key(secret.to_bytes(32, "big")).address
            if cancels
            else bytes.fromhex(request.to[2:]),
            "value": 0,
            "data": request.data,
            "accessList": [],
        },
        secret.to_bytes(32, "big"),
    )
    ours = signed(request, key, policy)

    assert bytes(expected.raw_transaction) == ours.raw
    assert "0x" + bytes(expected.hash).hex() == ours.tx_hash
    assert Account.recover_transaction(ours.raw) == ours.sender


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"chain_id": 1}, WrongChainId),
        ({"value_wei": 1}, WrongValue),
        ({"value_wei": -1}, WrongValue),
        ({"to": "0x" + "ac" * 20}, WrongTarget),
        ({"data": bytes.fromhex("deadbeee") + bytes(64)}, WrongTarget),
        ({"data": b""}, WrongTarget),
        ({"data": CALL[:3]}, WrongTarget),
        ({"data": CALL + bytes(128 * 1024)}, CalldataTooLong),
        ({"gas_limit": 20_999}, GasOutOfBounds),
        ({"gas_limit": 1_000_001}, GasOutOfBounds),
        ({"max_fee_per_gas_wei": 501 * GWEI}, FeeOutOfBounds),
        ({"max_priority_fee_per_gas_wei": 31 * GWEI}, FeeOutOfBounds),
        ({"max_priority_fee_per_gas_wei": -1}, FeeOutOfBounds),
        ({"max_fee_per_gas_wei": 400 * GWEI}, FeeOutOfBounds),
    ],
)
def test_nothing_outside_the_policy_is_signed(change: dict[str, object], expected: type[NeverSign]) -> None:
    with pytest.raises(NeverSign) as caught:
        signed(replace(REQUEST, **change), Anything(), POLICY)  # type: ignore[arg-type]
    assert expected is type(caught.value)


def test_what_the_policy_allows_is_signed_by_its_sender() -> None:
    assert KEY.address == signed(REQUEST, KEY, POLICY).sender


def test_the_allow_list_does_not_care_how_an_address_is_written() -> None:
    check_policy(replace(REQUEST, to="0x" + "AB" * 20), POLICY, KEY.address)


def test_a_cancellation_uses_up_the_nonce_and_nothing_else() -> None:
    cancel = cancellation(REQUEST, KEY.address, Fees(tip_wei=2 * GWEI, cap_wei=40 * GWEI))
    check_policy(cancel, POLICY, KEY.address)

    assert (REQUEST.nonce, REQUEST.chain_id, 21_000) == (cancel.nonce, cancel.chain_id, cancel.gas_limit)
    assert (b"", 0, KEY.address) == (cancel.data, cancel.value_wei, cancel.to)
    with pytest.raises(WrongTarget):
        check_policy(cancel, POLICY, HUB)


def test_a_nonce_that_can_not_exist_is_not_laid_out() -> None:
    with pytest.raises(ValueError, match="nonce"):
        signed(replace(REQUEST, nonce=2**64 - 1), KEY, POLICY)


def test_the_first_cap_outlasts_five_full_blocks() -> None:
    base = 100 * GWEI
    fees = first_fees(base, GWEI)
    assert Fees(tip_wei=GWEI, cap_wei=201 * GWEI) == fees
    for _ in range(5):
        base = base * 9 // 8
    assert fees.cap_wei >= base + fees.tip_wei


@given(st.integers(0, 2**100), st.integers(0, 2**100), st.integers(0, 2**100), st.integers(0, 2**100))
def test_a_bump_raises_both_fields_enough_for_every_pool(
    tip: int, more: int, market_tip: int, market_more: int
) -> None:
    previous, market = Fees(tip, tip + more), Fees(market_tip, market_tip + market_more)
    bumped = bumped_fees(previous, market)

    for old, new, asked in (
        (previous.tip_wei, bumped.tip_wei, market.tip_wei),
        (previous.cap_wei, bumped.cap_wei, market.cap_wei),
    ):
        assert new > old
        assert new * 8 >= old * 9
        assert new >= asked
    assert bumped.tip_wei <= bumped.cap_wei


@pytest.mark.parametrize(
    ("fee", "expected"), [(0, 1), (1, 2), (7, 8), (8, 9), (9, 11), (16, 18), (GWEI, 1_125_000_000)]
)
def test_a_raise_rounds_up(fee: int, expected: int) -> None:
    assert expected == raised(fee)
