"""Pushed tickers over real WebSockets: what arrives, what does not, and what is made of silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import get_args

import aiohttp
import pytest

from config.source_settings import WsSourceSettings
from config.units import WAD, parse_wad
from oracles.live_answers import STREAMS
from oracles.live_venues import LiveFault, LiveVenue
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources import ws
from oracles.sources.http_get import open_session
from oracles.sources.ws import WsConnection
from oracles.sources.ws_venues import WS_VENUES
from tests.oracles.evidence import NOW_MS
from tests.oracles.pushing import SYMBOLS, Heard, connected, settings

VENUES = sorted(SYMBOLS)
HAS_A_BOOK = ("binance", "coinbase", "kraken", "okx")


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(ws, "PACE_S", 0.001)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture(params=VENUES)
async def venue(request: pytest.FixtureRequest) -> LiveVenue:
    made = LiveVenue(request.param, lambda: NOW_MS, beat_s=0.02)
    eth, btc, _ = SYMBOLS[request.param]
    await made.tell(eth, "3000.5")
    await made.tell(btc, "60000")
    return made


def test_every_venue_that_can_be_configured_is_known() -> None:
    field = WsSourceSettings.model_fields["preset"]
    assert set(get_args(field.annotation)) == WS_VENUES.keys() == STREAMS.keys()


async def test_two_markets_share_one_connection_and_are_pushed_with_the_venues_own_time(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth, btc, _ = SYMBOLS[venue.name]
    async with connected(venue, session, eth, btc) as heard:
        first = await heard.quote("3000.5", eth.replace("/", ""))
        await heard.quote("60000", btc.replace("/", ""))
        await venue.tell(eth, "2999", time_ms=NOW_MS + 7)
        second = await heard.quote("2999")

    assert 1 == venue.connections
    assert (NOW_MS, NOW_MS) == (first.source_time_ms, first.received_at_ms)
    assert (NOW_MS + 7, "ETH/USD", venue.name) == (second.source_time_ms, second.pair, second.group)


@pytest.mark.parametrize("name", HAS_A_BOOK)
async def test_half_the_spread_is_how_sure_a_ticker_is(name: str, session: aiohttp.ClientSession) -> None:
    venue = LiveVenue(name, lambda: NOW_MS)
    eth = SYMBOLS[name][0]
    await venue.tell(eth, "3000")
    async with connected(venue, session, eth) as heard:
        sure = await heard.quote("3000")
    async with connected(venue, session, eth, use_spread=False) as heard:
        unasked = await heard.quote("3000")

    assert (3 * WAD // 10, 0) == (sure.confidence_wad, unasked.confidence_wad)


async def test_one_market_that_the_venue_does_not_have_costs_no_other(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth, _, nope = SYMBOLS[venue.name]
    kind = FailureKind.UNREACHABLE if venue.name == "binance" else FailureKind.REFUSED
    silence_s = 0.2 if venue.name == "binance" else 5.0
    async with connected(venue, session, nope, eth, silence_s=silence_s) as heard:
        await heard.quote("3000.5")
        refused = await heard.failure(kind, nope.replace("/", ""))
        await venue.tell(eth, "3001")
        await heard.quote("3001")

    assert nope.replace("/", "") in refused.source
    assert [eth.replace("/", "")] == [
        answer.source.partition("-")[2] for answer in heard.answers if isinstance(answer, Quote)
    ][:1]
    assert not [
        answer
        for answer in heard.answers
        if isinstance(answer, QuoteFailure) and nope.replace("/", "") not in answer.source
    ]


async def test_a_market_that_was_refused_is_asked_for_again(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "RESUBSCRIBE_S", 0.02)
    monkeypatch.setattr(ws, "PING_S", 0.02)
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    async with connected(venue, session, "NEW-USD") as heard:
        await heard.failure(FailureKind.REFUSED)
        await venue.tell("NEW-USD", "7")
        await heard.quote("7")

    assert 1 == venue.connections


async def test_a_socket_that_says_nothing_is_given_up_and_made_anew(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth = SYMBOLS[venue.name][0]
    await venue.fail(LiveFault.SILENT)
    async with connected(venue, session, eth, silence_s=0.05) as heard:
        failure = await heard.failure(FailureKind.UNREACHABLE)
        await venue.fail(LiveFault.NONE)
        await heard.quote("3000.5")

    assert "nothing said for 0.05 s" == failure.detail
    assert venue.connections >= 2


async def test_a_socket_that_only_beats_stays_and_its_market_is_failing(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth = SYMBOLS[venue.name][0]
    await venue.fail(LiveFault.QUIET)
    async with connected(venue, session, eth, silence_s=0.3) as heard:
        failure = await heard.failure(FailureKind.UNREACHABLE)
        await venue.fail(LiveFault.NONE)
        await venue.tell(eth, "3001")
        await heard.quote("3001")

    assert ("no ticker since it was asked for", 1) == (failure.detail, venue.connections)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (LiveFault.DOWN, FailureKind.UNREACHABLE),
        (LiveFault.HANGING, FailureKind.UNREACHABLE),
        (LiveFault.RATE_LIMITED, FailureKind.RATE_LIMITED),
        (LiveFault.REDIRECTING, FailureKind.UNREACHABLE),
    ],
)
async def test_a_venue_that_can_not_be_connected_to_is_failing_and_recovers(
    fault: LiveFault, kind: FailureKind, session: aiohttp.ClientSession
) -> None:
    venue = LiveVenue("kraken", lambda: NOW_MS)
    await venue.tell("ETH/USD", "3000")
    await venue.fail(fault)
    async with connected(venue, session, "ETH/USD", timeout_s=0.2) as heard:
        await heard.failure(kind)
        await venue.fail(LiveFault.NONE)
        await heard.quote("3000")


@pytest.mark.parametrize("said", ["{", "[1", '{"channel":NaN}', '{"a":1,"a":2}', "[" * 100_000, b"\x00\x01"])
async def test_what_is_no_message_ends_the_connection_and_no_more(
    said: str | bytes, session: aiohttp.ClientSession
) -> None:
    venue = LiveVenue("kraken", lambda: NOW_MS)
    await venue.tell("ETH/USD", "3000")
    async with connected(venue, session, "ETH/USD") as heard:
        await heard.quote("3000")
        await venue.say(said)
        await heard.failure(FailureKind.MALFORMED)
        await venue.tell("ETH/USD", "3001", time_ms=NOW_MS + 1)
        await heard.quote("3001")

    assert venue.connections >= 2


async def test_a_message_that_is_too_long_is_not_read(session: aiohttp.ClientSession) -> None:
    venue = LiveVenue("kraken", lambda: NOW_MS)
    await venue.tell("ETH/USD", "3000")
    async with connected(venue, session, "ETH/USD") as heard:
        await heard.quote("3000")
        await venue.say(json.dumps({"channel": "x" * 5_000_000}))
        failure = await heard.failure(FailureKind.MALFORMED)

    assert "no message" in failure.detail


async def test_a_bad_ticker_costs_its_market_only_and_not_the_connection(
    session: aiohttp.ClientSession,
) -> None:
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    for symbol in ("ETH-USD", "BTC-USD"):
        await venue.tell(symbol, "3000")
    bad = {
        "type": "ticker",
        "product_id": "ETH-USD",
        "sequence": 9,
        "price": "1,000",
        "time": "2024-01-01T00:00:00Z",
    }
    async with connected(venue, session, "ETH-USD", "BTC-USD") as heard:
        await heard.quote("3000", "BTC-USD")
        await venue.say(json.dumps(bad))
        await heard.failure(FailureKind.NOT_A_PRICE, "ETH-USD")
        await venue.tell("BTC-USD", "60000")
        await heard.quote("60000")

    assert 1 == venue.connections
    assert not [
        answer for answer in heard.answers if isinstance(answer, QuoteFailure) and "BTC" in answer.source
    ]


async def test_what_a_venue_adds_to_its_stream_is_passed_over(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth = SYMBOLS[venue.name][0]
    async with connected(venue, session, eth) as heard:
        await heard.quote("3000.5")
        for message in (
            '{"type":"news"}',
            "[]",
            "null",
            '"text"',
            '{"data":7}',
            '{"channel":"ticker","data":[3]}',
        ):
            await venue.say(message)
        await venue.tell(eth, "3001")
        await heard.quote("3001")

    assert 1 == venue.connections
    assert all(isinstance(answer, Quote) for answer in heard.answers)


async def test_older_news_than_were_heard_are_dropped_and_those_from_the_future_lock_nothing_out(
    venue: LiveVenue, session: aiohttp.ClientSession
) -> None:
    eth = SYMBOLS[venue.name][0]
    async with connected(venue, session, eth) as heard:
        await heard.quote("3000.5")
        await venue.tell(eth, "2900", time_ms=NOW_MS - 1)
        await venue.tell(eth, "9000", time_ms=NOW_MS + 3_600_000)
        await venue.tell(eth, "3002", time_ms=NOW_MS + 1)
        await heard.quote("3002")

    values = [answer.value_wad for answer in heard.answers if isinstance(answer, Quote)]
    assert [parse_wad("3000.5"), parse_wad("9000"), parse_wad("3002")] == values


async def test_a_sequence_that_runs_back_is_dropped(session: aiohttp.ClientSession) -> None:
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    await venue.tell("ETH-USD", "3000")
    old = STREAMS["coinbase"].ticker(venue._tick("ETH-USD", NOW_MS), 0)
    async with connected(venue, session, "ETH-USD") as heard:
        await heard.quote("3000")
        await venue.say(old)
        await venue.tell("ETH-USD", "3001")
        await heard.quote("3001")

    assert 2 == len(heard.answers)


async def test_a_venue_that_counts_anew_is_heard_by_its_time(session: aiohttp.ClientSession) -> None:
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    await venue.tell("ETH-USD", "3000")
    anew = STREAMS["coinbase"].ticker(replace(venue._tick("ETH-USD", NOW_MS + 1), price="3003"), 0)
    async with connected(venue, session, "ETH-USD") as heard:
        await heard.quote("3000")
        await venue.say(anew)
        await heard.quote("3003")

    assert 2 == len(heard.answers)


@pytest.mark.parametrize("name", ["binance", "bybit", "kraken", "okx"])
async def test_pings_go_out_and_answers_to_them_are_life(
    name: str, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "PING_S", 0.01)
    venue = LiveVenue(name, lambda: NOW_MS)
    eth = SYMBOLS[name][0]
    await venue.tell(eth, "3000")
    async with connected(venue, session, eth, silence_s=0.3) as heard:
        await heard.quote("3000")
        await asyncio.sleep(0.6)

    assert len(venue.heard) > 5
    assert (1, 1) == (venue.connections, len(heard.answers))


async def test_a_venue_that_closes_again_and_again_is_left_alone_for_longer_and_longer(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    real: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def noted(delay_s: float) -> None:
        if delay_s >= 0.001:
            pauses.append(delay_s)
        await real(min(delay_s, 0.001))

    monkeypatch.setattr(ws, "FIRST_PAUSE_S", 0.5)
    async with session:
        market = settings("kraken", "ws://127.0.0.1:1", "ETH/USD")
        connection = WsConnection([market], session, lambda: NOW_MS, Random(1))
        monkeypatch.setattr("oracles.sources.ws.asyncio.sleep", noted)
        for _ in range(8):
            await connection.step(Heard())

    ceilings = [min(1.0 * 2**number, ws.MAX_PAUSE_S) for number in range(8)]
    assert all(ceiling / 2 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))
