from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest

from config.asset_settings import AssetSettings
from config.units import WAD
from oracles.guarding import held
from oracles.price import Hold, Price, PriceStatus, Quote
from oracles.pricing import PriceBook
from oracles.record import canonical, from_canonical
from tests.oracles.evidence import NOW_MS, http_settings, interval_of, quote

LOOSE = AssetSettings(floor_bps=0, widen_bps_per_minute=0, min_sources=1, min_groups=1, max_spread_bps=10_000)
ASSETS = {"sUSDe": LOOSE.model_copy(update={"priced_in": "USDe"}), "ETH": LOOSE, "USDe": LOOSE}
SOURCES = [
    http_settings("eth", "ETH/USD"),
    http_settings("usde", "USDe/USD"),
    http_settings("rate", "sUSDe/USDe"),
]
PAIRS = {source.name: source.pair for source in SOURCES}


def said(source: str, value: int) -> Quote:
    return quote(source, value, pair=PAIRS[source])


@dataclass
class HoldsUntil:
    """Holds one asset until a moment; looks at another."""

    asset: str
    until_ms: int
    looks_at: Mapping[str, Collection[str]] = field(default_factory=dict)
    seen: list[tuple[str, int]] = field(default_factory=list)

    def references(self, asset: str) -> Collection[str]:
        return self.looks_at.get(asset, frozenset())

    def apply(self, price: Price, prices: Mapping[str, Price], now_ms: int) -> Price:
        self.seen.append((price.asset, now_ms))
        if price.asset != self.asset or now_ms >= self.until_ms:
            return price
        return held(price, Hold("test", "too far", NOW_MS, self.until_ms))

    def next_change_ms(self, asset: str, now_ms: int) -> int | None:
        return self.until_ms if asset == self.asset and now_ms < self.until_ms else None


def test_a_hold_takes_the_price_away_and_says_so() -> None:
    book = PriceBook(ASSETS, SOURCES, HoldsUntil("ETH", NOW_MS + 5_000))
    book.update([said("eth", 100)], NOW_MS)
    price = book.current.prices["ETH"]
    assert (None, None, None) == interval_of(price)
    assert PriceStatus.UNAVAILABLE is price.status
    assert "held: test: too far" == price.reason
    assert (Hold("test", "too far", NOW_MS, NOW_MS + 5_000),) == price.holds


def test_a_hold_ends_by_itself_at_the_moment_it_named() -> None:
    book = PriceBook(ASSETS, SOURCES, HoldsUntil("ETH", NOW_MS + 5_000))
    book.update([said("eth", 100)], NOW_MS)
    assert book.tick(NOW_MS + 4_999) is None
    freed = book.tick(NOW_MS + 5_000)
    assert freed is not None
    assert (100, 100, 100) == interval_of(freed.prices["ETH"])
    assert () == freed.prices["ETH"].holds


def test_what_is_priced_in_a_held_asset_has_no_price_either() -> None:
    book = PriceBook(ASSETS, SOURCES, HoldsUntil("USDe", NOW_MS + 5_000))
    book.update([said("usde", WAD), said("rate", 2 * WAD)], NOW_MS)
    assert "via USDe: held: test: too far" == book.current.prices["sUSDe"].reason
    book.tick(NOW_MS + 5_000)
    assert 2 * WAD == book.current.prices["sUSDe"].mid_wad


def test_a_guard_is_asked_again_when_what_it_looks_at_changes() -> None:
    guard = HoldsUntil("none", 0, {"USDe": {"ETH"}})
    book = PriceBook(ASSETS, SOURCES, guard)
    assert book.order.index("ETH") < book.order.index("USDe")
    guard.seen.clear()
    book.update([said("eth", 100)], NOW_MS)
    assert [("ETH", NOW_MS), ("USDe", NOW_MS), ("sUSDe", NOW_MS)] == guard.seen


def test_guards_that_look_at_each_other_in_a_circle_do_not_load() -> None:
    guard = HoldsUntil("none", 0, {"USDe": {"sUSDe"}})
    with pytest.raises(ValueError, match="circle"):
        PriceBook(ASSETS, SOURCES, guard)


def test_holds_are_read_back_from_the_canonical_form() -> None:
    book = PriceBook(ASSETS, SOURCES, HoldsUntil("ETH", NOW_MS + 5_000))
    book.update([said("eth", 100)], NOW_MS)
    assert book.current == from_canonical(canonical(book.current))
    assert replace(book.current, id="") != replace(PriceBook(ASSETS, SOURCES).current, id="")


def test_a_form_that_is_held_by_nothing_is_refused() -> None:
    form = canonical(PriceBook(ASSETS, SOURCES).current)
    prices = form["prices"]
    assert isinstance(prices, dict)
    prices["ETH"]["holds"] = []
    with pytest.raises(ValueError, match="held by nothing"):
        from_canonical(form)
