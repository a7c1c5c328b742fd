"""Several endpoints of one chain: who contradicts the others is not asked, and what decides is asked of several."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from chains.client import ChainClient
from chains.endpoint import Endpoint
from chains.endpoint_report import Standing
from chains.errors import EndpointUnavailable, NotAgreed, Reverted
from chains.members import RETURN_AFTER
from tests.chains.fakes import FakeNode, block_at, block_hash, failing, fake_node
from tests.chains.nodes import CHAIN_ID, EMITTER

REVERTED = {"code": 3, "message": "execution reverted", "data": "0xdead"}


@pytest.fixture
async def fakes() -> AsyncIterator[list[FakeNode]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(fake_node()) for _ in range(3)]


@pytest.fixture
async def clients() -> AsyncIterator[list[ChainClient]]:
    opened: list[ChainClient] = []
    yield opened
    for client in opened:
        await client.aclose()


def serves(fake: FakeNode, height: int = 100, fork: str = "a", forked_at: int = 0) -> None:
    fake.results |= {
        "eth_chainId": hex(CHAIN_ID),
        "eth_getBlockByNumber": lambda number, _: block_at(number, height, fork=fork, forked_at=forked_at),
        "eth_getLogs": [],
    }


def made_now(fake: FakeNode) -> None:
    """Let every block of a node be of this moment."""
    its = fake.results["eth_getBlockByNumber"]
    fake.results["eth_getBlockByNumber"] = lambda number, _: (
        its(number, False) | {"timestamp": hex(int(time.time()))}
    )


async def client_of(clients: list[ChainClient], fakes: list[FakeNode], agreeing: int = 1) -> ChainClient:
    endpoints = [
        Endpoint(fake.url, timeout_s=5.0, attempts=1, name=f"node-{number}")
        for number, fake in enumerate(fakes)
    ]
    client = ChainClient("alpha", CHAIN_ID, block_hash(0), endpoints, agreeing=agreeing)
    clients.append(client)
    await client.connect()
    return client


def standings(client: ChainClient) -> list[Standing]:
    return [report.standing for report in client.pool.report()]


async def test_who_contradicts_the_larger_part_is_not_asked_until_it_agrees_for_a_while(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes:
        serves(fake)
    client = await client_of(clients, fakes)
    assert [Standing.OK] * 3 == standings(client)

    serves(fakes[0], height=103, fork="b", forked_at=90)
    with capture_logs() as logs:
        await client.survey(98)
        await client.survey(98)
    assert ["endpoint_quarantined"] == [line["event"] for line in logs]
    assert [Standing.QUARANTINED, Standing.OK, Standing.OK] == standings(client)
    assert block_hash(100) == (await client.head()).hash
    assert not client.pool.disputed
    assert client.pool.is_unwell

    serves(fakes[0])
    for _ in range(RETURN_AFTER - 1):
        await client.survey(98)
    assert Standing.QUARANTINED is standings(client)[0]
    await client.survey(98)
    assert [Standing.OK] * 3 == standings(client)
    assert not client.pool.is_unwell


async def test_one_against_one_is_a_dispute_until_both_agree_for_a_while(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes[:2]:
        serves(fake)
    client = await client_of(clients, fakes[:2])
    serves(fakes[1], fork="b", forked_at=50)
    await client.survey()
    assert "node-0" in client.pool.disputed
    assert "node-1" in client.pool.disputed

    serves(fakes[1])
    for _ in range(RETURN_AFTER - 1):
        await client.survey()
    assert client.pool.disputed
    await client.survey()
    assert not client.pool.disputed


async def test_a_dispute_does_not_end_because_one_of_both_falls_silent(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    serves(fakes[0])
    serves(fakes[1], fork="b", forked_at=50)
    client = await client_of(clients, fakes[:2])
    fakes[0].reply = lambda request: web.Response(status=503)
    for _ in range(RETURN_AFTER + 1):
        await client.survey()

    assert client.pool.disputed


async def test_a_liar_is_not_followed_for_being_the_longest(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake, height in zip(fakes, (1_000_000, 100, 99), strict=True):
        serves(fake, height)
        made_now(fake)
    client = await client_of(clients, fakes)

    assert [Standing.AHEAD, Standing.OK, Standing.OK] == standings(client)
    assert 100 == (await client.head()).number


async def test_a_fork_that_lags_is_found_out_at_its_own_height(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    serves(fakes[0], height=60, fork="b", forked_at=20)
    for fake in fakes[1:]:
        serves(fake)
    client = await client_of(clients, fakes)

    assert Standing.QUARANTINED is standings(client)[0]


async def test_when_all_others_are_down_the_one_in_quarantine_is_still_not_believed(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    serves(fakes[0], fork="b", forked_at=20)
    for fake in fakes[1:]:
        serves(fake)
    client = await client_of(clients, fakes)
    for fake in fakes[1:]:
        fake.reply = lambda request: web.Response(status=503)
    asked = len(fakes[0].requests)
    with pytest.raises(EndpointUnavailable):
        await client.head()

    assert asked == len(fakes[0].requests)


async def test_one_that_fails_every_other_time_is_found_out(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes[:2]:
        serves(fake)
    client = await client_of(clients, fakes[:2])
    for _ in range(4):
        fakes[0].reply = lambda request: web.Response(status=503)
        await client.survey()
        await client.survey()
        fakes[0].reply = fakes[0].honest
        await client.survey()
    asked = len(fakes[0].requests)
    await client.balance(EMITTER)

    assert Standing.DEGRADED is standings(client)[0]
    assert asked == len(fakes[0].requests)


async def test_what_decides_is_asked_of_as_many_as_must_agree_and_nothing_else_is(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes:
        serves(fake)
        fake.results["eth_call"] = "0x01"
    client = await client_of(clients, fakes, agreeing=2)
    for fake in fakes:
        fake.requests.clear()
    await client.call(EMITTER, b"", block_hash(100))
    assert [1, 0, 0] == [len(fake.requests) for fake in fakes]

    assert b"\x01" == await client.decisive.call(EMITTER, b"", block_hash(100))
    assert [2, 1, 0] == [len(fake.requests) for fake in fakes]


async def test_with_two_answers_a_third_endpoint_decides_and_the_difference_is_looked_into(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake, answer in zip(fakes, ("0x01", "0x02", "0x02"), strict=True):
        serves(fake)
        fake.results["eth_call"] = answer
    client = await client_of(clients, fakes, agreeing=2)

    assert b"\x02" == await client.decisive.call(EMITTER, b"", block_hash(100))
    assert client.pool.doubt.is_set()
    assert "" == client.pool.not_agreed


@pytest.mark.parametrize("second", ["0x02", None, REVERTED])
async def test_what_too_few_say_alike_is_no_answer(
    fakes: list[FakeNode], clients: list[ChainClient], second: Any
) -> None:
    for fake in fakes[:2]:
        serves(fake)
        fake.results["eth_call"] = "0x01"
    client = await client_of(clients, fakes[:2], agreeing=2)
    if second is None:
        fakes[1].reply = lambda request: web.Response(status=503)
    elif second is REVERTED:
        fakes[1].reply = failing(REVERTED)
    else:
        fakes[1].results["eth_call"] = second
    with pytest.raises(NotAgreed):
        await client.decisive.call(EMITTER, b"", block_hash(100))
    assert client.pool.not_agreed

    fakes[1].reply = fakes[1].honest
    fakes[1].results["eth_call"] = "0x01"
    assert b"\x01" == await client.decisive.call(EMITTER, b"", block_hash(100))
    assert "" == client.pool.not_agreed


async def test_that_a_call_reverts_is_an_answer_to_agree_on(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes[:2]:
        serves(fake)
    client = await client_of(clients, fakes[:2], agreeing=2)
    for number, fake in enumerate(fakes[:2]):
        fake.reply = failing(REVERTED | {"message": f"reverted, says node {number}"})

    with pytest.raises(Reverted):
        await client.decisive.call(EMITTER, b"", block_hash(100))


async def test_with_one_to_agree_a_decision_costs_no_more_than_any_question(
    fakes: list[FakeNode], clients: list[ChainClient]
) -> None:
    for fake in fakes:
        serves(fake)
    client = await client_of(clients, fakes)

    assert client is client.decisive
