"""Every malformed answer of the fault matrix, against every kind of source, through a real server on loopback.

Rows are those of the matrix: H1 values, H4 times, H6 wrong feeds, H8 limits of age, H10 floods, A4 cut answers, A5 crumbs, A6
statuses, A7 bodies, A8 answers to something else. None stops a source, none is ever used in a price, and
the next good answer is a quote again. H2, H3, H5 and H9 are about several sources together
(`test_aggregate_properties`, `tests/incidents`), H7 about feeds on chains (`test_hostile_chain_answers`).
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest
from pydantic import TypeAdapter

from config.asset_settings import AssetSettings
from config.source_settings import SourceSettings
from config.units import WAD
from oracles.live_venues import LiveVenue, pushed
from oracles.price import Quote, QuoteFailure
from oracles.pricing import PriceBook
from oracles.sources import ws
from oracles.sources.ccxt_exchange import CcxtBatch
from oracles.sources.deliveries import Deliveries
from oracles.sources.delivery import Delivery, Polling
from oracles.sources.http_get import open_session
from oracles.venue_answers import Tick
from tests.oracles.evidence import NOW_MS, http_settings, quote, used_by
from tests.oracles.signing import KEYS, SIGNERS, package

FEED = "0x" + "ff" * 32
HOUR_MS = 3_600_000
FIVE_MEGABYTES = 5_000_000

Answers = Sequence[Quote | QuoteFailure]


@dataclass(frozen=True)
class Wrong:
    """A good answer with one thing wrong: its price or time (as JSON), its whole body, or how it is sent."""

    price: str = "3000"
    at_ms: int | None = NOW_MS
    body: bytes | None = None
    status: int = 200
    header: str = ""
    cut: int | None = None
    crumbs_s: float | None = None
    other: bool = False


VALUES = {
    "x1000": "3000000",
    "x0.001": "3",
    "inverted": "0.000333",
    "zero": "0",
    "negative": "-3000",
    "nan": "NaN",
    "infinity": "Infinity",
    "1e400": "1e400",
    "separator": '"1,000"',
    "spaces": '" 3000"',
    "other digits": '"\uff13\uff10\uff10\uff10"',
    "hex": '"0xbb8"',
    "null": "null",
    "bool": "true",
    "list": '["3000"]',
    "object": '{"value":3000}',
    "empty": '""',
}
ROWS = {
    **{f"H1 {name}": Wrong(price=literal) for name, literal in VALUES.items()},
    "H4 an hour old": Wrong(at_ms=NOW_MS - HOUR_MS),
    "H4 an hour ahead": Wrong(at_ms=NOW_MS + HOUR_MS),
    "H4 seconds for milliseconds": Wrong(at_ms=NOW_MS // 1_000),
    "H4 milliseconds for seconds": Wrong(at_ms=NOW_MS * 1_000),
    "H4 no time": Wrong(at_ms=None),
    "H6 another feed": Wrong(other=True),
    "H8 a moment too old": Wrong(at_ms=NOW_MS - 30_001),
    "H10 five megabytes": Wrong(body=b'{"a":"' + b"x" * FIVE_MEGABYTES + b'"}'),
    "H10 nested": Wrong(body=b"[" * 60_000 + b"]" * 60_000),
    "H10 slowloris": Wrong(crumbs_s=0.2),
    "A4 truncated": Wrong(cut=-9),
    "A4 reset in its middle": Wrong(cut=20),
    "A6 429": Wrong(status=429),
    "A6 429 and how long to wait": Wrong(status=429, header="Retry-After: 0\r\n"),
    "A6 500": Wrong(status=500),
    "A6 502 and a page": Wrong(status=502, body=b"<html>Bad Gateway</html>"),
    "A6 503": Wrong(status=503),
    "A7 a page": Wrong(body=b"<html>Under maintenance</html>"),
    "A7 nothing": Wrong(body=b""),
    "A7 not UTF-8": Wrong(body=b'{"p":"\xff\xfe"}'),
    "A7 gzip bomb": Wrong(body=gzip.compress(b" " * 50_000_000), header="Content-Encoding: gzip\r\n"),
    "A8 null": Wrong(body=b"null"),
    "A8 a list": Wrong(body=b"[]"),
    "A8 an error and a result": Wrong(body=b'{"error":["busy"],"result":null,"parsed":null,"ETH":null}'),
    "A8 one key twice": Wrong(body=b'{"p":1,"p":3000}'),
}
GOOD = Wrong()


def _http(wrong: Wrong) -> bytes:
    time = "null" if wrong.at_ms is None else str(wrong.at_ms)
    name = "other" if wrong.other else "p"
    return f'{{"{name}":{wrong.price},"t":{time}}}'.encode()


def _hermes(wrong: Wrong) -> bytes:
    time = "null" if wrong.at_ms is None else str(wrong.at_ms // 1_000)
    feed = "00" * 32 if wrong.other else FEED[2:]
    price = f'"{wrong.price}00000000"' if wrong.price.isdigit() and wrong.price != "0" else wrong.price
    shape = f'"price":{{"price":{price},"conf":"100000000","expo":-8,"publish_time":{time}}}'
    return f'{{"binary":{{"encoding":"hex","data":["00"]}},"parsed":[{{"id":"{feed}",{shape}}}]}}'.encode()


def _redstone(wrong: Wrong) -> bytes:
    """What cannot be signed as it is written has the signature of an honest value."""
    try:
        signed = max(round(float(json.loads(wrong.price)) * 10**8), 0)
    except (TypeError, ValueError, OverflowError):
        signed = 3_000 * 10**8
    at_ms = NOW_MS if wrong.at_ms is None else min(wrong.at_ms, 2**48 - 1)
    feed = "BTC" if wrong.other else "ETH"
    packages = ",".join(package(key, feed, wrong.price, at_ms, signed=signed) for key in KEYS[:3])
    if wrong.at_ms is None:
        packages = packages.replace(f'"timestampMilliseconds":{at_ms}', '"timestampMilliseconds":null')
    return f'{{"ETH":[{packages}]}}'.encode()


def _ccxt(wrong: Wrong) -> bytes:
    iso = '""' if wrong.at_ms is None else json.dumps(Tick("", "", "", "", min(wrong.at_ms, 10**14)).iso)
    name = "other" if wrong.other else "price"
    return f'{{"{name}":{wrong.price},"time":{iso},"trade_id":1,"volume":"1"}}'.encode()


BODIES: dict[str, Callable[[Wrong], bytes]] = {
    "http": _http,
    "hermes": _hermes,
    "redstone": _redstone,
    "ccxt": _ccxt,
}
MARKETS = {
    "/products": [
        {
            "id": "ETH-USD",
            "base_currency": "ETH",
            "quote_currency": "USD",
            "quote_increment": "0.01",
            "base_increment": "0.0001",
            "status": "online",
            "trading_disabled": False,
        }
    ],
    "/currencies": [{"id": name, "name": name, "max_precision": "0.01"} for name in ("ETH", "USD")],
}


class Server:
    """Speaks bytes, so that it can stop in the middle of any of them."""

    def __init__(self, kind: str) -> None:
        self.wrong = GOOD
        self._kind = kind

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ")[1].decode()
            listed = MARKETS.get(path)
            wrong = GOOD if listed is not None else self.wrong
            body = BODIES[self._kind](wrong) if wrong.body is None else wrong.body
            await self._send(writer, wrong, body if listed is None else json.dumps(listed).encode())
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, wrong: Wrong, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {wrong.status} X\r\n{wrong.header}Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        if wrong.crumbs_s is None:
            writer.write(body[: wrong.cut])
            await writer.drain()
            if wrong.cut is not None and wrong.cut > 0:
                writer.transport.abort()
            return
        for at in range(len(body)):
            writer.write(body[at : at + 1])
            await writer.drain()
            await asyncio.sleep(wrong.crumbs_s)


def settings_of(kind: str, url: str) -> SourceSettings:
    common = {"name": "hostile", "group": "hostile", "pair": "ETH/USD", "url": url, "timeout_s": 1.0}
    timed = {"poll_interval_s": 0.01, "max_requests_per_s": 1_000}
    of_kind: dict[str, dict[str, object]] = {
        "http": {"path": "/", "price_path": "p", "time_path": "t", "time_unit": "ms", **timed},
        "hermes": {"feed_id": FEED, **timed},
        "redstone": {"feed": "ETH", "signers": SIGNERS, "threshold": 3, "max_age_s": 30.0, **timed},
        "ccxt": {"exchange": "coinbaseexchange", "symbol": "ETH/USD", "timeout_s": 1.5, **timed},
        "ws": {
            "preset": "coinbase",
            "symbol": "ETH-USD",
            "silence_s": 5.0,
            "max_messages_per_s": 100_000,
        },
    }
    adapter: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)
    return adapter.validate_python({"kind": kind, **common, **of_kind[kind]})


@asynccontextmanager
async def asked(kind: str) -> AsyncIterator[tuple[Server, Callable[[], Awaitable[Answers]]]]:
    server = Server(kind)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening, open_session() as session:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        (delivery,) = Deliveries(session, lambda: NOW_MS, Random(1)).of([settings_of(kind, url)]).values()
        assert isinstance(delivery, Polling)
        if isinstance(delivery._batch, CcxtBatch):
            delivery._batch._exchange = delivery._batch._open()
            delivery._batch._exchange.enableRateLimit = False
        try:
            yield server, delivery._batch.fetch
        finally:
            await delivery.aclose()


def assert_never_in_a_price(answers: Answers, source: SourceSettings, row: str) -> None:
    """Beside four honest sources nothing of the hostile one is used; and what it said is safe to show."""
    honest = [http_settings(name) for name in ("a", "b", "c", "d")]
    book = PriceBook({"ETH": AssetSettings()}, [*honest, source])
    said = [quote(each.name, 3_000 * WAD) for each in honest]
    prices = book.update([*said, *answers], NOW_MS) or book.current

    assert 3_000 * WAD == prices.prices["ETH"].mid_wad, row
    assert "hostile" not in used_by(prices.prices["ETH"]), row
    for answer in answers:
        if isinstance(answer, QuoteFailure):
            assert len(answer.detail) < 200
            assert answer.detail.isascii()
            assert "127.0.0.1" not in answer.detail


@pytest.mark.parametrize("kind", sorted(BODIES))
@pytest.mark.parametrize("row", ROWS)
async def test_no_malformed_answer_stops_a_polled_source_or_becomes_a_price(kind: str, row: str) -> None:
    async with asked(kind) as (server, fetch):
        (first,) = await fetch()
        assert isinstance(first, Quote), first
        server.wrong = ROWS[row]
        answers = await fetch()
        server.wrong = GOOD
        (again,) = await fetch()

    if (kind, row) == ("ccxt", "H4 no time"):
        # a quote without a time of its own is as old as its value
        assert isinstance(answers[0], Quote)
        assert answers[0].source_time_ms is None
    else:
        assert_never_in_a_price(answers, settings_of(kind, "http://x.test"), f"{kind}: {row}")
    assert isinstance(again, Quote)
    assert 3_000 * WAD == again.value_wad


@pytest.mark.parametrize("kind", sorted(BODIES))
async def test_a5_an_answer_in_crumbs_is_read_like_any_other(kind: str) -> None:
    async with asked(kind) as (server, fetch):
        await fetch()
        server.wrong = Wrong(crumbs_s=0.0)
        (answer,) = await fetch()

    assert isinstance(answer, Quote)


def _pushed(wrong: Wrong) -> str | bytes:
    if wrong.body is not None:
        try:
            return wrong.body.decode()
        except UnicodeDecodeError:
            return wrong.body
    iso = "null" if wrong.at_ms is None else json.dumps(Tick("", "", "", "", min(wrong.at_ms, 10**14)).iso)
    product = "BTC-USD" if wrong.other else "ETH-USD"
    text = (
        f'{{"type":"ticker","product_id":"{product}","sequence":99,"price":{wrong.price},'
        f'"best_bid":"2999","best_ask":"3001","time":{iso}}}'
    )
    return text[: wrong.cut]


SAID = {row: wrong for row, wrong in ROWS.items() if wrong.status == 200 and wrong.crumbs_s is None}


@pytest.mark.parametrize("row", SAID)
async def test_no_malformed_message_stops_a_pushed_source_or_becomes_a_price(
    row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ws, "FIRST_PAUSE_S", 0.001)
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    await venue.tell("ETH-USD", "3000")
    heard: list[Quote | QuoteFailure] = []
    more = asyncio.Event()

    def take(answers: Answers, _took_ms: int | None = None, /) -> None:
        heard.extend(answers)
        more.set()

    async def until_quoted(value: int) -> None:
        async with asyncio.timeout(10):
            while not any(isinstance(each, Quote) and each.value_wad == value * WAD for each in heard):
                more.clear()
                await more.wait()

    async with pushed(venue) as url, open_session() as session:
        source = settings_of("ws", url)
        (delivery,) = Deliveries(session, lambda: NOW_MS, Random(1)).of([source]).values()
        running = asyncio.create_task(_for_ever(delivery, take))
        await until_quoted(3_000)
        heard.clear()
        await venue.say(_pushed(SAID[row]))
        await venue.say('{"type":"news"}')
        venue._sequence = 100
        await _until_told(venue, until_quoted)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told = [each for each in heard if not (isinstance(each, Quote) and each.value_wad == 3_001 * WAD)]
    for answer in told:
        assert_never_in_a_price([answer], source, row)


async def _for_ever(delivery: Delivery, take: Callable[..., None]) -> None:
    while True:
        await delivery.step(take)


async def _until_told(venue: LiveVenue, until_quoted: Callable[[int], Awaitable[None]]) -> None:
    """Tell a good price again and again: the connection may just be made anew."""
    waiting = asyncio.ensure_future(until_quoted(3_001))
    while not waiting.done():
        await venue.tell("ETH-USD", "3001", time_ms=NOW_MS + 1)
        await asyncio.wait([waiting], timeout=0.05)
    await waiting


async def test_h10_a_flood_of_tickers_costs_neither_memory_nor_the_others_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ws, "FIRST_PAUSE_S", 0.001)
    venue = LiveVenue("coinbase", lambda: NOW_MS)
    await venue.tell("ETH-USD", "3000")
    first, last = asyncio.Event(), asyncio.Event()
    taken = turns = 0

    def take(answers: Answers, _took_ms: int | None = None, /) -> None:
        nonlocal taken
        taken += len(answers)
        first.set()
        if [3_001 * WAD] == [each.value_wad for each in answers if isinstance(each, Quote)]:
            last.set()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with pushed(venue) as url, open_session() as session:
        (delivery,) = Deliveries(session, lambda: NOW_MS, Random(1)).of([settings_of("ws", url)]).values()
        tasks = [asyncio.create_task(_for_ever(delivery, take)), asyncio.create_task(others())]
        async with asyncio.timeout(20):
            await first.wait()
            for price in range(3_000):
                await venue.tell("ETH-USD", str(2 + price), time_ms=NOW_MS + price)
            await last.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert 3_001 == taken
    assert turns > taken


async def test_a_session_of_sources_follows_no_redirect_anywhere() -> None:
    async with asked("http") as (server, fetch):
        server.wrong = Wrong(status=302, header="Location: http://127.0.0.1:1/\r\n")
        (answer,) = await fetch()

    assert isinstance(answer, QuoteFailure)
    assert "status 302" == answer.detail
