from __future__ import annotations

from typing import Any

import pytest

from config.source_settings import ChainlinkSourceSettings
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.chain import silent
from oracles.sources.chainlink import ChainlinkSource
from tests.oracles.evidence import NOW_MS
from tests.oracles.words import (
    AGGREGATOR,
    BLOCK_S,
    FEED,
    OTHER_AGGREGATOR,
    address_word,
    kind_of,
    round_data,
    word,
)

PHASE = 1 << 64
UNBOUNDED = (None, None, None, None)


def settings(**more: Any) -> ChainlinkSourceSettings:
    return ChainlinkSourceSettings.model_validate(
        {
            "kind": "chainlink",
            "name": "feed",
            "pair": "ETH/USD",
            "group": "chainlink",
            "chain": "alpha",
            "address": FEED,
        }
        | more
    )


def feed(**more: Any) -> ChainlinkSource:
    return ChainlinkSource(settings(**more))


def read(
    source: ChainlinkSource,
    latest: bytes | None,
    *bounds: bytes | None,
    pointed: bytes | None = None,
    decimals: bytes | None = word(8),
) -> Quote | QuoteFailure:
    return source.read([latest, decimals, pointed, *bounds], BLOCK_S, NOW_MS)


def bounded(least: int, largest: int, **more: Any) -> ChainlinkSource:
    """A feed that is no proxy, whose bounds have been read."""
    source = feed(**more)
    assert isinstance(
        read(source, round_data(), word(least), word(largest), None, None), Quote | QuoteFailure
    )
    return source


def test_a_feed_is_asked_for_round_scale_and_aggregator_and_at_first_for_its_bounds() -> None:
    source = feed()
    calls = source.calls()

    read(source, round_data(), *UNBOUNDED)

    assert ["feaf968c", "313ce567", "245a7bfc"] == [data.hex() for _, data in source.calls()]
    assert source.calls() == calls[:3]
    assert ["22adbc78", "70da2f67", "7c2b0b21", "23ca2903"] == [data.hex() for _, data in calls[3:]]
    assert {FEED} == {to for to, _ in calls}


def test_a_complete_round_is_a_quote_as_of_its_update() -> None:
    quote = read(feed(), round_data(updated_at=BLOCK_S - 40), *UNBOUNDED)

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
        (round_data(round_id=0), FailureKind.INCOMPLETE_ROUND),
        (round_data(updated_at=BLOCK_S + 1), FailureKind.FROM_THE_FUTURE),
        (round_data(updated_at=BLOCK_S * 10**9), FailureKind.FROM_THE_FUTURE),
        (None, FailureKind.REFUSED),
        (b"", FailureKind.MALFORMED),
        (round_data()[:-1], FailureKind.MALFORMED),
        (round_data() + b"\0" * 32, FailureKind.MALFORMED),
    ],
)
def test_a_round_that_is_no_price_says_why(latest: bytes | None, expected: FailureKind) -> None:
    assert expected is kind_of(read(feed(), latest, *UNBOUNDED))


def test_a_round_that_carries_over_a_later_answer_is_complete() -> None:
    assert isinstance(read(feed(), round_data(answered_in=8), *UNBOUNDED), Quote)


@pytest.mark.parametrize("decimals", [word(18), word(2**256 - 1), None, b""])
def test_a_feed_whose_scale_is_not_the_configured_one_is_refused(decimals: bytes | None) -> None:
    kind_of(read(feed(), round_data(), *UNBOUNDED, decimals=decimals))


class TestAProxy:
    def test_its_aggregator_is_asked_for_the_bounds_before_anything_counts(self) -> None:
        source = feed()
        at_first = read(source, round_data(), *UNBOUNDED, pointed=address_word(AGGREGATOR))

        assert FailureKind.UNSURE is kind_of(at_first)
        assert {AGGREGATOR} == {to for to, _ in source.calls()[3:]}

        bounds = (word(1), word(10**13), None, None)
        assert isinstance(read(source, round_data(), *bounds, pointed=address_word(AGGREGATOR)), Quote)

    def test_its_new_aggregator_is_asked_anew_and_its_low_round_ids_are_neither_old_nor_incomplete(
        self,
    ) -> None:
        source, old, new = feed(), address_word(AGGREGATOR), address_word(OTHER_AGGREGATOR)
        before = round_data(round_id=PHASE + 90_000)
        after = round_data(round_id=2 * PHASE + 1)
        read(source, before, *UNBOUNDED, pointed=old)
        assert isinstance(read(source, before, *UNBOUNDED, pointed=old), Quote)

        assert FailureKind.UNSURE is kind_of(read(source, after, pointed=new))
        assert {OTHER_AGGREGATOR} == {to for to, _ in source.calls()[3:]}
        pinned = (word(3_000_00000000), word(10**13), None, None)
        assert FailureKind.AT_BOUND is kind_of(read(source, after, *pinned, pointed=new))
        assert isinstance(
            read(source, round_data(4_000_00000000, round_id=2 * PHASE + 2), pointed=new), Quote
        )

    def test_a_new_phase_of_the_same_aggregator_is_asked_anew_too(self) -> None:
        source, pointed = feed(), address_word(AGGREGATOR)
        read(source, round_data(round_id=PHASE + 1), *UNBOUNDED, pointed=pointed)
        read(source, round_data(round_id=PHASE + 1), *UNBOUNDED, pointed=pointed)

        assert FailureKind.UNSURE is kind_of(
            read(source, round_data(round_id=2 * PHASE + 2), pointed=pointed)
        )
        assert 7 == len(source.calls())

    @pytest.mark.parametrize("pointed", [word(0), word(1 << 160), b"\1", word(-1)])
    def test_one_that_points_to_no_address_is_refused(self, pointed: bytes) -> None:
        source = feed()
        assert FailureKind.MALFORMED is kind_of(read(source, round_data(), *UNBOUNDED, pointed=pointed))
        assert {FEED} == {to for to, _ in source.calls()}


class TestBounds:
    @pytest.mark.parametrize("at", [0, 2])
    def test_both_kinds_of_aggregator_name_them(self, at: int) -> None:
        bounds: list[bytes | None] = [None] * 4
        bounds[at : at + 2] = [word(3_000_00000000), word(10**13)]
        assert FailureKind.AT_BOUND is kind_of(read(feed(), round_data(), *bounds))

    @pytest.mark.parametrize(
        ("answer", "margin_bps", "is_price"),
        [
            (10, 0, False),
            (11, 0, True),
            (999, 0, True),
            (1_000, 0, False),
            (11, 1_000, False),
            (12, 1_000, True),
            (899, 1_000, True),
            (900, 1_000, False),
        ],
    )
    def test_an_answer_at_one_or_within_the_margin_of_one_is_no_price(
        self, answer: int, margin_bps: int, is_price: bool
    ) -> None:
        source = bounded(10, 1_000, bound_margin_bps=margin_bps)
        found = read(source, round_data(answer))
        assert is_price == isinstance(found, Quote)
        assert is_price or FailureKind.AT_BOUND is kind_of(found)

    def test_luna_at_a_tenth_of_a_dollar_in_may_2022(self) -> None:
        source = bounded(10_000_000, 10**11)
        assert FailureKind.AT_BOUND is kind_of(read(source, round_data(10_700_000)))
        assert isinstance(read(source, round_data(11_100_000)), Quote)

    def test_a_least_answer_below_zero_binds_nothing(self) -> None:
        assert isinstance(read(bounded(-(10**12), 10**13), round_data(1)), Quote)

    @pytest.mark.parametrize(
        "bounds",
        [
            (word(5), word(5), None, None),
            (word(6), word(5), None, None),
            (word(1), None, None, None),
            (word(1), b"\0", None, None),
            (None, None, word(1), word(2) + b"\0"),
        ],
    )
    def test_bounds_that_are_none_make_no_price_and_are_asked_again(
        self, bounds: tuple[bytes | None, ...]
    ) -> None:
        source = feed()
        kind_of(read(source, round_data(), *bounds))
        assert 7 == len(source.calls())

    def test_a_feed_whose_fallback_answers_with_nothing_has_none(self) -> None:
        assert isinstance(read(feed(), round_data(), b"", b"", b"", b"", pointed=b""), Quote)


class TestHeartbeat:
    def test_max_age_follows_from_heartbeat_and_margin(self) -> None:
        assert 3_900.0 == settings().max_age_s
        assert 86_700.0 == settings(heartbeat_s=86_400.0).max_age_s
        assert 3_660.0 == settings(heartbeat_s=3_600.0, heartbeat_margin_s=60.0).max_age_s
        assert 3_660.0 == settings(heartbeat_s=3_600, heartbeat_margin_s=60).max_age_s

    def test_what_is_given_stays(self) -> None:
        assert 50.0 == settings(heartbeat_s=86_400.0, max_age_s=50.0).max_age_s


def test_a_source_of_a_silent_chain_is_stale() -> None:
    failure = silent(feed(), NOW_MS)
    assert failure.kind is FailureKind.STALE
    assert failure.detail == "alpha has no new head"
