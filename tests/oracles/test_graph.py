from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from config.asset_settings import AssetSettings
from config.canonical import canonical_json
from config.source_settings import HttpSourceSettings
from config.units import WAD
from oracles.price import FailureKind, Path, Price, PriceStatus, Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.record import canonical, from_canonical
from tests.oracles.evidence import EXACT, NOW_MS, http_settings, interval_of, quote, reason_of, used_by

TWO = EXACT.model_copy(update={"min_sources": 2, "min_groups": 2, "max_spread_bps": 100})
ASSETS = {
    "ETH": TWO.model_copy(update={"also_priced_in": ("USDT",)}),
    "USDT": TWO,
    "cbETH": EXACT.model_copy(update={"priced_in": "ETH"}),
}
PAIRS = {
    "coinbase": "ETH/USD",
    "kraken": "ETH/USD",
    "binance": "ETH/USDT",
    "okx": "ETH/USDT",
    "bybit": "USDT/ETH",
    "usdt1": "USDT/USD",
    "usdt2": "USDT/USD",
    "rate": "cbETH/ETH",
}
SOURCES = [http_settings(name, pair) for name, pair in PAIRS.items()]
DIRECT = {"coinbase": 2_000 * WAD, "kraken": 2_000 * WAD}
TETHER = {"usdt1": WAD // 2, "usdt2": WAD // 2}
STABLE = {"binance": 4_010 * WAD, "okx": 4_010 * WAD, "bybit": WAD // 4_000}


def said(values: Mapping[str, int]) -> list[Quote]:
    return [quote(name, value, pair=PAIRS[name]) for name, value in values.items()]


def prices_of(
    *values: Mapping[str, int],
    assets: Mapping[str, AssetSettings] = ASSETS,
    sources: Sequence[HttpSourceSettings] = SOURCES,
) -> Mapping[str, Price]:
    book = PriceBook(assets, sources)
    book.update([answer for some in values for answer in said(some)], NOW_MS)
    return book.current.prices


def test_a_stable_quoted_feed_is_multiplied_by_the_measured_rate_of_the_stable_coin() -> None:
    price = prices_of(STABLE, TETHER)["ETH"]
    assert 2_005 * WAD == price.mid_wad
    assert price.via is not None
    assert "USDT" == price.via.asset


def test_a_ratio_feed_is_multiplied_by_what_it_is_a_ratio_to() -> None:
    price = prices_of(DIRECT, {"rate": WAD * 11 // 10})["cbETH"]
    assert (2_200 * WAD, 2_200 * WAD, 2_200 * WAD) == interval_of(price)


def test_a_product_of_three_pairs_goes_over_the_path_of_its_unit() -> None:
    price = prices_of(STABLE, TETHER, {"rate": 2 * WAD})["cbETH"]
    assert 4_010 * WAD == price.mid_wad
    assert price.via is not None
    assert price.via.via is not None
    assert ("ETH", "USDT") == (price.via.asset, price.via.via.asset)


def test_a_feed_of_the_inverse_pair_is_one_more_voice_for_its_edge() -> None:
    price = prices_of(TETHER, {"binance": 3_990 * WAD, "okx": 4_010 * WAD, "bybit": WAD // 4_000})["ETH"]
    assert 2_000 * WAD == price.mid_wad
    assert {"binance", "okx", "bybit"} == used_by(price)


def test_an_inverse_that_does_not_come_out_even_is_rounded_outward() -> None:
    assets = {"JPY": EXACT}
    sources = [http_settings("fx", "USD/JPY")]
    book = PriceBook(assets, sources)
    book.update([quote("fx", 150 * WAD, pair="USD/JPY")], NOW_MS)
    price = book.current.prices["JPY"]
    assert (WAD // 150, WAD // 150, WAD // 150 + 1) == interval_of(price)


def test_the_confidence_of_an_inverse_is_that_of_its_ends() -> None:
    book = PriceBook({"JPY": EXACT}, [http_settings("fx", "USD/JPY")])
    book.update([quote("fx", 4 * WAD, confidence=WAD, pair="USD/JPY")], NOW_MS)
    assert (WAD // 5, WAD // 4, WAD // 3 + 1) == interval_of(book.current.prices["JPY"])


def test_the_path_of_fewest_pairs_is_taken_and_the_other_recorded() -> None:
    price = prices_of(DIRECT, STABLE, TETHER)["ETH"]
    assert 2_000 * WAD == price.mid_wad
    assert price.via is None
    assert {"coinbase", "kraken"} == used_by(price)
    assert "path_not_taken" == reason_of(price, "okx")
    assert (PriceStatus.OK, "") == (price.status, price.reason)
    taken, other = price.paths
    mid = 2_000 * WAD
    assert Path(("ETH/USD",), True, 2, mid, mid, mid, "") == taken
    assert (("ETH/USDT", "USDT/USD"), False, 2, 2_005 * WAD) == (
        other.pairs,
        other.taken,
        other.groups,
        other.mid_wad,
    )


def test_without_a_quorum_on_the_first_path_the_other_is_taken_and_the_price_degraded() -> None:
    price = prices_of({"coinbase": 2_000 * WAD}, STABLE, TETHER)["ETH"]
    assert 2_005 * WAD == price.mid_wad
    assert PriceStatus.DEGRADED is price.status
    assert price.reason.startswith("ETH/USD has no price: quorum: 1 of 2 sources, 1 of 2 groups; 1 of 5")
    assert {"binance", "okx", "bybit"} == used_by(price)
    assert "path_not_taken" == reason_of(price, "coinbase")


def test_a_quorum_is_of_one_path_and_never_put_together_from_two() -> None:
    price = prices_of({"coinbase": 2_000 * WAD, "okx": 4_000 * WAD}, TETHER)["ETH"]
    assert PriceStatus.UNAVAILABLE is price.status
    assert "ETH/USD: quorum: 1 of 2 sources, 1 of 2 groups; ETH/USDT: quorum: 1 of 2" in price.reason


def test_two_paths_that_contradict_each_other_are_no_price() -> None:
    apart = {"binance": 4_081 * WAD, "okx": 4_081 * WAD}
    price = prices_of(DIRECT, apart, TETHER)["ETH"]
    assert (None, None, None) == interval_of(price)
    assert "paths: ETH/USD and ETH/USDT x USDT/USD are 202 bps apart, limit 2 times 100 bps" == price.reason
    assert set() == used_by(price)
    assert [False, False] == [path.taken for path in price.paths]


def test_two_paths_may_lie_as_many_bands_apart_as_the_longer_has_pairs() -> None:
    near = {"binance": 4_080 * WAD, "okx": 4_080 * WAD}
    assert 2_000 * WAD == prices_of(DIRECT, near, TETHER)["ETH"].mid_wad


def test_exactly_at_the_limit_two_paths_do_not_contradict() -> None:
    at_limit = {"binance": 40_804 * WAD // 10, "okx": 40_804 * WAD // 10}
    beyond = {"binance": 40_804 * WAD // 10 + 2, "okx": 40_804 * WAD // 10 + 2}
    assert 2_000 * WAD == prices_of(DIRECT, at_limit, TETHER)["ETH"].mid_wad
    assert prices_of(DIRECT, beyond, TETHER)["ETH"].mid_wad is None


def test_one_pair_of_two_groups_is_taken_before_two_pairs_of_three() -> None:
    pairs = {**PAIRS, "usdt3": "USDT/USD"}
    book = PriceBook(ASSETS, [http_settings(name, pair) for name, pair in pairs.items()])
    third = quote("usdt3", WAD // 2, pair="USDT/USD")
    book.update([*said(DIRECT), *said(STABLE), *said(TETHER), third], NOW_MS)
    price = book.current.prices["ETH"]
    assert [(True, 2), (False, 3)] == [(path.taken, path.groups) for path in price.paths]


def test_a_path_has_as_many_groups_as_its_weakest_pair() -> None:
    assets = {
        "X": EXACT.model_copy(update={"priced_in": "A", "also_priced_in": ("USD",)}),
        "A": EXACT.model_copy(update={"priced_in": "B"}),
        "B": EXACT,
    }
    pairs = {"x1": "X/A", "x2": "X/A", "a1": "A/B", "a2": "A/B", "b": "B/USD", "d": "X/USD"}
    book = PriceBook(assets, [http_settings(name, pair) for name, pair in pairs.items()])
    book.update([quote(name, WAD, pair=pair) for name, pair in pairs.items()], NOW_MS)
    over_two, _ = book.current.prices["X"].paths
    assert (("X/A", "A/B", "B/USD"), 1) == (over_two.pairs, over_two.groups)


def test_of_paths_with_as_many_pairs_and_groups_the_narrower_is_taken_and_then_the_first() -> None:
    settings = EXACT.model_copy(update={"priced_in": "USDT", "also_priced_in": ("USDC",)})
    assets = {"ETH": settings, "USDT": EXACT, "USDC": EXACT}
    pairs = {"a": "ETH/USDT", "b": "ETH/USDC", "t": "USDT/USD", "u": "USDC/USD"}
    assert "USDT" == taken_unit(assets, pairs)
    assert "USDC" == taken_unit(assets, pairs, unsure="a")
    assert "USDT" == taken_unit(assets, pairs, unsure="b")


def test_of_paths_with_as_many_pairs_the_one_of_most_groups_is_taken() -> None:
    settings = EXACT.model_copy(update={"priced_in": "USDT", "also_priced_in": ("USDC",)})
    assets = {"ETH": settings, "USDT": EXACT, "USDC": EXACT}
    pairs = {"a": "ETH/USDT", "b": "ETH/USDC", "c": "ETH/USDC", "t": "USDT/USD", "u": "USDC/USD"}
    more = {**pairs, "u2": "USDC/USD"}
    assert "USDT" == taken_unit(assets, pairs)
    assert "USDC" == taken_unit(assets, more)


def taken_unit(
    assets: Mapping[str, AssetSettings], pairs: Mapping[str, str], *, unsure: str = ""
) -> str | None:
    book = PriceBook(assets, [http_settings(name, pair) for name, pair in pairs.items()])
    book.update(
        [quote(name, WAD, pair=pair, confidence=10 * (name == unsure)) for name, pair in pairs.items()],
        NOW_MS,
    )
    via = book.current.prices["ETH"].via
    return None if via is None else via.asset


def test_a_path_over_an_asset_without_a_price_is_closed() -> None:
    price = prices_of(STABLE, {"usdt1": WAD})["ETH"]
    assert PriceStatus.UNAVAILABLE is price.status
    assert "ETH/USDT: via USDT: quorum: 1 of 2 sources" in price.reason


def test_a_price_by_several_paths_is_read_back_from_json() -> None:
    book = PriceBook(ASSETS, SOURCES)
    answers: list[Quote | QuoteFailure] = [*said(DIRECT), *said({"rate": WAD})]
    book.update([*answers, QuoteFailure("okx", "okx", "ETH/USDT", FailureKind.STALE, "", NOW_MS)], NOW_MS)
    assert book.current.prices["ETH"].paths
    assert book.current == from_canonical(json.loads(canonical_json(canonical(book.current))))


@pytest.mark.parametrize("spoil", [{"taken": "true"}, {"groups": "x"}, {"pairs": "ETH/USD"}, {"more": ""}])
def test_a_path_in_another_form_is_refused(spoil: Mapping[str, str]) -> None:
    book = PriceBook(ASSETS, SOURCES)
    form: Any = canonical(book.current)
    form["prices"]["ETH"]["paths"][0].update(spoil)
    with pytest.raises(ValueError):
        from_canonical(form)


def test_a_change_on_a_path_not_taken_is_told_by_the_current_set_only() -> None:
    book = PriceBook(ASSETS, SOURCES)
    book.update([*said(DIRECT), *said(STABLE), *said(TETHER)], NOW_MS)
    assert book.update(said({"okx": 4_011 * WAD}), NOW_MS) is None
    seen = {use.quote.source: use.quote for use in book.current.prices["ETH"].uses}
    answer = seen["okx"]
    assert isinstance(answer, Quote)
    assert 4_011 * WAD == answer.value_wad


def test_assets_priced_in_each_other_by_any_path_do_not_load() -> None:
    assets = {**ASSETS, "USDT": TWO.model_copy(update={"also_priced_in": ("ETH",)})}
    with pytest.raises(ValueError, match="ETH in USDT in ETH"):
        PriceBook(assets, SOURCES)


@pytest.mark.parametrize("pair", ["cbETH/USD", "USD/cbETH", "cbETH/USDT", "ETH/BTC"])
def test_a_feed_in_a_unit_that_its_asset_does_not_have_does_not_load(pair: str) -> None:
    with pytest.raises(ValueError, match="x gives"):
        PriceBook(ASSETS, [*SOURCES, http_settings("x", pair)])


def test_the_time_of_a_product_is_that_of_its_oldest_part() -> None:
    book = PriceBook(ASSETS, SOURCES)
    old = replace(said({"usdt1": WAD // 2})[0], source_time_ms=NOW_MS - 7_000)
    book.update([*said(STABLE), *said({"usdt2": WAD // 2}), old], NOW_MS)
    assert NOW_MS - 7_000 == book.current.prices["ETH"].oldest_ms


def test_a_product_beyond_any_price_is_none() -> None:
    assets = {"A": EXACT.model_copy(update={"priced_in": "B"}), "B": EXACT}
    book = PriceBook(assets, [http_settings("one", "A/B"), http_settings("other", "B/USD")])
    most = 10**36
    book.update([quote("one", most, pair="A/B"), quote("other", 2 * WAD, pair="B/USD")], NOW_MS)

    assert None is book.current.prices["A"].mid_wad
    assert book.current.prices["A"].reason.startswith("value: ")
