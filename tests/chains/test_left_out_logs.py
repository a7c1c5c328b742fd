"""Logs that a node leaves out: found again before their block is final, and at once where there is doubt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from chains.backup_pass import LogPass
from chains.client import ChainClient
from tests.chains.follow import Believer
from tests.chains.nodes import Node

pytestmark = pytest.mark.chain


async def test_a_log_that_was_omitted_is_found_before_its_block_is_final(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    believer = Believer(client, finality_depth=8)
    omit = True
    honest = client.logs_by_block

    async def forgetful(hashes: list[str], address: str) -> Any:
        return [[] for _ in hashes] if omit else await honest(hashes, address)

    monkeypatch.setattr(client, "logs_by_block", forgetful)
    await believer.follower.poll()
    for value in (2, 4):
        await node.emit(value)
        await believer.follower.poll()
    assert [] == believer.values
    omit = False
    with capture_logs() as logs:
        for _ in range(8):
            await node.mine()
            await believer.follower.poll()

    assert [2, 4] == believer.values
    assert ["logs_were_omitted"] == [line["event"] for line in logs]


@pytest.mark.parametrize("finality_depth", [2, 64])
async def test_where_there_is_doubt_a_log_that_was_omitted_is_found_at_once(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch, finality_depth: int
) -> None:
    doubt = asyncio.Event()
    believer = Believer(client, finality_depth=finality_depth, doubt=doubt)
    await believer.follower.poll()
    with monkeypatch.context() as patch:
        patch.setattr(client, "logs_by_block", nothing)
        await node.emit(2)
        await believer.follower.poll()
    assert [] == believer.values
    doubt.set()
    await believer.follower.poll()
    await believer.follower.poll()

    assert [2] == believer.values
    assert not doubt.is_set()


async def nothing(hashes: list[str], _: str) -> Any:
    return [[] for _ in hashes]


@pytest.mark.parametrize("doubted", [True, False])
async def test_where_there_is_doubt_final_blocks_are_read_again_at_once_and_not_by_the_hundred(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch, doubted: bool
) -> None:
    doubt = asyncio.Event()
    missed: list[int] = []

    async def take(its: LogPass) -> None:
        missed.extend(each.block_number for each in its.missed)

    believer = Believer(client, finality_depth=2, doubt=doubt, on_pass=take)
    await believer.follower.poll()
    with monkeypatch.context() as patch:
        patch.setattr(client, "logs_by_block", nothing)
        await node.emit(2)
        for _ in range(4):
            await node.mine()
            await believer.follower.poll()
    if doubted:
        doubt.set()
    await believer.follower.poll()
    assert ([1] if doubted else []) == missed
    await node.mine(110)
    await believer.follower.poll()

    assert [1] == missed
