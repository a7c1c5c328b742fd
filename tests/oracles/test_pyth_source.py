from __future__ import annotations

from typing import Any

import pytest

from config.source_settings import PythSourceSettings
from config.units import WAD, parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.pyth import PythSource
from tests.oracles.evidence import NOW_MS
from tests.oracles.words import BLOCK_S, kind_of, word

PYTH = "0x4305FB66699C3B2702D4d05CF36551390A4c69C6"
FEED_ID = "0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"


def feed(**more: Any) -> PythSource:
    return PythSource(
        PythSourceSettings.model_validate(
            {
                "kind": "pyth",
                "name": "pyth",
                "pair": "ETH/USD",
                "group": "pyth",
                "chain": "alpha",
                "address": PYTH,
                "feed_id": FEED_ID,
            }
            | more
        )
    )


def said(
    price: int = 3_000_00000000, width: int = 1_50000000, exponent: int = -8, published_at: int = BLOCK_S
) -> bytes:
    return b"".join(word(each) for each in (price, width, exponent, published_at))


def read(answer: bytes | None, **more: Any) -> Quote | QuoteFailure:
    return feed(**more).read([answer], BLOCK_S, NOW_MS)


def test_the_contract_is_asked_for_whatever_it_has() -> None:
    assert [(PYTH, bytes.fromhex("96834ad3" + FEED_ID[2:]))] == feed().calls()


def test_a_price_is_a_quote_as_of_its_publication_with_its_width_at_95_percent() -> None:
    quote = read(said(published_at=BLOCK_S - 20))

    assert isinstance(quote, Quote)
    assert quote.value_wad == 3_000 * WAD
    assert quote.confidence_wad == parse_wad("3.18")
    assert quote.source_time_ms == (BLOCK_S - 20) * 1000


def test_the_multiple_is_a_choice() -> None:
    quote = read(said(), confidence_multiple="1")
    assert isinstance(quote, Quote)
    assert quote.confidence_wad == parse_wad("1.5")


@pytest.mark.parametrize(
    ("exponent", "expected_wad"),
    [(0, 123_456 * WAD), (-5, parse_wad("1.23456")), (-22, 12), (2, 12_345_600 * WAD), (-23, 1)],
)
def test_any_exponent_that_gives_a_price_is_read(exponent: int, expected_wad: int) -> None:
    quote = read(said(123_456, 0, exponent))
    assert isinstance(quote, Quote)
    assert quote.value_wad == expected_wad


@pytest.mark.parametrize(("width", "is_price"), [(70_75471698, True), (70_75471699, False)])
def test_a_width_beyond_the_limit_is_no_price(width: int, is_price: bool) -> None:
    found = read(said(width=width))
    assert is_price == isinstance(found, Quote)
    assert is_price or FailureKind.UNSURE is kind_of(found)


def test_bitcoin_at_5402_on_2021_09_20_was_as_wide_as_it_was_wrong() -> None:
    assert FailureKind.UNSURE is kind_of(read(said(5_402_00000000, 18_000_00000000)))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said(price=0), FailureKind.NOT_A_PRICE),
        (said(price=-1), FailureKind.NOT_A_PRICE),
        (said(price=1, width=0, exponent=-19), FailureKind.NOT_A_PRICE),
        (said(price=2**63 - 1, width=0, exponent=0), FailureKind.NOT_A_PRICE),
        (said(price=2**63), FailureKind.MALFORMED),
        (said(width=2**64), FailureKind.MALFORMED),
        (said(width=-1), FailureKind.MALFORMED),
        (said(exponent=2**31), FailureKind.MALFORMED),
        (said(exponent=-256), FailureKind.MALFORMED),
        (said(exponent=-2_000_000_000), FailureKind.MALFORMED),
        (said(exponent=2_000_000_000), FailureKind.MALFORMED),
        (said(published_at=0), FailureKind.INCOMPLETE_ROUND),
        (said(published_at=BLOCK_S + 31), FailureKind.FROM_THE_FUTURE),
        (said(published_at=2**256 - 1), FailureKind.FROM_THE_FUTURE),
        (None, FailureKind.REFUSED),
        (b"", FailureKind.MALFORMED),
        (said()[:-1], FailureKind.MALFORMED),
        (said() + b"\0", FailureKind.MALFORMED),
    ],
)
def test_an_answer_that_is_no_price_says_why(answer: bytes | None, expected: FailureKind) -> None:
    assert expected is kind_of(read(answer))


def test_a_clock_a_little_ahead_of_the_blocks_is_no_fault() -> None:
    assert isinstance(read(said(published_at=BLOCK_S + 30)), Quote)
