"""Pyth over HTTP: one question for many feeds, and Pyth's own width as how sure each is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from config.source_settings import HermesSourceSettings
from config.units import WAD, parse_wad
from oracles.price import FailureKind, Quote, QuoteFailure
from oracles.sources.credentials import bearer
from oracles.sources.hermes import HermesBatch
from oracles.sources.http_get import open_session
from tests.oracles.evidence import NOW_MS

ETH = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"
BTC = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
NONE = "00" * 32

Feed = dict[str, object]


def feed(feed_id: str, price: str, conf: str, expo: int, publish_time: int = NOW_MS // 1_000) -> Feed:
    said = {"price": price, "conf": conf, "expo": expo, "publish_time": publish_time}
    metadata = {
        "slot": 293_142_841,
        "proof_available_time": publish_time + 1,
        "prev_publish_time": publish_time,
    }
    return {"id": feed_id, "price": said, "ema_price": said, "metadata": metadata}


def settings(url: str, asset: str, feed_id: str, **changes: object) -> HermesSourceSettings:
    return HermesSourceSettings.model_validate(
        {
            "kind": "hermes",
            "name": f"pyth-{asset}",
            "pair": f"{asset}/USD",
            "group": "pyth",
            "url": url,
            "feed_id": f"0x{feed_id}",
            **changes,
        }
    )


@asynccontextmanager
async def hermes(*feeds: Feed) -> AsyncIterator[tuple[str, list[web.Request]]]:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        wanted = set(request.query.getall("ids[]"))
        parsed = [one for one in feeds if one["id"] in wanted]
        return web.json_response({"binary": {"encoding": "hex", "data": ["504e4155"]}, "parsed": parsed})

    app = web.Application()
    app.router.add_get("/v2/updates/price/latest", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


async def fetched(
    *feeds: Feed, read: Callable[[str], list[HermesSourceSettings]]
) -> list[Quote | QuoteFailure]:
    async with hermes(*feeds) as (url, _), open_session() as session:
        return await HermesBatch(read(url), session, lambda: NOW_MS).fetch()


async def test_several_feeds_are_one_question_and_one_that_is_missing_costs_no_other() -> None:
    feeds = feed(ETH, "300012345678", "150000000", -8), feed(BTC, "6000050", "100", -2, NOW_MS // 1_000 - 3)
    async with hermes(*feeds) as (url, asked), open_session() as session:
        batch = HermesBatch(
            [settings(url, "ETH", ETH), settings(url, "NOPE", NONE), settings(url, "BTC", BTC)],
            session,
            lambda: NOW_MS,
        )
        eth, nope, btc = await batch.fetch()

    assert isinstance(eth, Quote)
    assert isinstance(nope, QuoteFailure)
    assert isinstance(btc, Quote)
    assert (1, "true") == (len(asked), asked[0].query["ignore_invalid_price_ids"])
    assert (parse_wad("3000.12345678"), parse_wad("3.18")) == (eth.value_wad, eth.confidence_wad)
    assert (NOW_MS // 1_000 * 1_000, FailureKind.REFUSED) == (eth.source_time_ms, nope.kind)
    assert (parse_wad("60000.5"), NOW_MS // 1_000 * 1_000 - 3_000) == (btc.value_wad, btc.source_time_ms)


@pytest.mark.parametrize(
    ("price", "conf", "expo", "kind"),
    [
        ("0", "1", -8, FailureKind.NOT_A_PRICE),
        ("-300000000000", "1", -8, FailureKind.NOT_A_PRICE),
        ("300000000000", "-1", -8, FailureKind.NOT_A_PRICE),
        ("3e11", "1", -8, FailureKind.NOT_A_PRICE),
        ("1", "1", -30, FailureKind.NOT_A_PRICE),
        ("1", "1", 40, FailureKind.NOT_A_PRICE),
        ("1", "1", 99, FailureKind.MALFORMED),
        ("1", "1", -300, FailureKind.MALFORMED),
    ],
)
async def test_what_is_no_price_is_a_failure(price: str, conf: str, expo: int, kind: FailureKind) -> None:
    (answer,) = await fetched(feed(ETH, price, conf, expo), read=lambda url: [settings(url, "ETH", ETH)])

    assert isinstance(answer, QuoteFailure)
    assert kind is answer.kind


async def test_a_multiple_of_pyths_width_may_be_chosen() -> None:
    (answer,) = await fetched(
        feed(ETH, "300000000000", "100000000", -8),
        read=lambda url: [settings(url, "ETH", ETH, confidence_multiple="1")],
    )

    assert isinstance(answer, Quote)
    assert WAD == answer.confidence_wad


async def test_the_token_is_sent_and_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "pyth.token"
    file.write_text("s3cr3t-t0ken\n")
    async with hermes(feed(ETH, "1", "0", 0)) as (url, asked), open_session() as session:
        batch = HermesBatch([settings(url, "ETH", ETH, token_file=str(file))], session, lambda: NOW_MS)
        (answer,) = await batch.fetch()

    assert "Bearer s3cr3t-t0ken" == asked[0].headers["Authorization"]
    assert "s3cr3t" not in repr(answer)


@pytest.mark.parametrize("content", [b"", b"abcd efgh", b"abcd\nefgh", b"\xff\xfe", b"x" * 5_000])
def test_what_is_no_token_is_refused_without_a_word_of_it(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    with pytest.raises(ValueError, match="one line with a token is expected") as refused:
        bearer(file)
    assert content == b"" or content.decode("latin-1")[:4] not in str(refused.value).replace(str(file), "")


def test_a_token_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can not be read"):
        bearer(tmp_path / "none")
