from __future__ import annotations

import pytest
from eth_abi.abi import encode

from config.source_settings import ChainlinkSourceSettings, Erc4626SourceSettings
from config.units import WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import ChainReader, silent
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.erc4626 import Erc4626Source
from tests.oracles.evidence import NOW_MS

BLOCK_S = NOW_MS // 1000
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"

FEED = ChainlinkSource(
    ChainlinkSourceSettings(
        kind="chainlink", name="feed", pair="ETH/USD", group="chainlink", chain="alpha", address=ADDRESS
    )
)
VAULT = Erc4626Source(
    Erc4626SourceSettings.model_validate(
        {
            "kind": "erc4626",
            "name": "vault",
            "pair": "sUSDC/USDC",
            "group": "vault",
            "chain": "alpha",
            "address": ADDRESS,
            "share_decimals": 18,
            "asset_decimals": 6,
            "max_rate": "1.2",
        }
    )
)

ROUND_TYPES = ["uint80", "int256", "uint256", "uint256", "uint80"]


def round_data(
    answer: int = 3_000_12345678, updated_at: int = BLOCK_S, round_id: int = 7, answered_in: int = 7
) -> bytes:
    return encode(ROUND_TYPES, [round_id, answer, updated_at, updated_at, answered_in])


def word(value: int) -> bytes:
    return encode(["uint256"], [value])


def read_feed(latest: bytes | None, decimals: bytes | None = word(8)) -> Quote | QuoteFailure:
    return FEED.read([latest, decimals], BLOCK_S, NOW_MS)


def kind_of(answer: Quote | QuoteFailure) -> FailureKind:
    assert isinstance(answer, QuoteFailure)
    assert len(answer.detail) < 200
    return answer.kind


def test_a_feed_asks_for_its_round_and_its_scale() -> None:
    assert FEED.calls() == [(ADDRESS, bytes.fromhex("feaf968c")), (ADDRESS, bytes.fromhex("313ce567"))]


def test_a_complete_round_is_a_quote_as_of_its_update() -> None:
    quote = read_feed(round_data(updated_at=BLOCK_S - 40))
    assert isinstance(quote, Quote)
    assert quote.value_wad == 3_000_12345678 * 10**10
    assert quote.source_time_ms == (BLOCK_S - 40) * 1000
    assert quote.received_at_ms == NOW_MS


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (round_data(answer=0), FailureKind.NOT_A_PRICE),
        (round_data(answer=-1), FailureKind.NOT_A_PRICE),
        (round_data(answer=2**255 - 1), FailureKind.NOT_A_PRICE),
        (round_data(answered_in=6), FailureKind.INCOMPLETE_ROUND),
        (round_data(updated_at=0), FailureKind.INCOMPLETE_ROUND),
        (round_data(round_id=0, answered_in=0), FailureKind.INCOMPLETE_ROUND),
        (round_data(updated_at=BLOCK_S + 1), FailureKind.FROM_THE_FUTURE),
        (round_data(updated_at=BLOCK_S * 10**9), FailureKind.FROM_THE_FUTURE),
        (None, FailureKind.REFUSED),
        (b"", FailureKind.MALFORMED),
        (round_data()[:-1], FailureKind.MALFORMED),
        (round_data() + b"\0" * 32, FailureKind.MALFORMED),
    ],
)
def test_a_round_that_is_no_price_says_why(latest: bytes | None, expected: FailureKind) -> None:
    assert expected is kind_of(read_feed(latest))


def test_a_round_that_carries_over_a_later_answer_is_complete() -> None:
    assert isinstance(read_feed(round_data(answered_in=8)), Quote)


@pytest.mark.parametrize("decimals", [word(18), word(2**256 - 1), None, b""])
def test_a_feed_whose_scale_is_not_the_configured_one_is_refused(decimals: bytes | None) -> None:
    kind_of(read_feed(round_data(), decimals))


def test_a_vault_is_asked_for_one_whole_share() -> None:
    assert VAULT.calls() == [(ADDRESS, bytes.fromhex("07a2d13a") + word(WAD))]


def test_a_rate_is_a_quote_as_of_the_block() -> None:
    quote = VAULT.read([word(1_050_000)], BLOCK_S - 3, NOW_MS)
    assert isinstance(quote, Quote)
    assert quote.value_wad == WAD * 105 // 100
    assert quote.source_time_ms == (BLOCK_S - 3) * 1000


@pytest.mark.parametrize(
    ("converted", "expected"),
    [
        (word(1_200_001), FailureKind.AT_BOUND),
        (word(2**256 - 1), FailureKind.AT_BOUND),
        (word(0), FailureKind.NOT_A_PRICE),
        (None, FailureKind.REFUSED),
        (b"\x01", FailureKind.MALFORMED),
    ],
)
def test_a_rate_that_is_no_price_says_why(converted: bytes | None, expected: FailureKind) -> None:
    assert expected is kind_of(VAULT.read([converted], BLOCK_S, NOW_MS))


def test_the_largest_rate_itself_is_allowed() -> None:
    assert isinstance(VAULT.read([word(1_200_000)], BLOCK_S, NOW_MS), Quote)


@pytest.mark.parametrize("source", [FEED, VAULT])
def test_a_source_of_a_silent_chain_is_stale(source: ChainReader) -> None:
    failure = silent(source, NOW_MS)
    assert failure.kind is FailureKind.STALE
    assert failure.detail == "alpha has no new head"
