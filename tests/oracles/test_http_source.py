"""Bad answers through real HTTP: each becomes a typed failure, none is raised."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate

import aiohttp
import pytest
from aiohttp import web

from config.units import WAD
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.http import HttpSource
from oracles.sources.http_get import MAX_BODY_BYTES, open_session
from tests.oracles.evidence import NOW_MS, http_settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_bytes(*chunks: bytes, pause_s: float = 0.0, hold: bool = False) -> AsyncIterator[str]:
    """A server that speaks bytes, not HTTP, and then closes (or holds) the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(pause_s)
            if hold:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answering(response: Callable[[], web.StreamResponse]) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return response()

    return handle


def source(url: str, session: aiohttp.ClientSession, **changes: object) -> HttpSource:
    timed = {"price_path": "p", "time_path": "t", "time_unit": "ms", "timeout_s": 5.0}
    return HttpSource(http_settings("venue", **{"url": url, **timed, **changes}), session, lambda: NOW_MS)


async def fetched(
    response: Callable[[], web.StreamResponse], session: aiohttp.ClientSession
) -> Quote | QuoteFailure:
    async with serving(answering(response)) as url:
        return await source(url, session).fetch()


def kind_of(answer: Quote | QuoteFailure) -> FailureKind:
    assert isinstance(answer, QuoteFailure)
    assert len(answer.detail) < 200
    assert answer.detail.isascii()
    assert "127.0.0.1" not in answer.detail
    return answer.kind


async def test_a_good_answer_is_a_quote_with_the_sources_own_time(session: aiohttp.ClientSession) -> None:
    answer = await fetched(lambda: web.Response(text=f'{{"p":"3000.10","t":{NOW_MS - 5}}}'), session)
    assert answer == Quote(
        source="venue",
        group="venue",
        pair="ETH/USD",
        weight=1,
        value_wad=300_010 * WAD // 100,
        confidence_wad=0,
        source_time_ms=NOW_MS - 5,
        received_at_ms=NOW_MS,
        changed_at_ms=NOW_MS,
    )


async def test_without_a_time_path_the_source_has_no_clock(session: aiohttp.ClientSession) -> None:
    async with serving(answering(lambda: web.Response(text='{"p":1}'))) as url:
        answer = await source(url, session, time_path=None, time_unit=None).fetch()
    assert isinstance(answer, Quote)
    assert answer.source_time_ms is None


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("0", FailureKind.NOT_A_PRICE),
        ("-3000", FailureKind.NOT_A_PRICE),
        ("1e400", FailureKind.NOT_A_PRICE),
        ('"1,000"', FailureKind.NOT_A_PRICE),
        ('"NaN"', FailureKind.NOT_A_PRICE),
        ('"Infinity"', FailureKind.NOT_A_PRICE),
        ("null", FailureKind.NOT_A_PRICE),
        ("true", FailureKind.NOT_A_PRICE),
        ("[3000]", FailureKind.NOT_A_PRICE),
        ('{"v":3000}', FailureKind.NOT_A_PRICE),
        ('"\\u0661"', FailureKind.NOT_A_PRICE),
        ('""', FailureKind.NOT_A_PRICE),
        ('"' + "9" * 5_000 + '"', FailureKind.NOT_A_PRICE),
        ("9" * 5_000, FailureKind.NOT_A_PRICE),
        ("NaN", FailureKind.MALFORMED),
        ("Infinity", FailureKind.MALFORMED),
        ("1,000", FailureKind.MALFORMED),
        ("", FailureKind.MALFORMED),
    ],
)
async def test_what_is_no_price(session: aiohttp.ClientSession, price: str, expected: FailureKind) -> None:
    body = f'{{"p":{price},"t":{NOW_MS}}}'
    assert expected is kind_of(await fetched(lambda: web.Response(text=body), session))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Under maintenance</html>",
        b'{"p":"1"}',
        b'{"p":"1","t":null}',
        b'{"p":"1","t":"soon"}',
        b'{"t":1}',
        b"[]",
        b"null",
        b'{"p":"1","t":1,"p":"2"}',
        b'{"p":"1","t":1',
        b'{"p":"\xff","t":1}',
        b'{"p":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b" " * (MAX_BODY_BYTES + 1),
    ],
)
async def test_what_is_no_answer_is_malformed(session: aiohttp.ClientSession, body: bytes) -> None:
    assert FailureKind.MALFORMED is kind_of(await fetched(lambda: web.Response(body=body), session))


async def test_an_answer_of_five_megabytes_is_not_read_to_its_end(session: aiohttp.ClientSession) -> None:
    sent = 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b" " * 50_000)
            sent += 50_000
        return response

    async with serving(pour) as url:
        assert FailureKind.MALFORMED is kind_of(await source(url, session).fetch())
    assert sent < 10_000_000


async def test_compression_is_refused_unread(session: aiohttp.ClientSession) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    answer = await fetched(lambda: web.Response(body=bomb, headers={"Content-Encoding": "gzip"}), session)
    assert FailureKind.MALFORMED is kind_of(answer)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, FailureKind.RATE_LIMITED),
        (418, FailureKind.RATE_LIMITED),
        (500, FailureKind.UNREACHABLE),
        (502, FailureKind.UNREACHABLE),
        (503, FailureKind.UNREACHABLE),
        (403, FailureKind.REFUSED),
        (404, FailureKind.REFUSED),
        (451, FailureKind.REFUSED),
        (304, FailureKind.REFUSED),
        (201, FailureKind.MALFORMED),
        (204, FailureKind.MALFORMED),
    ],
)
async def test_each_status_has_its_class(
    session: aiohttp.ClientSession, status: int, expected: FailureKind
) -> None:
    text = None if status in {204, 304} else f'{{"p":"1","t":{NOW_MS}}}'
    assert expected is kind_of(await fetched(lambda: web.Response(status=status, text=text), session))


async def test_a_redirect_is_not_followed(session: aiohttp.ClientSession) -> None:
    visited: list[str] = []

    async def redirect(request: web.Request) -> web.StreamResponse:
        visited.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with serving(redirect) as url:
        assert FailureKind.REFUSED is kind_of(await source(url, session).fetch())
    assert visited == ["/"]


@pytest.mark.parametrize(
    ("header", "expected_s"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "99999999999999999999"}, 300),
        ({"Retry-After": formatdate(NOW_MS / 1000 + 20, usegmt=True)}, 20),
        ({"Retry-After": formatdate(NOW_MS / 1000 - 20, usegmt=True)}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"}, 0),
        ({"Retry-After": "-5"}, 0),
    ],
)
async def test_retry_after_is_honoured_within_bounds(
    session: aiohttp.ClientSession, header: dict[str, str], expected_s: float
) -> None:
    async with serving(answering(lambda: web.Response(status=429, headers=header))) as url:
        asked = source(url, session)
        await asked.fetch()
    assert expected_s == asked.retry_after_s


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param((OK + b'Content-Length: 99\r\n\r\n{"p":',), id="cut in the body"),
        pytest.param((OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",), id="bad chunk"),
        pytest.param((b"",), id="closed at once"),
        pytest.param((b"SSH-2.0-OpenSSH_9.0\r\n",), id="another protocol"),
        pytest.param((b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",), id="endless header"),
    ],
)
async def test_broken_http_is_unreachable(session: aiohttp.ClientSession, chunks: tuple[bytes, ...]) -> None:
    async with serving_bytes(*chunks) as url:
        assert FailureKind.UNREACHABLE is kind_of(await source(url, session).fetch())


async def test_an_answer_in_single_bytes_is_read(session: aiohttp.ClientSession) -> None:
    body = b'{"p":"1.5","t":1}'
    whole = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with serving_bytes(*(whole[at : at + 1] for at in range(len(whole)))) as url:
        answer = await source(url, session, timeout_s=5.0).fetch()
    assert isinstance(answer, Quote)
    assert answer.value_wad == 15 * WAD // 10


async def test_a_trickle_ends_at_the_total_timeout(session: aiohttp.ClientSession) -> None:
    trickle = (OK + b"Content-Length: 1000\r\n\r\n", *[b" "] * 200)
    async with serving_bytes(*trickle, pause_s=0.02) as url:
        answer = await source(url, session, timeout_s=0.2).fetch()
    assert FailureKind.UNREACHABLE is kind_of(answer)


async def test_a_silent_server_is_unreachable_within_the_timeout(session: aiohttp.ClientSession) -> None:
    async with serving_bytes(hold=True) as url:
        answer = await source(url, session, timeout_s=0.1).fetch()
    assert FailureKind.UNREACHABLE is kind_of(answer)
    assert isinstance(answer, QuoteFailure)
    assert answer.detail == "no whole answer within 0.1 s"


async def test_nobody_listening_is_unreachable(session: aiohttp.ClientSession) -> None:
    async with serving_bytes() as url:
        pass
    assert FailureKind.UNREACHABLE is kind_of(await source(url, session).fetch())


async def test_a_key_in_the_url_is_sent_and_never_shown(session: aiohttp.ClientSession) -> None:
    seen: list[tuple[str, dict[str, str]]] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, dict(request.query)))
        return web.Response(status=401)

    async with serving(look) as url:
        asked = source(f"{url}/v1/k3y/?token=s3cret", session, path="/ticker?pair={symbol}", symbol="XBT/USD")
        answer = await asked.fetch()
    assert seen == [("/v1/k3y/ticker", {"token": "s3cret", "pair": "XBT/USD"})]
    assert isinstance(answer, QuoteFailure)
    assert answer.detail == "status 401"


async def test_requests_are_throttled(session: aiohttp.ClientSession) -> None:
    async with serving(answering(lambda: web.Response(text=f'{{"p":1,"t":{NOW_MS}}}'))) as url:
        asked = source(url, session, max_requests_per_s=2)
        started_s = asyncio.get_running_loop().time()
        for _ in range(3):
            await asked.fetch()
        assert asyncio.get_running_loop().time() - started_s >= 0.9
