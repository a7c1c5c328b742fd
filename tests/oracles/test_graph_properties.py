"""What must hold for any quotes: of an inverse, of a product, of liars, of time and of order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.units import WAD
from oracles.aggregate import aggregate
from oracles.interval import MAX_VALUE_WAD, Interval, inverse_down, inverse_up, times
from oracles.price import FailureKind, Price, PriceStatus, Quote, QuoteFailure, QuoteUse
from oracles.pricing import PriceBook
from tests.oracles.evidence import EXACT, MAX_AGE_MS, NOW_MS, ages, http_settings, quote

VALUES = st.integers(10**9, 10**30)
RATES = st.fractions(min_value=Fraction(1, 10**6), max_value=10**6, max_denominator=10**9)
HOUR_MS = 3_600_000


@given(VALUES)
def test_an_inverse_holds_the_true_one_and_is_one_unit_wide_at_most(value: int) -> None:
    true = Fraction(WAD * WAD, value)
    assert inverse_down(value) <= true <= inverse_up(value)
    assert inverse_up(value) - inverse_down(value) <= 1


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, mid, high = sorted(draw(st.lists(VALUES, min_size=3, max_size=3)))
    return Interval(low, mid, high, draw(st.integers(0, NOW_MS)))


@given(intervals(), intervals(), st.fractions(0, 1), st.fractions(0, 1))
def test_a_product_holds_every_product_of_what_its_parts_hold(
    one: Interval, other: Interval, at: Fraction, other_at: Fraction
) -> None:
    product = times(one, other)
    true = (one.low + at * (one.high - one.low)) * (other.low + other_at * (other.high - other.low)) / WAD
    if product is None:
        assert one.low * other.low < WAD or one.mid * other.mid > MAX_VALUE_WAD * WAD
        return
    assert product.low <= true <= product.high
    assert product.low <= product.mid <= product.high
    assert product.oldest_ms == min(one.oldest_ms, other.oldest_ms)


def around(value: Fraction, bps: int, *, inverse: bool, source: str, pair: str) -> Quote:
    """A quote that is sure of `value` within `bps`, given in the pair or in its inverse."""
    given_value = 1 / value if inverse else value
    wad = int(given_value * WAD)
    base, unit = pair.split("/")
    return quote(source, wad, confidence=wad * bps // 10_000 + 1, pair=f"{unit}/{base}" if inverse else pair)


@given(
    st.lists(RATES, min_size=3, max_size=3),
    st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=9, max_size=9),
)
def test_the_true_value_is_inside_whatever_way_it_was_quoted(
    true: Sequence[Fraction], said: Sequence[tuple[int, bool]]
) -> None:
    assets = {
        "C": EXACT.model_copy(update={"priced_in": "B"}),
        "B": EXACT.model_copy(update={"priced_in": "A"}),
        "A": EXACT,
    }
    pairs = ["C/B", "B/A", "A/USD"]
    answers = [
        around(value, bps, inverse=inverse, source=f"s{at}{number}", pair=pair)
        for at, (pair, value) in enumerate(zip(pairs, true, strict=True))
        for number, (bps, inverse) in enumerate(said[3 * at : 3 * at + 3])
    ]
    book = PriceBook(assets, [http_settings(answer.source, answer.pair) for answer in answers])
    book.update(answers, NOW_MS)
    product = Fraction(WAD)
    for asset, value in zip("ABC", reversed(true), strict=True):
        product *= value
        price = book.current.prices[asset]
        if price.low_wad is not None and price.high_wad is not None:
            assert price.low_wad <= product <= price.high_wad


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Quote], list[Quote]]:
    """Honest groups, and at most half as many less one that lie; all may be slow or unsure, in either pair."""
    groups = draw(st.integers(2, 11))
    liars = draw(st.integers(0, (groups - 1) // 2))

    def voice(name: str, value: int) -> Quote:
        made = quote(
            name,
            value,
            confidence=draw(st.integers(0, value // 20)),
            age_ms=draw(st.integers(0, MAX_AGE_MS)),
        )
        return replace(made, changed_at_ms=NOW_MS - draw(st.integers(0, HOUR_MS)))

    honest = [
        voice(f"h{number}", draw(st.integers(9 * 10**17, 11 * 10**17))) for number in range(groups - liars)
    ]
    lies = [voice(f"l{number}", draw(VALUES)) for number in range(liars)]
    return honest, lies


@given(crowds(), st.integers(0, 300), st.integers(0, 10_000), st.integers(0, 1_000))
def test_a_minority_of_lying_groups_can_not_move_mid_out_of_what_the_honest_say(
    crowd: tuple[list[Quote], list[Quote]], frozen_bps: int, spread_bps: int, outlier_bps: int
) -> None:
    honest, lies = crowd
    settings = AssetSettings(
        min_sources=1,
        min_groups=1,
        frozen_bps=frozen_bps,
        max_spread_bps=spread_bps,
        outlier_floor_bps=outlier_bps,
    )
    values = [answer.value_wad for answer in honest]
    answers = [*honest, *lies]
    found = aggregate(Edge("ETH", "USD"), settings, answers, ages(answers), NOW_MS).interval
    if found is not None:
        assert min(values) <= found.mid <= max(values)
        assert found.low <= max(values)
        assert found.high >= min(values)


@given(crowds())
def test_once_the_liars_stop_the_price_is_the_honest_one_at_the_same_tick(
    crowd: tuple[list[Quote], list[Quote]],
) -> None:
    honest, lies = crowd
    settings = EXACT.model_copy(update={"min_groups": 2, "min_sources": 2})
    calm = [
        replace(answer, value_wad=10**18, confidence_wad=0, changed_at_ms=NOW_MS)
        for answer in [*honest, *lies]
    ]
    book = PriceBook({"ETH": settings}, [http_settings(answer.source) for answer in calm])
    book.update([*honest, *lies], NOW_MS)
    book.update(calm, NOW_MS)
    assert 10**18 == book.current.prices["ETH"].mid_wad


ASSETS = {
    "ETH": AssetSettings(min_sources=1, min_groups=1, also_priced_in=("USDT", "BTC")),
    "USDT": AssetSettings(min_sources=1, min_groups=1),
    "BTC": AssetSettings(min_sources=1, min_groups=1),
    "cbETH": AssetSettings(min_sources=1, min_groups=1, priced_in="ETH"),
}
FEEDS = {
    "e1": "ETH/USD",
    "e2": "ETH/USD",
    "t1": "ETH/USDT",
    "t2": "USDT/ETH",
    "b1": "BTC/ETH",
    "u1": "USDT/USD",
    "u2": "USD/USDT",
    "x1": "BTC/USD",
    "r1": "cbETH/ETH",
}
SOURCES = [http_settings(name, pair) for name, pair in FEEDS.items()]
ROUNDS = st.lists(
    st.tuples(
        st.integers(-2_000, 40_000),
        st.dictionaries(
            st.sampled_from(sorted(FEEDS)),
            st.tuples(
                st.one_of(st.integers(95 * 10**16, 105 * 10**16), st.sampled_from(FailureKind)),
                st.integers(-10_000, 35_000),
            ),
            max_size=5,
        ),
    ),
    min_size=1,
    max_size=8,
)


def answers_of(said: Mapping[str, tuple[int | FailureKind, int]], now_ms: int) -> list[Quote | QuoteFailure]:
    return [
        QuoteFailure(source, source, FEEDS[source], value, "", now_ms)
        if isinstance(value, FailureKind)
        else replace(
            quote(source, value, pair=FEEDS[source]),
            source_time_ms=now_ms - age_ms,
            received_at_ms=now_ms,
            changed_at_ms=now_ms,
        )
        for source, (value, age_ms) in said.items()
    ]


@given(ROUNDS, st.randoms(use_true_random=False))
def test_neither_the_order_of_answers_nor_of_sources_nor_of_assets_matters(
    rounds: Sequence[tuple[int, Mapping[str, tuple[int | FailureKind, int]]]], random: Random
) -> None:
    one, now_ms = PriceBook(ASSETS, SOURCES), NOW_MS
    shuffled = list(SOURCES)
    random.shuffle(shuffled)
    assets = list(ASSETS)
    random.shuffle(assets)
    other = PriceBook({asset: ASSETS[asset] for asset in assets}, shuffled)
    for passed_ms, said in rounds:
        now_ms += passed_ms
        answers = answers_of(said, now_ms)
        mixed = list(answers)
        random.shuffle(mixed)
        assert (one.update(answers, now_ms) is None) == (other.update(mixed, now_ms) is None)
        assert one.current.id == other.current.id


@given(ROUNDS)
def test_a_book_that_saw_every_change_is_one_that_only_sees_the_last_answers(
    rounds: Sequence[tuple[int, Mapping[str, tuple[int | FailureKind, int]]]],
) -> None:
    """Nothing of an earlier tick is left in a price but what its quotes carry themselves."""
    book, now_ms = PriceBook(ASSETS, SOURCES), NOW_MS
    for passed_ms, said in rounds:
        now_ms += passed_ms
        book.update(answers_of(said, now_ms), now_ms)
        fresh = PriceBook(ASSETS, SOURCES)
        fresh.update([use.quote for use in tree(book.current.prices)], now_ms)
        assert book.current.prices == fresh.current.prices


@given(ROUNDS)
def test_what_is_published_is_consistent_and_of_this_tick(
    rounds: Sequence[tuple[int, Mapping[str, tuple[int | FailureKind, int]]]],
) -> None:
    book, now_ms = PriceBook(ASSETS, SOURCES), NOW_MS
    for passed_ms, said in rounds:
        now_ms += passed_ms
        book.update(answers_of(said, now_ms), now_ms)
        for price in book.current.prices.values():
            assert price.via is None or price.via == book.current.prices[price.via.asset]
            used = [use.quote for use in price.uses if use.used]
            if price.status is PriceStatus.UNAVAILABLE:
                assert not used
                continue
            times_ms = [answer.time_ms for answer in used if isinstance(answer, Quote)]
            if price.via is not None and price.via.oldest_ms is not None:
                times_ms.append(price.via.oldest_ms)
            assert price.oldest_ms == min(times_ms)
            assert 1 == len({frozenset(answer.pair.split("/")) for answer in used})


def tree(prices: Mapping[str, Price]) -> list[QuoteUse]:
    return [use for price in prices.values() for use in price.uses]
