from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from config.source_settings import UniswapV3SourceSettings
from config.units import WAD, parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.ticks import Q128, Q160
from oracles.sources.uniswap_v3 import UniswapV3Source
from tests.oracles.evidence import NOW_MS
from tests.oracles.words import BLOCK_S, address_word, kind_of, word

POOL = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
USDC = "0x1111111111111111111111111111111111111111"
WETH = "0x2222222222222222222222222222222222222222"
WINDOW_S = 1_800
LIQUIDITY = 10**18
TICK = 196_256
"""Of token 1 (WETH, 18 decimals) per token 0 (USDC, 6): about 3,000 USDC a WETH."""


def pool(**more: Any) -> UniswapV3Source:
    return UniswapV3Source(
        UniswapV3SourceSettings.model_validate(
            {
                "kind": "uniswap_v3",
                "name": "pool",
                "pair": "ETH/USDC",
                "group": "uniswap",
                "chain": "alpha",
                "address": POOL,
                "base_token": WETH,
                "quote_token": USDC,
                "quote_decimals": 6,
                "min_depth": "0",
            }
            | more
        )
    )


def observed(tick_delta: int = TICK * WINDOW_S, liquidity: int = LIQUIDITY, then: int = 0) -> bytes:
    grown = WINDOW_S * Q128 // liquidity
    return encode(["int56[]", "uint160[]"], [[5, 5 + tick_delta], [then, (then + grown) % Q160]])


def slot0(cardinality: int = 300, sqrt_x96: int = 1 << 96) -> bytes:
    return b"".join(word(each) for each in (sqrt_x96, 0, 0, cardinality, cardinality, 0, 1))


IDENTITY = (address_word(USDC), address_word(WETH), word(18), word(6))


def read(
    source: UniswapV3Source,
    answer: bytes | None = observed(),
    slot: bytes | None = slot0(),
    identity: tuple[bytes | None, ...] = IDENTITY,
) -> Quote | QuoteFailure:
    return source.read([answer, slot, *identity], BLOCK_S, NOW_MS)


def test_the_pool_is_asked_for_both_ends_of_the_window_and_once_for_its_tokens() -> None:
    source = pool()
    calls = source.calls()
    window = encode(["uint32[]"], [[WINDOW_S, 0]])

    assert (POOL, bytes.fromhex("883bdbfd") + window) == calls[0]
    assert ["3850c7bd", "0dfe1681", "d21220a7"] == [data.hex() for _, data in calls[1:4]]
    assert [(WETH, "313ce567"), (USDC, "313ce567")] == [(to, data.hex()) for to, data in calls[4:]]

    read(source)
    assert calls[:2] == source.calls()
    assert isinstance(read(source, identity=()), Quote)


def test_the_mean_is_a_quote_as_of_the_block() -> None:
    quote = read(pool())

    assert isinstance(quote, Quote)
    assert parse_wad("3000") < quote.value_wad < parse_wad("3001")
    assert quote.source_time_ms == BLOCK_S * 1000


def test_the_other_direction_is_the_inverse() -> None:
    there, back = (
        read(pool()),
        read(
            pool(pair="USDC/ETH", base_token=USDC, quote_token=WETH, base_decimals=6, quote_decimals=18),
            identity=(*IDENTITY[:2], word(6), word(18)),
        ),
    )
    assert isinstance(there, Quote)
    assert isinstance(back, Quote)
    assert abs(there.value_wad * back.value_wad - WAD * WAD) < WAD * WAD // 10**12


def test_a_mean_between_two_ticks_is_the_lower_one() -> None:
    at, between, below = (read(pool(), observed(TICK * WINDOW_S + more)) for more in (0, WINDOW_S - 1, -1))
    assert isinstance(at, Quote)
    assert isinstance(between, Quote)
    assert isinstance(below, Quote)
    assert at.value_wad == between.value_wad < below.value_wad


def test_the_spot_price_of_the_pool_is_not_looked_at() -> None:
    one, other = read(pool()), read(pool(), slot=slot0(sqrt_x96=1 << 150))
    assert isinstance(one, Quote)
    assert one == other


def test_a_window_that_the_pool_does_not_remember_is_no_price() -> None:
    found = read(pool(), None)
    assert isinstance(found, QuoteFailure)
    assert FailureKind.UNSURE is found.kind
    assert "the pool does not remember all of the last 1800 s" == found.detail


@pytest.mark.parametrize(("cardinality", "is_price"), [(1, False), (59, False), (60, True), (65_535, True)])
def test_a_pool_that_remembers_few_observations_is_no_price(cardinality: int, is_price: bool) -> None:
    found = read(pool(), slot=slot0(cardinality))
    assert is_price == isinstance(found, Quote)
    assert is_price or FailureKind.UNSURE is kind_of(found)


def test_a_pool_without_a_price_is_none() -> None:
    assert FailureKind.NOT_A_PRICE is kind_of(read(pool(), slot=slot0(sqrt_x96=0)))


class TestLiquidityFloor:
    DEPTH = "273174"
    """10^18 of liquidity at 3,000 USDC: the virtual reserve is 54.8 million USDC, and a percent costs 0.4988 % of it."""

    def test_a_pool_that_less_moves_by_a_percent_is_no_price(self) -> None:
        assert isinstance(read(pool(min_depth=self.DEPTH)), Quote)
        failure = read(pool(min_depth="273200"))
        assert isinstance(failure, QuoteFailure)
        assert FailureKind.UNSURE is failure.kind
        assert "USDC move the pool by a percent, not 273200" in failure.detail

    def test_what_counts_is_the_mean_over_the_window(self) -> None:
        thin = observed(liquidity=LIQUIDITY // 1_000)
        assert FailureKind.UNSURE is kind_of(read(pool(min_depth=self.DEPTH), thin))

    def test_a_sum_that_went_round_is_still_a_difference(self) -> None:
        assert isinstance(read(pool(min_depth=self.DEPTH), observed(then=Q160 - 1)), Quote)


@pytest.mark.parametrize(
    "identity",
    [
        (address_word(WETH), address_word(USDC), word(18), word(6)),
        (address_word(USDC), address_word(POOL), word(18), word(6)),
        (address_word(USDC), address_word(WETH), word(6), word(18)),
        (address_word(USDC), address_word(WETH), word(18), word(18)),
        (address_word(USDC), address_word(WETH), None, word(6)),
        (None, None, None, None),
        (word(0), word(-1), word(18), word(6)),
    ],
)
def test_a_pool_of_other_tokens_or_scales_is_refused_and_asked_again(
    identity: tuple[bytes | None, ...],
) -> None:
    source = pool()
    kind_of(read(source, identity=identity))
    assert 6 == len(source.calls())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        observed()[:-1],
        observed() + b"\0" * 32,
        encode(["int56[]", "uint160[]"], [[5], [5]]),
        encode(["int56[]", "uint160[]"], [[1, 2, 3], [5]]),
        encode(["uint256"] * 8, [64, 160, 2, 1 << 60, 0, 2, 0, 1]),
        encode(["uint256"] * 8, [64, 160, 2, 0, 0, 2, 0, 1 << 160]),
        encode(["uint256"] * 8, [64, 160, 2, 0, 0, 2, 7, 7]),
        encode(["uint256"] * 8, [160, 64, 2, 0, 0, 2, 7, 9]),
        observed(887_273 * WINDOW_S),
        observed(-887_273 * WINDOW_S),
    ],
)
def test_an_answer_that_is_no_observation_is_malformed(answer: bytes) -> None:
    assert FailureKind.MALFORMED is kind_of(read(pool(), answer))


@pytest.mark.parametrize("tick", [887_272, -887_272])
def test_a_mean_at_the_end_of_all_ticks_is_no_price(tick: int) -> None:
    assert FailureKind.NOT_A_PRICE is kind_of(read(pool(), observed(tick * WINDOW_S)))
