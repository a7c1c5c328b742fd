"""What a node or a contract may answer to any on-chain source: none crashes it, none becomes a price by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from config.source_settings import (
    ChainlinkSourceSettings,
    Erc4626SourceSettings,
    PythSourceSettings,
    UniswapV3SourceSettings,
)
from oracles.aggregate import MAX_VALUE_WAD
from oracles.price import Quote, QuoteFailure
from oracles.sources.chain import ChainReader
from oracles.sources.readers import open_reader
from oracles.sources.sequencer import SequencerFeed
from tests.oracles.evidence import NOW_MS
from tests.oracles.words import BLOCK_S, FEED

COMMON = {"name": "source", "pair": "ETH/USD", "group": "group", "chain": "alpha", "address": FEED}
TOKENS = {"base_token": "0x" + "11" * 20, "quote_token": "0x" + "22" * 20, "min_depth": "1"}

OPENED: dict[str, Callable[[], ChainReader]] = {
    "chainlink": lambda: open_reader(ChainlinkSourceSettings.model_validate(COMMON | {"kind": "chainlink"})),
    "erc4626": lambda: open_reader(
        Erc4626SourceSettings.model_validate(
            COMMON | {"kind": "erc4626", "max_rate": "1.2", "max_growth_bps": 1_000}
        )
    ),
    "uniswap_v3": lambda: open_reader(
        UniswapV3SourceSettings.model_validate(COMMON | TOKENS | {"kind": "uniswap_v3"})
    ),
    "pyth": lambda: open_reader(
        PythSourceSettings.model_validate(COMMON | {"kind": "pyth", "feed_id": "0x" + "ab" * 32})
    ),
}

WORDS = st.one_of(
    st.sampled_from(
        [0, 1, 2, 6, 8, 18, 32, 64, 160, 2**63, 2**64, 2**96, 2**255, 2**256 - 1, BLOCK_S, int(FEED, 16)]
    ),
    st.integers(0, 2**256 - 1),
).map(lambda value: value.to_bytes(32))
ANSWERS = st.one_of(
    st.none(),
    st.binary(max_size=400),
    st.lists(WORDS, max_size=12).map(b"".join),
    st.integers(0, 4_000).map(lambda size: b"\xff" * size),
)
HTML = b"<html><body>502 Bad Gateway</body></html>"
REVERT = bytes.fromhex("08c379a0") + encode(["string"], ["OLD"])


def check(found: Quote | QuoteFailure) -> None:
    if isinstance(found, Quote):
        assert 0 < found.value_wad <= MAX_VALUE_WAD
        assert found.confidence_wad >= 0
        assert found.source_time_ms is not None
        assert 0 < found.source_time_ms <= (BLOCK_S + 30) * 1000
    else:
        assert len(found.detail) < 200
        assert found.detail.isprintable()


@pytest.mark.parametrize("kind", OPENED)
@given(data=st.data())
def test_any_bytes_at_all_for_any_number_of_blocks(kind: str, data: st.DataObject) -> None:
    source = OPENED[kind]()
    for _ in range(data.draw(st.integers(1, 4))):
        answers = [data.draw(ANSWERS) for _ in source.calls()]
        check(source.read(answers, BLOCK_S, NOW_MS))
        assert 1 <= len(source.calls()) <= 8


@pytest.mark.parametrize("kind", OPENED)
@pytest.mark.parametrize(
    "answer", [None, b"", b"\0", b"\0" * 32, b"\xff" * 32, b"\0" * 31, b"\xff" * 1_000_000, HTML, REVERT]
)
def test_one_answer_to_every_call_is_no_price(kind: str, answer: bytes | None) -> None:
    source = OPENED[kind]()
    for _ in range(3):
        assert isinstance(source.read([answer] * len(source.calls()), BLOCK_S, NOW_MS), QuoteFailure)


@given(ANSWERS)
def test_an_uptime_feed_survives_it_too(answer: bytes | None) -> None:
    status = SequencerFeed(FEED, 3_600.0).read([answer], BLOCK_S)
    assert status.reason or status.up
