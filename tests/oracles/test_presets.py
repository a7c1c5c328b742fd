"""Every preset against the venue that answers as the real exchange does, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from config.units import parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.http import HttpSource
from oracles.sources.http_get import open_session
from oracles.sources.presets import PRESETS, route
from oracles.venue_answers import ANSWERS
from oracles.venues import Fault, Venue, served
from tests.oracles.evidence import NOW_MS, http_settings

SYMBOLS = {
    "binance": "ETHUSDT",
    "bitstamp": "ethusd",
    "bybit": "ETHUSDT",
    "bybit-trades": "ETHUSDT",
    "coinbase": "ETH-USD",
    "gemini": "ethusd",
    "kraken": "ETHUSD",
    "kraken-trades": "ETHUSD",
    "kucoin": "ETH-USDT",
    "okx": "ETH-USDT",
}
WITHOUT_CLOCK = {"bybit", "kraken"}
IN_SECONDS = {"bitstamp"}


def venue_of(preset: str) -> str:
    return preset.removesuffix("-trades")


def asking(preset: str, url: str, session: aiohttp.ClientSession, **changes: object) -> HttpSource:
    made = http_settings(
        preset,
        **{
            "url": url,
            "preset": preset,
            "path": None,
            "price_path": None,
            "symbol": SYMBOLS[preset],
            "timeout_s": 5.0,
            **changes,
        },
    )
    return HttpSource(made, session, lambda: NOW_MS)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


def test_every_preset_has_a_venue_and_every_venue_a_preset() -> None:
    assert ANSWERS.keys() == {venue_of(preset) for preset in PRESETS}
    assert SYMBOLS.keys() == PRESETS.keys()


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_preset_reads_price_and_time(preset: str, session: aiohttp.ClientSession) -> None:
    venue = Venue(venue_of(preset), lambda: NOW_MS + 789)
    venue.set_price(SYMBOLS[preset], "3000.10")
    async with served(venue) as url:
        answer = await asking(preset, url, session).fetch()
    assert isinstance(answer, Quote)
    assert answer.value_wad == parse_wad("3000.1")
    expected_ms = NOW_MS if preset in IN_SECONDS else NOW_MS + 789
    assert answer.source_time_ms == (None if preset in WITHOUT_CLOCK else expected_ms)


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_market_the_venue_does_not_have_is_a_failure(
    preset: str, session: aiohttp.ClientSession
) -> None:
    async with served(Venue(venue_of(preset), lambda: NOW_MS)) as url:
        answer = await asking(preset, url, session).fetch()
    assert isinstance(answer, QuoteFailure)
    expected = FailureKind.MALFORMED if preset == "kucoin" else FailureKind.REFUSED
    assert answer.kind is expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.DOWN, FailureKind.UNREACHABLE),
        (Fault.HANGING, FailureKind.UNREACHABLE),
        (Fault.FAILING, FailureKind.UNREACHABLE),
        (Fault.RATE_LIMITED, FailureKind.RATE_LIMITED),
        (Fault.GARBAGE, FailureKind.MALFORMED),
    ],
)
async def test_each_fault_of_a_venue_is_its_kind_of_failure(
    fault: Fault, expected: FailureKind, session: aiohttp.ClientSession
) -> None:
    venue = Venue("coinbase", lambda: NOW_MS)
    venue.set_price("ETH-USD", "3000")
    async with served(venue) as url:
        asked = asking("coinbase", url, session, timeout_s=1.0)
        venue.fault = fault
        broken = await asked.fetch()
        venue.fault = Fault.NONE
        mended = await asked.fetch()
    assert isinstance(broken, QuoteFailure)
    assert broken.kind is expected
    assert isinstance(mended, Quote)


async def test_a_glitch_changes_the_price_and_a_frozen_venue_repeats_price_and_time(
    session: aiohttp.ClientSession,
) -> None:
    clock_ms = NOW_MS
    venue = Venue("okx", lambda: clock_ms)
    venue.set_price("ETH-USDT", "3000")
    async with served(venue) as url:
        asked = asking("okx", url, session)
        venue.glitch = "0.6"
        glitched = await asked.fetch()
        venue.glitch = "1"
        venue.fault = Fault.FROZEN
        clock_ms += 60_000
        venue.set_price("ETH-USDT", "2000")
        frozen = await asked.fetch()
    assert isinstance(glitched, Quote)
    assert isinstance(frozen, Quote)
    assert glitched.value_wad == parse_wad("1800")
    assert (frozen.value_wad, frozen.source_time_ms) == (parse_wad("3000"), NOW_MS)


@pytest.mark.parametrize(
    ("preset", "code", "expected"),
    [
        ("okx", '{"code":"50011","msg":"Too Many Requests"}', FailureKind.RATE_LIMITED),
        ("okx", '{"code":"51001","msg":"no such instrument"}', FailureKind.REFUSED),
        ("okx", '{"data":[]}', FailureKind.MALFORMED),
        ("bybit", '{"retCode":10006,"retMsg":"Too many visits!"}', FailureKind.RATE_LIMITED),
        ("kraken", '{"error":["EAPI:Rate limit exceeded"]}', FailureKind.RATE_LIMITED),
        ("kraken", '{"error":["EService:Unavailable"]}', FailureKind.REFUSED),
        ("kraken", '{"error":[],"result":{"A":{"c":["1"]},"B":{"c":["2"]}}}', FailureKind.MALFORMED),
        ("kucoin", '{"code":"429000","msg":"Too Many Requests"}', FailureKind.RATE_LIMITED),
        ("gemini", "[]", FailureKind.MALFORMED),
    ],
)
async def test_a_venues_own_verdict_is_believed(
    preset: str, code: str, expected: FailureKind, session: aiohttp.ClientSession
) -> None:
    async def say(_: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        return aiohttp.web.Response(text=code)

    app = aiohttp.web.Application()
    app.router.add_get("/{tail:.*}", say)
    venue = Venue(venue_of(preset), lambda: NOW_MS)
    venue.app = app
    async with served(venue) as url:
        answer = await asking(preset, url, session).fetch()
    assert isinstance(answer, QuoteFailure)
    assert answer.kind is expected


def test_settings_are_put_over_a_preset() -> None:
    made = route(
        http_settings("x", preset="okx", path="/p/{symbol}", symbol="S", price_path="a", time_path="b")
    )
    assert (made.path, made.price_path, made.time_path, made.time_unit) == ("/p/{symbol}", "a", "b", "ms")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"preset": "mtgox"}, "no preset 'mtgox'"),
        ({"preset": "okx"}, "needs a symbol"),
        ({"path": "/", "price_path": None}, "needs a preset, or path and price_path"),
        ({"path": "/", "price_path": "p", "time_path": "t"}, "needs a time_unit"),
    ],
)
def test_settings_that_name_no_route_are_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        route(http_settings("x", **{"path": None, "price_path": None, **changes}))
