"""A venue that talks without end, in every way the protocol has, takes nothing but its own price."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from oracles.price import FailureKind
from oracles.sources import ws
from oracles.sources.allowance import Allowance
from oracles.sources.http_get import open_session
from oracles.sources.ws import WsConnection
from tests.oracles.evidence import NOW_MS
from tests.oracles.flooding import CLOSE, MORE, PING, PONG, TEXT, Flood, frame
from tests.oracles.pushing import Heard, settings

TICKER = (
    b'{"type":"ticker","sequence":1,"product_id":"ETH-USD","price":"%s","best_bid":"3000","best_ask":"3001",'
    b'"time":"2027-01-15T08:00:00.000000Z"}'
)


def fields(number: int) -> bytes:
    return b"{" + b",".join(b'"k%d_%d":1' % (number, at) for at in range(1_000)) + b"}"


FLOODS = {
    "pings": frame(PING) * 1_000,
    "pongs": frame(PONG, b"x") * 1_000,
    "prices": frame(TEXT, TICKER % b"3000.5") * 100,
    "distinct_fields": b"".join(frame(TEXT, fields(number)) for number in range(20)),
    "other_markets": b"".join(
        frame(TEXT, (TICKER % b"1").replace(b"ETH", b"E%d" % number)) for number in range(100)
    ),
    "long_messages": frame(TEXT, b'{"x":"' + b"a" * 60_000 + b'"}') * 4,
    "right_and_wrong_by_turns": (frame(TEXT, TICKER % b"3000.5") + frame(TEXT, TICKER % b"x")) * 100,
}
ENDED = {
    "a_frame_of_a_terabyte": bytes([0x81, 127]) + struct.pack(">Q", 2**40) + b"a" * 100_000,
    "parts_without_an_end": frame(TEXT, b"{", last=False) + frame(MORE, b" ", last=False) * 70_000,
    "nothing_again_and_again": frame(TEXT) * 1_000,
    "a_farewell_and_much_more": frame(CLOSE) + frame(TEXT, TICKER % b"3000.5") * 1_000,
}


@asynccontextmanager
async def flooded(flood: Flood, **changes: object) -> AsyncIterator[Heard]:
    heard = Heard()
    listening = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
    async with listening, open_session() as session:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        market = settings("coinbase", url, "ETH-USD", **changes)
        connection = WsConnection([market], session, lambda: NOW_MS, Random(1))

        async def run() -> None:
            while True:
                await connection.step(heard)

        running = asyncio.create_task(run())
        try:
            yield heard
        finally:
            running.cancel()
            async with asyncio.timeout(45):
                await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "FIRST_PAUSE_S", 0.005)


@pytest.mark.parametrize("said", FLOODS)
async def test_who_says_more_than_anyone_needs_is_cut_off_each_time(said: str) -> None:
    flood = Flood(FLOODS[said])
    async with flooded(flood, max_messages_per_s=200) as heard:
        failure = await heard.failure(FailureKind.RATE_LIMITED)
        heard.answers.clear()
        await heard.failure(FailureKind.RATE_LIMITED)

    assert "more than 200 messages or KiB in a second" == failure.detail
    assert flood.connections >= 2


@pytest.mark.parametrize("said", ENDED)
async def test_what_is_no_message_ends_the_connection_however_much_follows(said: str) -> None:
    flood = Flood(ENDED[said])
    async with flooded(flood) as heard:
        ended = await heard.until(lambda answer: True)
        heard.answers.clear()
        await heard.until(lambda answer: True)

    kind = FailureKind.UNREACHABLE if "farewell" in said else FailureKind.MALFORMED
    assert kind is getattr(ended, "kind", None)


async def test_a_venue_that_takes_no_answer_to_its_pings_leaves_no_connection_behind() -> None:
    flood = Flood(frame(PING, b"p" * 100) * 1_000, reads=False)
    async with flooded(flood, max_messages_per_s=50_000, silence_s=0.3) as heard:
        for _ in range(3):
            await heard.until(lambda answer: True)
            heard.answers.clear()
        async with asyncio.timeout(45), flood.change:
            await flood.change.wait_for(lambda: flood.ended >= 3)

    assert flood.connections >= 3


async def test_connections_can_be_given_up_in_the_middle_of_a_flood() -> None:
    flood = Flood(FLOODS["prices"])
    async with flooded(flood, max_messages_per_s=1_000_000) as heard:
        await heard.quote("3000.5")

    assert 1 == flood.connections


def test_an_allowance_is_spent_by_messages_and_by_their_length_and_fills_with_time() -> None:
    its = Allowance(10)

    assert [True] * 10 + [False] == [its.spend(0, 5.0) for _ in range(11)]
    assert its.spend(0, 5.3)
    assert its.spend(8 * 1024, 7.0)
    assert not its.spend(1024, 7.0)
    assert its.spend(9 * 1024, 1_000.0)
    assert not its.spend(0, 1_000.0)


def test_an_ordinary_crash_is_no_flood() -> None:
    its = Allowance(1_000)

    assert all(its.spend(400, number / 900) for number in range(20_000))
