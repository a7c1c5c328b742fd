"""Metrics: what they hold, and who may read them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from config.units import WAD
from keeper.watch.metrics import CONTENT_TYPE, exposition, serve
from oracles.circuit import SourceHealth
from oracles.meter import Meter
from oracles.price import FailureKind, QuoteFailure
from oracles.pricing import PriceBook
from tests.chains.nodes import free_port
from tests.oracles.evidence import EXACT, NOW_MS, http_settings, quote

LINE = re.compile(r'keeper_[a-z_]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} \d+(\.\d+)?')


def told() -> str:
    book = PriceBook({"ETH": EXACT}, [http_settings("a"), http_settings("b")])
    made = book.update([quote("a", 3_000 * WAD, age_ms=1_500)], NOW_MS) or book.current
    good, bad = Meter(), Meter()
    good.note(quote("a", 3_000 * WAD, age_ms=250), 12)
    failing = SourceHealth("b")
    for _ in range(5):
        failure = QuoteFailure("b", "b", "ETH/USD", FailureKind.RATE_LIMITED, "", NOW_MS)
        bad.note(failure)
        failing = failing.after(failure)
    return exposition({"a": SourceHealth("a"), "b": failing}, {"a": good, "b": bad}, made, NOW_MS + 2_000)


def test_every_source_and_every_price_has_its_figures() -> None:
    text = told()

    for line in (
        'keeper_source_quotes_total{source="a"} 1',
        'keeper_source_failures_total{source="b",kind="rate_limited"} 5',
        'keeper_source_circuit_open{source="a"} 0',
        'keeper_source_circuit_open{source="b"} 1',
        'keeper_source_answer_seconds{source="a",quantile="0.99"} 0.012',
        'keeper_source_lag_seconds{source="a",quantile="0.5"} 0.25',
        'keeper_price_usd{asset="ETH",end="mid"} 3000',
        'keeper_price_age_seconds{asset="ETH"} 3.5',
        'keeper_price_status{asset="ETH",status="degraded"} 1',
    ):
        assert line in text.splitlines(), line
    assert 'keeper_source_age_seconds{source="b"}' not in text


def test_each_line_is_of_the_format_and_each_family_is_told_once() -> None:
    lines = told().splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]

    assert [] == [line for line in lines if not line.startswith("#") and not LINE.fullmatch(line)]
    assert len(set(types)) == len(types)


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    port = free_port()
    serving = asyncio.create_task(serve(port, lambda: "keeper_up 1\n"))
    try:
        yield port
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def asked(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, asyncio.timeout(10):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as response:
                    return response.status, response.headers.get("Content-Type", ""), await response.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)


async def test_this_machine_is_answered_and_a_web_page_under_another_name_is_not() -> None:
    async with served() as port:
        answered = await asked(port)
        rebound = await asked(port, Host="evil.example")
        page = await asked(port, Origin="https://evil.example")
        elsewhere = await asked(port, "/")

    assert (200, CONTENT_TYPE, "keeper_up 1\n") == answered
    assert [421, 421, 404] == [rebound[0], page[0], elsewhere[0]]
