from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answers import (
    FeeQuote,
    read_address,
    read_data,
    read_fees,
    read_hash,
    read_head,
    read_logs,
    read_object,
    read_quantity,
    read_receipt,
)
from chains.errors import MalformedAnswer
from tests.chains.fakes import block_hash, header

TX_HASH = "0x" + "ab" * 32
RECEIPT = {
    "transactionHash": TX_HASH,
    "blockNumber": "0x5",
    "blockHash": block_hash(5),
    "status": "0x1",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca00",
    "logs": [],
}


@given(st.integers(0, 2**256 - 1))
def test_a_quantity_is_read_back(number: int) -> None:
    assert number == read_quantity(hex(number))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0x",
        "0x01",
        "0x00",
        "1",
        1,
        "0X1",
        "-0x1",
        "0x-1",
        "0x1_0",
        " 0x1",
        "0x1\n",
        "0xg",
        None,
        True,
        "0x1" + "0" * 64,
    ],
)
def test_what_is_no_quantity_is_refused(value: Any) -> None:
    with pytest.raises(MalformedAnswer):
        read_quantity(value)


@given(st.binary())
def test_data_is_read_back(data: bytes) -> None:
    assert data == read_data("0x" + data.hex())


@pytest.mark.parametrize(
    "value", ["", "ab", "0xa", "0xgg", "0xab cd", "0x\nab", "0x\uff41\uff42", None, 1, b"0xab", []]
)
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(MalformedAnswer):
        read_data(value)


@pytest.mark.parametrize(
    "value", ["0x" + "ab" * 31, "0x" + "ab" * 33, "ab" * 32, "0x" + "ab" * 32 + "\n", None, 5]
)
def test_what_is_no_hash_is_refused(value: Any) -> None:
    with pytest.raises(MalformedAnswer):
        read_hash(value)


def test_hashes_and_addresses_are_read_in_lower_case() -> None:
    assert TX_HASH == read_hash("0x" + "AB" * 32)
    assert "0x" + "cd" * 20 == read_address("0x" + "CD" * 20)
    with pytest.raises(MalformedAnswer):
        read_address("0x" + "cd" * 19)


def test_a_chain_without_a_base_fee_has_none() -> None:
    old = header(5)
    del old["baseFeePerGas"]

    assert 0 == read_head("alpha", old).base_fee_wei
    assert 7 == read_head("alpha", header(5)).base_fee_wei


@pytest.mark.parametrize("field", ["number", "hash", "parentHash", "timestamp"])
def test_a_header_without_its_fields_is_refused(field: str) -> None:
    with pytest.raises(MalformedAnswer):
        read_head("alpha", header(5) | {field: None})


@pytest.mark.parametrize(
    ("field", "value"), [("number", 2**63), ("timestamp", 10**11 + 1), ("timestamp", 2**255)]
)
def test_a_header_of_a_block_that_can_not_be_is_refused(field: str, value: int) -> None:
    with pytest.raises(MalformedAnswer):
        read_head("alpha", header(5) | {field: hex(value)})


def test_a_receipt_counts_the_rollups_fee() -> None:
    receipt = read_receipt(RECEIPT | {"l1Fee": "0x64"}, TX_HASH)

    assert 21_000 * 10**9 + 100 == receipt.cost_wei
    assert receipt.succeeded
    assert not read_receipt(RECEIPT | {"status": "0x0"}, TX_HASH).succeeded


@pytest.mark.parametrize(
    "change",
    [
        {"transactionHash": "0x" + "ac" * 32},
        {"status": "0x2"},
        {"status": None},
        {"blockHash": None},
        {"logs": {}},
    ],
)
def test_a_receipt_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        read_receipt(RECEIPT | change, TX_HASH)


def test_logs_come_in_chain_order() -> None:
    def log(number: int, index: int) -> dict[str, Any]:
        fields = {"blockNumber": hex(number), "blockHash": block_hash(number), "logIndex": hex(index)}
        return {"address": "0x" + "e1" * 20, "removed": False, **fields}

    logs = read_logs([log(3, 1), log(2, 5), log(3, 0)], address="0x" + "E1" * 20)

    assert [log(2, 5), log(3, 0), log(3, 1)] == logs
    with pytest.raises(MalformedAnswer):
        read_logs([log(3, 1)], address="0x" + "e1" * 20, block_hash=block_hash(3, "b"))


def test_fees_are_the_next_blocks() -> None:
    assert FeeQuote(base_fee_wei=9, tip_wei=2) == read_fees({"baseFeePerGas": ["0x8", "0x9"]}, "0x2")
    with pytest.raises(MalformedAnswer):
        read_fees({"baseFeePerGas": []}, "0x2")


def test_an_object_is_an_object() -> None:
    with pytest.raises(MalformedAnswer, match="log is not an object"):
        read_object([], "log")
