"""Answers of contracts, as bytes."""

from __future__ import annotations

from eth_abi.abi import encode

from oracles.price import FailureKind, Quote, QuoteFailure
from tests.oracles.evidence import NOW_MS

BLOCK_S = NOW_MS // 1000
FEED = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
AGGREGATOR = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
OTHER_AGGREGATOR = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"


def word(value: int) -> bytes:
    return value.to_bytes(32, signed=value < 0)


def address_word(address: str) -> bytes:
    return word(int(address, 16))


def round_data(
    answer: int = 3_000_12345678,
    updated_at: int = BLOCK_S,
    round_id: int = 7,
    answered_in: int | None = None,
    started_at: int | None = None,
) -> bytes:
    return encode(
        ["uint80", "int256", "uint256", "uint256", "uint80"],
        [
            round_id,
            answer,
            updated_at if started_at is None else started_at,
            updated_at,
            round_id if answered_in is None else answered_in,
        ],
    )


def kind_of(answer: Quote | QuoteFailure) -> FailureKind:
    assert isinstance(answer, QuoteFailure)
    assert len(answer.detail) < 200
    return answer.kind
