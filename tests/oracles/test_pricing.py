from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.units import WAD
from oracles import graph
from oracles.aggregate import EdgePrice, aggregate
from oracles.ordering import dependents, topological_order
from oracles.price import FailureKind, Price, PriceStatus, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.record import price_set
from tests.oracles.evidence import MAX_AGE_MS, NOW_MS, http_settings, interval_of, priced, quote, reason_of

LOOSE = AssetSettings(floor_bps=0, widen_bps_per_minute=0, min_sources=1, min_groups=1, max_spread_bps=10_000)
ASSETS = {
    "sUSDe": LOOSE.model_copy(update={"priced_in": "USDe"}),
    "ETH": LOOSE.model_copy(update={"widen_bps_per_minute": 60}),
    "USDe": LOOSE,
}
SOURCES = [
    http_settings("eth1", "ETH/USD"),
    http_settings("eth2", "ETH/USD"),
    http_settings("usde1", "USDe/USD"),
    http_settings("rate1", "sUSDe/USDe"),
]
PAIRS = {source.name: source.pair for source in SOURCES}


def book() -> PriceBook:
    return PriceBook(ASSETS, SOURCES)


def said(source: str, value: int, *, at_ms: int = NOW_MS, timed: bool = True) -> Quote:
    made = quote(source, value, pair=PAIRS[source], timed=timed, age_ms=NOW_MS - at_ms)
    return replace(made, received_at_ms=at_ms, changed_at_ms=at_ms)


def failed(source: str, kind: FailureKind, at_ms: int = NOW_MS) -> QuoteFailure:
    return QuoteFailure(source, source, PAIRS[source], kind, "", at_ms)


def test_an_asset_comes_after_what_it_is_priced_in() -> None:
    assert topological_order({"sUSDe": ["USDe"], "ETH": [], "USDe": []}) == ("USDe", "sUSDe", "ETH")
    assert book().order == ("USDe", "sUSDe", "ETH")


def test_a_change_reaches_what_is_priced_in_it_over_any_number_of_steps() -> None:
    needs = {"A": ["B", "C"], "B": ["C"], "C": [], "D": []}
    reached = dependents(needs, topological_order(needs))
    assert {"A": frozenset(), "B": {"A"}, "C": {"A", "B"}, "D": frozenset()} == reached


@pytest.mark.parametrize(
    ("units", "complaint"),
    [
        ({"A": "B", "B": "C", "C": "A"}, "A in B in C in A"),
        ({"A": "A"}, "A in A"),
        ({"A": "B"}, "A is priced in B, which is not an asset"),
    ],
)
def test_circles_and_unknown_units_do_not_load(units: Mapping[str, str], complaint: str) -> None:
    assets = {asset: LOOSE.model_copy(update={"priced_in": unit}) for asset, unit in units.items()}
    with pytest.raises(ValueError, match=complaint):
        PriceBook(assets, [])


@pytest.mark.parametrize("pair", ["BTC/USD", "ETH/USDe", "USDe/ETH", "USD/BTC", "USDe/USDe"])
def test_a_source_of_another_unit_does_not_load(pair: str) -> None:
    with pytest.raises(ValueError, match="source x gives"):
        PriceBook(ASSETS, [http_settings("x", pair)])


def test_two_sources_of_one_name_do_not_load() -> None:
    with pytest.raises(ValueError, match="same name"):
        PriceBook(ASSETS, [SOURCES[0], SOURCES[0]])


def test_before_the_first_answer_every_price_is_unavailable_with_its_sources() -> None:
    price = book().current.prices["ETH"]
    assert price.status is PriceStatus.UNAVAILABLE
    assert reason_of(price, "eth1") == "never_answered"


def test_the_first_quote_changes_a_price_and_the_same_again_does_not() -> None:
    prices = book()
    first = prices.update([said("eth1", 100)], NOW_MS)
    assert first is not None
    assert interval_of(first.prices["ETH"]) == (100, 100, 100)
    assert prices.update([said("eth1", 100)], NOW_MS) is None


def test_newer_times_without_another_price_are_current_but_no_change() -> None:
    prices = book()
    prices.update([said("usde1", WAD)], NOW_MS)
    assert prices.update([said("usde1", WAD, at_ms=NOW_MS + 1_000)], NOW_MS + 1_000) is None
    assert prices.current.prices["USDe"].oldest_ms == NOW_MS + 1_000
    assert prices.current.as_of_ms == NOW_MS + 1_000


def test_only_what_depends_on_a_change_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregated: list[str] = []
    multiplied: list[str] = []

    def counting(edge: Edge, *args: Any) -> EdgePrice:
        aggregated.append(str(edge))
        return aggregate(edge, *args)

    def counting_prices(asset: str, *args: Any) -> Price:
        multiplied.append(asset)
        return graph.price_of(asset, *args)

    prices = book()
    monkeypatch.setattr("oracles.pricing.aggregate", counting)
    monkeypatch.setattr("oracles.pricing.price_of", counting_prices)
    prices.update([said("eth1", 100)], NOW_MS)
    assert (["ETH/USD"], ["ETH"]) == (aggregated, multiplied)
    aggregated.clear()
    multiplied.clear()
    prices.update([said("usde1", WAD)], NOW_MS)
    assert (["USDe/USD"], ["USDe", "sUSDe"]) == (aggregated, multiplied)
    aggregated.clear()
    multiplied.clear()
    prices.tick(NOW_MS)
    assert ([], []) == (aggregated, multiplied)


def test_a_share_moves_with_what_it_is_priced_in() -> None:
    prices = book()
    prices.update([said("usde1", WAD), said("rate1", 1_100)], NOW_MS)
    moved = prices.update([said("usde1", WAD // 2)], NOW_MS)
    assert moved is not None
    assert interval_of(moved.prices["sUSDe"]) == (550, 550, 550)
    assert moved.prices["sUSDe"].via == moved.prices["USDe"]


def test_a_share_is_unavailable_while_its_unit_is() -> None:
    prices = book()
    prices.update([said("rate1", 1_100)], NOW_MS)
    assert prices.current.prices["sUSDe"].reason.startswith("via USDe: quorum")


def test_the_id_of_the_current_set_is_that_of_its_prices_after_every_change() -> None:
    prices = book()
    ids = {prices.current.id}
    for value in (100, 101):
        prices.update([said("eth1", value)], NOW_MS)
        ids.add(prices.current.id)
        assert price_set(NOW_MS, prices.current.prices).id == prices.current.id
    assert 3 == len(ids)


def test_staleness_shows_by_a_tick_alone_and_only_once() -> None:
    prices = book()
    prices.update([said("usde1", WAD)], NOW_MS)
    assert prices.tick(NOW_MS + MAX_AGE_MS) is None
    stale = prices.tick(NOW_MS + MAX_AGE_MS + 1)
    assert stale is not None
    assert stale.prices["USDe"].status is PriceStatus.UNAVAILABLE
    assert reason_of(stale.prices["USDe"], "usde1").startswith("stale: made at")
    assert prices.tick(NOW_MS + MAX_AGE_MS + 1_000) is None


def test_staleness_shows_in_an_update_of_another_asset_too() -> None:
    prices = book()
    prices.update([said("usde1", WAD), said("eth1", 100)], NOW_MS)
    later = NOW_MS + MAX_AGE_MS + 1
    updated = prices.update([said("eth1", 100, at_ms=later)], later)
    assert updated is not None
    assert updated.prices["USDe"].status is PriceStatus.UNAVAILABLE


def test_a_price_widens_in_steps_of_a_basis_point() -> None:
    prices = book()
    prices.update([said("eth1", 10**6)], NOW_MS)
    assert prices.tick(NOW_MS + 1) is not None
    assert prices.tick(NOW_MS + 1_000) is None
    widened = prices.tick(NOW_MS + 1_001)
    assert widened is not None
    assert interval_of(widened.prices["ETH"]) == (999_800, 10**6, 1_000_200)


def test_a_quote_without_a_clock_ages_from_its_last_change() -> None:
    prices = book()
    for at_ms in range(NOW_MS, NOW_MS + MAX_AGE_MS + 1, 10_000):
        prices.update([said("usde1", WAD, at_ms=at_ms, timed=False)], at_ms)
    assert interval_of(prices.current.prices["USDe"]) == (WAD, WAD, WAD)
    frozen = prices.update(
        [said("usde1", WAD, at_ms=NOW_MS + MAX_AGE_MS + 1, timed=False)], NOW_MS + MAX_AGE_MS + 1
    )
    assert frozen is not None
    assert interval_of(frozen.prices["USDe"]) == (None, None, None)
    moved = prices.update([said("usde1", WAD + 1, at_ms=NOW_MS + 40_000, timed=False)], NOW_MS + 40_000)
    assert moved is not None
    assert interval_of(moved.prices["USDe"]) == (WAD + 1, WAD + 1, WAD + 1)


def test_a_failure_in_between_does_not_make_a_frozen_value_look_changed() -> None:
    prices = book()
    prices.update([said("usde1", WAD, timed=False)], NOW_MS)
    prices.update([failed("usde1", FailureKind.MALFORMED)], NOW_MS + 10_000)
    prices.update([said("usde1", WAD, at_ms=NOW_MS + 20_000, timed=False)], NOW_MS + 20_000)
    assert prices.current.prices["USDe"].oldest_ms == NOW_MS


@pytest.mark.parametrize("kind", [FailureKind.UNREACHABLE, FailureKind.RATE_LIMITED])
def test_an_unreachable_source_keeps_its_quote_until_the_quotes_own_limit(kind: FailureKind) -> None:
    prices = book()
    prices.update([said("usde1", WAD)], NOW_MS)
    assert prices.update([failed("usde1", kind)], NOW_MS + MAX_AGE_MS) is None
    gone = prices.tick(NOW_MS + MAX_AGE_MS + 1)
    assert gone is not None
    assert reason_of(gone.prices["USDe"], "usde1") == str(kind)


@pytest.mark.parametrize("kind", [FailureKind.NOT_A_PRICE, FailureKind.MALFORMED, FailureKind.STALE])
def test_a_source_that_says_something_wrong_loses_its_quote_at_once(kind: FailureKind) -> None:
    prices = book()
    prices.update([said("usde1", WAD)], NOW_MS)
    gone = prices.update([failed("usde1", kind)], NOW_MS + 1)
    assert gone is not None
    assert gone.prices["USDe"].status is PriceStatus.UNAVAILABLE


def test_a_quote_from_the_future_does_not_lock_out_a_newer_answer() -> None:
    prices = book()
    prices.update([said("usde1", WAD, at_ms=NOW_MS + 10**9)], NOW_MS)
    assert prices.current.prices["USDe"].status is PriceStatus.UNAVAILABLE
    assert prices.update([said("usde1", WAD)], NOW_MS + 1) is not None


def test_an_answer_of_an_unknown_source_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        book().update([quote("stranger", 1)], NOW_MS)


EVENTS = st.lists(
    st.tuples(
        st.integers(-2_000, 40_000),
        st.lists(
            st.tuples(
                st.sampled_from(sorted(PAIRS)),
                st.one_of(st.integers(10**17, 10**17 + 5), st.sampled_from(FailureKind)),
                st.integers(-60_000, 35_000),
                st.booleans(),
            ),
            max_size=3,
        ),
    ),
    max_size=12,
)


@given(EVENTS)
def test_the_book_is_always_what_aggregating_everything_now_would_give(
    events: Sequence[tuple[int, Sequence[tuple[str, int | FailureKind, int, bool]]]],
) -> None:
    prices, now_ms = book(), NOW_MS
    published = prices.current
    for passed_ms, given_answers in events:
        now_ms += passed_ms
        answers: list[Quote | QuoteFailure] = [
            failed(source, value, now_ms)
            if isinstance(value, FailureKind)
            else said(source, value, at_ms=now_ms + ahead_ms, timed=timed)
            for source, value, ahead_ms, timed in given_answers
        ]
        published = prices.update(answers, now_ms) or published
        current = prices.current
        for asset, price in current.prices.items():
            via = None if ASSETS[asset].priced_in == "USD" else current.prices[ASSETS[asset].priced_in]
            tree = [use.quote for use in price.uses]
            assert price == priced(asset, ASSETS[asset], tree, prices.ages, now_ms, via)
            assert interval_of(price) == interval_of(published.prices[asset])
            assert price.status == published.prices[asset].status
