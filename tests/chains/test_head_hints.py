"""What a node says to tell that it is time to look: however much of it there is, it takes nobody else's time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chains import head_hints
from chains.head_hints import HeadHints
from config.secrets import SecretUrl
from tests.oracles.flooding import CLOSE, PING, TEXT, Flood, frame

NOTICE = frame(TEXT, b'{"method":"eth_subscription"}')


@asynccontextmanager
async def hinted(flood: Flood) -> AsyncIterator[asyncio.Event]:
    """Listen to a node that floods, until the test is over; the event is set with each hint."""
    told = asyncio.Event()
    listening = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
    async with listening:
        url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        running = asyncio.create_task(HeadHints("alpha", [SecretUrl(url)], told.set).run())
        try:
            yield told
        finally:
            running.cancel()
            async with asyncio.timeout(45):
                await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("said", [NOTICE * 100, frame(PING) * 1_000, frame(CLOSE) + NOTICE * 1_000])
async def test_a_node_that_talks_without_end_is_left_and_asked_again(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_hints, "FIRST_PAUSE_S", 0.005)
    flood = Flood(said)
    async with hinted(flood), asyncio.timeout(45), flood.change:
        await flood.change.wait_for(lambda: flood.ended >= 3)

    assert flood.connections >= 3


async def test_a_hint_in_a_flood_is_a_hint_and_listening_can_be_ended_in_the_middle_of_it() -> None:
    async with hinted(Flood(NOTICE * 100)) as told, asyncio.timeout(45):
        await told.wait()
