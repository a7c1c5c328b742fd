from __future__ import annotations

from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from config.asset_settings import AssetSettings
from oracles.price import FailureKind, PriceStatus, Quote, QuoteFailure
from tests.oracles.evidence import EXACT, MAX_AGE_MS, NOW_MS, ages, failure, price_of, priced, quote

VALUES = st.integers(10**6, 10**30)
BPS = st.integers(0, 10_000)


@st.composite
def settings(draw: st.DrawFn) -> AssetSettings:
    return AssetSettings(
        min_sources=draw(st.integers(1, 4)),
        min_groups=draw(st.integers(1, 3)),
        floor_bps=draw(st.integers(0, 100)),
        widen_bps_per_minute=draw(st.integers(0, 50)),
        outlier_floor_bps=draw(st.integers(0, 1_000)),
        max_spread_bps=draw(BPS),
    )


@st.composite
def answer(draw: st.DrawFn, name: str) -> Quote | QuoteFailure:
    group = draw(st.sampled_from([name, "g1", "g2"]))
    if draw(st.integers(0, 9)) == 0:
        return failure(name, draw(st.sampled_from(FailureKind)), group=group)
    value = draw(st.one_of(st.integers(10**18, 10**18 + 10**16), VALUES))
    return quote(
        name,
        value,
        group=group,
        weight=draw(st.integers(1, 5)),
        confidence=draw(st.integers(0, value // 100)),
        age_ms=draw(st.integers(-MAX_AGE_MS - 5, MAX_AGE_MS + 5)),
        timed=draw(st.booleans()),
    )


@st.composite
def answers(draw: st.DrawFn) -> list[Quote | QuoteFailure]:
    return [draw(answer(f"s{number}")) for number in range(draw(st.integers(0, 8)))]


@given(answers(), settings(), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(
    given_answers: list[Quote | QuoteFailure], asset: AssetSettings, random: Random
) -> None:
    shuffled = list(given_answers)
    random.shuffle(shuffled)
    assert price_of(given_answers, asset) == price_of(shuffled, asset)


@given(answers(), settings())
def test_a_price_has_all_its_numbers_in_order_or_none(
    given_answers: list[Quote | QuoteFailure], asset: AssetSettings
) -> None:
    price = price_of(given_answers, asset)
    assert len(price.uses) == len(given_answers)
    if price.status is PriceStatus.UNAVAILABLE:
        assert (None, None, None, None) == (price.low_wad, price.mid_wad, price.high_wad, price.oldest_ms)
        assert price.reason
        assert not any(use.used for use in price.uses)
        return
    assert price.low_wad is not None
    assert price.mid_wad is not None
    assert price.high_wad is not None
    assert 0 < price.low_wad <= price.mid_wad <= price.high_wad
    assert (price.status is PriceStatus.OK) == all(use.used for use in price.uses)


@given(answers(), settings())
def test_what_is_used_is_fresh_and_meets_the_quorum(
    given_answers: list[Quote | QuoteFailure], asset: AssetSettings
) -> None:
    price = price_of(given_answers, asset)
    used = [use.quote for use in price.uses if use.used and isinstance(use.quote, Quote)]
    assert all(-30_000 <= NOW_MS - used_quote.time_ms <= MAX_AGE_MS for used_quote in used)
    if price.status is not PriceStatus.UNAVAILABLE:
        assert len(used) >= asset.min_sources
        assert len({used_quote.group for used_quote in used}) >= asset.min_groups
        assert price.oldest_ms == min(used_quote.time_ms for used_quote in used)


@given(
    honest=st.lists(st.integers(9 * 10**17, 11 * 10**17), min_size=2, max_size=6),
    lies=st.lists(VALUES, max_size=5),
    asset=settings(),
)
def test_a_lying_minority_can_not_move_mid_out_of_the_honest_range(
    honest: list[int], lies: list[int], asset: AssetSettings
) -> None:
    total = len(honest) + len(lies)
    assume(len(lies) <= (total - 1) // 2)
    price = price_of([quote(f"s{number}", value) for number, value in enumerate(honest + lies)], asset)
    if price.mid_wad is not None:
        assert min(honest) <= price.mid_wad <= max(honest)


@given(
    honest=st.integers(10**17, 10**19),
    lies=st.lists(VALUES, min_size=1, max_size=1),
)
def test_one_liar_among_four_that_agree_never_takes_the_price_away(honest: int, lies: list[int]) -> None:
    values = [honest, honest + honest // 10_000, honest - honest // 10_000, *lies]
    price = price_of([quote(f"s{number}", value) for number, value in enumerate(values)], AssetSettings())
    assert price.mid_wad is not None
    assert values[2] <= price.mid_wad <= values[1]


@given(
    first=st.lists(st.integers(10**18, 10**18 + 10**15), min_size=1, max_size=5),
    ages_ms=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
    widen=st.integers(0, 50),
)
def test_an_older_price_is_never_narrower(first: list[int], ages_ms: tuple[int, int], widen: int) -> None:
    asset = EXACT.model_copy(update={"widen_bps_per_minute": widen})
    given_quotes = [quote(f"s{number}", value) for number, value in enumerate(first)]
    policy = ages(given_quotes, 10**7)
    younger, older = (priced("ETH", asset, given_quotes, policy, NOW_MS + age) for age in sorted(ages_ms))
    assert younger.low_wad is not None
    assert younger.high_wad is not None
    assert older.low_wad is not None
    assert older.high_wad is not None
    assert older.low_wad <= younger.low_wad
    assert older.high_wad >= younger.high_wad
    assert older.mid_wad == younger.mid_wad


@given(st.lists(st.integers(10**18, 10**18 + 10**15), min_size=1, max_size=6), st.integers(2, 20))
def test_more_sources_behind_one_upstream_change_nothing(values: list[int], copies: int) -> None:
    alone = [quote(f"s{number}", value) for number, value in enumerate(values)]
    crowd = [quote(f"c{number}", values[0], group="s0") for number in range(copies)]
    one, many = price_of(alone), price_of([*alone, *crowd])
    assert (one.low_wad, one.mid_wad, one.high_wad) == (many.low_wad, many.mid_wad, many.high_wad)


@given(answers(), settings())
def test_a_price_is_derived_again_from_its_own_tree(
    given_answers: list[Quote | QuoteFailure], asset: AssetSettings
) -> None:
    price = price_of(given_answers, asset)
    assert price == price_of([use.quote for use in price.uses], asset)
