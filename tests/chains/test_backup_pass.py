"""Logs of final blocks are read a second time: nothing that a node left out stays out, and nothing is read for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chains.answers import Log
from chains.backup_pass import AGAIN_BLOCKS, MOST_BLOCKS, PASS_BLOCKS, BackupPass, LogPass
from chains.blocks import Head
from chains.client import ChainClient
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Change
from chains.endpoint import Endpoint
from chains.hub.events import DebtSet
from config.secrets import SecretUrl
from tests.chains.follow import Believer
from tests.chains.nodes import Node


def block(number: int) -> Head:
    return Head("alpha", number, f"0x{number:064x}", f"0x{number - 1:064x}", 1_700_000_000 + number, 7)


def log(number: int, index: int = 0) -> Log:
    return {"blockHash": block(number).hash, "blockNumber": hex(number), "logIndex": hex(index)}


def started(at: int = 0) -> BackupPass:
    found = BackupPass()
    found.begin(block(at))
    return found


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        (0, None),
        (PASS_BLOCKS, None),
        (PASS_BLOCKS + 1, (1, PASS_BLOCKS)),
        (PASS_BLOCKS + 50, (1, PASS_BLOCKS + 49)),
        (10**6, (1, MOST_BLOCKS)),
    ],
)
def test_a_range_is_due_once_it_is_long_enough_and_final(final: int, expected: Any) -> None:
    assert expected == started().due(final)


def test_before_it_was_begun_nothing_is_due() -> None:
    assert BackupPass().due(10**6) is None


def test_what_could_not_be_read_is_due_again_a_little_later() -> None:
    passes = started()
    passes.postpone(500)

    assert passes.due(500 + AGAIN_BLOCKS - 1) is None
    assert (1, 500 + AGAIN_BLOCKS - 1) == passes.due(500 + AGAIN_BLOCKS)


def test_where_there_is_doubt_no_block_up_to_there_waits_for_a_long_range() -> None:
    passes = started()
    passes.hurry(7)

    assert passes.due(1) is None
    assert (1, 4) == passes.due(5)
    passes.done(4)
    assert passes.due(5) is None
    assert (5, 8) == passes.due(9)
    passes.done(8)
    assert passes.due(8 + PASS_BLOCKS) is None


def test_what_was_told_of_a_block_that_went_is_not_what_was_told_of_the_one_that_came() -> None:
    passes = started()
    passes.told(block(5), [log(5)])
    passes.undone(block(4))

    assert [log(5)] == passes.missed([log(5)])


@given(
    st.sets(st.tuples(st.integers(1, 100), st.integers(0, 3))),
    st.sets(st.tuples(st.integers(1, 100), st.integers(0, 3))),
)
def test_missed_is_what_is_there_and_was_not_told(
    told: set[tuple[int, int]], there: set[tuple[int, int]]
) -> None:
    passes = started()
    for number in range(1, 101):
        passes.told(block(number), [log(number, index) for at, index in told if at == number])
    missed = passes.missed([log(*place) for place in sorted(there)])

    assert sorted(there - told) == [
        (int(each["blockNumber"], 16), int(each["logIndex"], 16)) for each in missed
    ]


def test_what_was_read_twice_is_forgotten() -> None:
    passes = started()
    for number in range(1, 1_001):
        passes.told(block(number), [log(number)])
    passes.done(900)

    assert 100 == len(passes._told)


@asynccontextmanager
async def two_endpoints(node: Node) -> AsyncIterator[tuple[ChainClient, RpcProxy]]:
    """A client of one node by way of a proxy, which is asked first, and directly."""
    async with RpcProxy(node.url.reveal()) as proxy:
        endpoints = [Endpoint(SecretUrl(proxy.url)), Endpoint(node.url, max_requests_per_s=10_000)]
        client = ChainClient("alpha", 31_199, node.genesis_hash, endpoints)
        try:
            await client.connect()
            yield client, proxy
        finally:
            await client.aclose()


def without_logs() -> On:
    return On("eth_getLogs", Change(lambda _: []), name="logs left out")


@pytest.mark.chain
async def test_a_log_that_an_endpoint_always_leaves_out_is_found_with_another(node: Node) -> None:
    passed: list[LogPass] = []

    async def take(its: LogPass) -> None:
        passed.append(its)

    async with two_endpoints(node) as (client, proxy):
        believer = Believer(client, finality_depth=4, on_pass=take)
        await believer.follower.poll()
        proxy.rules.append(without_logs())
        await node.emit(2)
        await node.mine(20)
        await believer.follower.poll()
        await node.emit(4)
        proxy.rules.clear()
        await node.emit(6)
        await believer.follower.poll()
        for _ in range(3):
            await node.mine(40)
            await believer.follower.poll()
        with capture_logs() as logs:
            await node.mine(10)
            await believer.follower.poll()

    assert [[1]] == [[each.block_number for each in its.missed] for its in passed if its.missed]
    (missed,) = next(its.missed for its in passed if its.missed)
    assert isinstance(missed.event, DebtSet)
    assert 2 == missed.event.debt
    assert [4, 6] == believer.values
    assert [] == [line for line in logs if line["log_level"] == "error"]


@pytest.mark.chain
async def test_a_second_reading_costs_one_request_in_a_hundred_blocks(node: Node) -> None:
    passed: list[LogPass] = []

    async def take(its: LogPass) -> None:
        passed.append(its)

    async with RpcProxy(node.url.reveal()) as proxy:
        client = ChainClient("alpha", 31_199, node.genesis_hash, [Endpoint(SecretUrl(proxy.url))])
        counts = []
        try:
            for on_pass in (None, take):
                believer = Believer(client, start=1, finality_depth=2, on_pass=on_pass)
                await believer.follower.poll()
                proxy.reset()
                for _ in range(5):
                    await node.mine(50)
                    await believer.follower.poll()
                counts.append(proxy.requests)
        finally:
            await client.aclose()

    assert len(passed) == counts[1] - counts[0] == 2
