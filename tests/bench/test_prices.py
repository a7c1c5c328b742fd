"""What a price costs: 200 assets of 12 sources each, one quote after another. Run by `make bench`."""

from __future__ import annotations

import cProfile
import gc
import pstats
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import pytest

import config
import oracles
from config.asset_settings import AssetSettings
from config.pairs import Edge
from config.source_settings import HttpSourceSettings
from config.units import WAD
from oracles import graph
from oracles.aggregate import EdgePrice, aggregate
from oracles.price import Price, Quote
from oracles.pricing import PriceBook
from tests.oracles.evidence import NOW_MS, http_settings, quote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SOURCES_EACH = 12
STABLE, SHARES, TWO_PATHS, PLAIN = 1, 9, 40, 150
CHANGES = 1_000
OURS = tuple(str(Path(package.__file__ or "").parent) for package in (oracles, config))


def assets() -> dict[str, AssetSettings]:
    """A stable coin, assets in USD, assets with a second path over the stable coin, and shares of assets."""
    plain = {f"P{number}": AssetSettings() for number in range(PLAIN)}
    several = {f"T{number}": AssetSettings(also_priced_in=("S0",)) for number in range(TWO_PATHS)}
    shares = {f"V{number}": AssetSettings(priced_in=f"P{number}") for number in range(SHARES)}
    return {"S0": AssetSettings(), **plain, **several, **shares}


def sources() -> list[HttpSourceSettings]:
    made = []
    for asset, settings in assets().items():
        for number in range(SOURCES_EACH):
            unit = "S0" if settings.also_priced_in and number % 2 else settings.priced_in
            made.append(http_settings(f"{asset}-{number}", f"{asset}/{unit}", group=f"g{number}"))
    return made


def said(source: HttpSourceSettings, random: Random, at_ms: int) -> Quote:
    value = WAD + random.randrange(-(10**15), 10**15)
    made = quote(source.name, value, group=source.group, pair=source.pair)
    return replace(made, source_time_ms=at_ms, received_at_ms=at_ms, changed_at_ms=at_ms)


class Market:
    """A book in which everything has a price, and quotes that change it, one at a time."""

    def __init__(self) -> None:
        self.random = Random(7)
        self.sources = sources()
        self.book = PriceBook(assets(), self.sources)
        self.book.update([said(source, self.random, NOW_MS) for source in self.sources], NOW_MS)

    def change(self) -> list[Quote]:
        return [said(self.random.choice(self.sources), self.random, NOW_MS)]


@pytest.fixture
def market() -> Iterator[Market]:
    made = Market()
    assert len(made.book.order) == STABLE + SHARES + TWO_PATHS + PLAIN == 200
    assert all(price.mid_wad is not None for price in made.book.current.prices.values())
    yield made
    tracemalloc.stop()


def test_one_changed_quote(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = [market.change() for _ in range(CHANGES)]
    aggregated, multiplied = counted(monkeypatch)
    for change in changes:
        market.book.update(change, NOW_MS)
    edges, prices = len(aggregated) / CHANGES, len(multiplied) / CHANGES
    monkeypatch.undo()
    taken_us: list[float] = []
    for change in (market.change() for _ in range(CHANGES)):
        began_ns = time.perf_counter_ns()
        market.book.update(change, NOW_MS)
        taken_us.append((time.perf_counter_ns() - began_ns) / 1_000)
    line(f"a changed quote      {edges:g} of 240 edges aggregated, {prices:.2f} of 200 prices multiplied")
    line(f"all of it            {spread(taken_us)}, the set's id included")

    assert CHANGES == len(aggregated)


def test_what_is_computed_is_exactly_what_depends_on_the_quote(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_of = {source.name: source for source in market.sources}
    aggregated, multiplied = counted(monkeypatch)
    cases = {
        "P100-3": (["P100/USD"], {"P100"}),
        "P3-3": (["P3/USD"], {"P3", "V3"}),
        "V3-0": (["V3/P3"], {"V3"}),
        "T5-0": (["T5/USD"], {"T5"}),
        "T5-1": (["T5/S0"], {"T5"}),
        "S0-0": (["S0/USD"], {"S0", *(f"T{number}" for number in range(TWO_PATHS))}),
    }
    for name, (edges, prices) in cases.items():
        aggregated.clear()
        multiplied.clear()
        market.book.update([said(source_of[name], market.random, NOW_MS)], NOW_MS)
        assert edges == aggregated
        assert (len(prices), prices) == (len(multiplied), set(multiplied))
    line(f"the stable coin      1 edge aggregated, {1 + TWO_PATHS} prices multiplied; any other: its own")


def test_every_quote_at_once(market: Market) -> None:
    everything = [[said(source, market.random, NOW_MS) for source in market.sources] for _ in range(5)]
    per_asset_us = []
    for answers in everything:
        began_ns = time.perf_counter_ns()
        market.book.update(answers, NOW_MS)
        per_asset_us.append((time.perf_counter_ns() - began_ns) / 1_000 / len(market.book.order))
    line(f"2,400 quotes at once {min(per_asset_us):.0f} us for each of 200 assets (best of 5)")


def test_an_edge_of_twelve_sources(market: Market) -> None:
    settings, edge = AssetSettings(), Edge("P0", "USD")
    answers = [said(source, market.random, NOW_MS) for source in market.sources if source.pair == "P0/USD"]
    taken_us = []
    for _ in range(CHANGES):
        began_ns = time.perf_counter_ns()
        aggregate(edge, settings, answers, market.book.ages, NOW_MS)
        taken_us.append((time.perf_counter_ns() - began_ns) / 1_000)
    line(f"an aggregate of 12   {spread(taken_us)}")


def test_nothing_happens(market: Market) -> None:
    market.book.tick(NOW_MS)
    taken_us = []
    for _ in range(CHANGES):
        began_ns = time.perf_counter_ns()
        market.book.tick(NOW_MS)
        taken_us.append((time.perf_counter_ns() - began_ns) / 1_000)
    line(f"a tick without news  {spread(taken_us)}")


def test_allocations(market: Market) -> None:
    changes = [market.change() for _ in range(CHANGES)]
    for change in changes:
        market.book.update(change, NOW_MS)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    peaks = []
    for change in changes:
        tracemalloc.reset_peak()
        held, _ = tracemalloc.get_traced_memory()
        market.book.update(change, NOW_MS)
        peaks.append(tracemalloc.get_traced_memory()[1] - held)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    line(
        f"allocations          {sum(peaks) / CHANGES / 1_024:.0f} KiB at the peak of a change, "
        f"{(kept - before) / CHANGES:.0f} bytes kept for each after {CHANGES:,}"
    )

    assert kept - before < 5_000 * len(market.book.order)


def test_whose_time_it_is(market: Market) -> None:
    changes = [market.change() for _ in range(CHANGES)]
    profile = cProfile.Profile()
    profile.enable()
    for change in changes:
        market.book.update(change, NOW_MS)
    profile.disable()
    rows = pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]
    spent = [(where[0], row[2]) for where, row in rows]
    whole = sum(seconds for _, seconds in spent)
    own = sum(seconds for file, seconds in spent if file.startswith(OURS))
    line(f"of that, our code    {own / whole:.0%}; the rest is sorting, text and keccak (under a profiler)")

    assert own > 0


def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Return the edges that are aggregated and the assets that are multiplied from now on."""
    aggregated: list[str] = []
    multiplied: list[str] = []

    def counting(edge: Edge, *args: Any) -> EdgePrice:
        aggregated.append(str(edge))
        return aggregate(edge, *args)

    def counting_prices(asset: str, *args: Any) -> Price:
        multiplied.append(asset)
        return graph.price_of(asset, *args)

    monkeypatch.setattr("oracles.pricing.aggregate", counting)
    monkeypatch.setattr("oracles.pricing.price_of", counting_prices)
    return aggregated, multiplied


def spread(values_us: Sequence[float]) -> str:
    cuts = quantiles(values_us, n=20)
    return f"p50 {cuts[9]:.0f} us, p95 {cuts[18]:.0f} us"


def line(text: str) -> None:
    print(f"\n{text}", end="", flush=True)
