"""Exchanges through ccxt, against a venue on loopback."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from aiohttp import web

from config.source_settings import CcxtSourceSettings
from config.units import parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.ccxt_exchange import CcxtBatch, CcxtMissing
from oracles.sources.deliveries import Deliveries
from oracles.sources.http_get import open_session
from oracles.venues import Fault, Venue, served
from tests.oracles.evidence import NOW_MS

MARKETS = [
    {
        "id": f"{base}-USD",
        "base_currency": base,
        "quote_currency": "USD",
        "quote_increment": "0.01",
        "base_increment": "0.0001",
        "status": "online",
        "trading_disabled": False,
    }
    for base in ("ETH", "BTC")
]


def settings(url: str, base: str = "ETH", **changes: object) -> CcxtSourceSettings:
    return CcxtSourceSettings.model_validate(
        {
            "kind": "ccxt",
            "name": f"coinbase-{base}",
            "pair": f"{base}/USD",
            "group": "coinbase",
            "exchange": "coinbaseexchange",
            "symbol": f"{base}/USD",
            "url": url,
            **changes,
        }
    )


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[Venue, str]]:
    async def products(_: web.Request) -> web.Response:
        return web.json_response(MARKETS)

    async def currencies(_: web.Request) -> web.Response:
        return web.json_response(
            [{"id": name, "name": name, "max_precision": "0.01"} for name in ("ETH", "USD")]
        )

    venue = Venue("coinbase", lambda: NOW_MS)
    venue.app.router.add_get("/products", products)
    venue.app.router.add_get("/currencies", currencies)
    venue.set_price("ETH-USD", "3000.123456789012345678")
    async with served(venue) as url:
        yield venue, url


@asynccontextmanager
async def opened(*sources: CcxtSourceSettings) -> AsyncIterator[CcxtBatch]:
    batch = CcxtBatch(sources, lambda: NOW_MS)
    batch._exchange = batch._open()
    batch._exchange.enableRateLimit = False
    try:
        yield batch
    finally:
        await batch.aclose()


async def test_price_time_and_spread_come_through_without_losing_a_digit() -> None:
    async with exchange() as (_, url), opened(settings(url)) as batch:
        (answer,) = await batch.fetch()

    assert isinstance(answer, Quote)
    assert (parse_wad("3000.123456789012345678"), NOW_MS) == (answer.value_wad, answer.source_time_ms)
    assert answer.confidence_wad == answer.value_wad // 10_000


async def test_one_market_that_is_not_there_costs_no_other() -> None:
    async with exchange() as (_, url), opened(settings(url, "NOPE"), settings(url)) as batch:
        nope, eth = await batch.fetch()

    assert isinstance(nope, QuoteFailure)
    assert (FailureKind.REFUSED, "ccxt: BadSymbol") == (nope.kind, nope.detail)
    assert isinstance(eth, Quote)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.DOWN, FailureKind.UNREACHABLE),
        (Fault.HANGING, FailureKind.UNREACHABLE),
        (Fault.FAILING, FailureKind.UNREACHABLE),
        (Fault.RATE_LIMITED, FailureKind.RATE_LIMITED),
    ],
)
async def test_a_fault_is_a_failure_without_the_address_and_passes(fault: Fault, kind: FailureKind) -> None:
    async with exchange() as (venue, url), opened(settings(url, timeout_s=0.5)) as batch:
        await batch.fetch()
        venue.fault = fault
        (failed,) = await batch.fetch()
        venue.fault = Fault.NONE
        (again,) = await batch.fetch()

    assert isinstance(failed, QuoteFailure)
    assert kind is failed.kind
    assert "127.0.0.1" not in failed.detail
    assert isinstance(again, Quote)


def test_an_exchange_that_ccxt_does_not_know_is_told() -> None:
    with pytest.raises(CcxtMissing, match="has no exchange 'base'"):
        CcxtBatch([settings("http://x.test", exchange="base")], lambda: NOW_MS)


async def test_without_ccxt_the_source_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    async with open_session() as session:
        with pytest.raises(CcxtMissing, match=r'pip install "cross-chain-keeper\[ccxt\]"'):
            Deliveries(session, lambda: NOW_MS, Random(1)).of([settings("http://x.test")])
