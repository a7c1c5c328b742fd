from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from chains.blocks import Head
from chains.client import ChainClient
from chains.errors import FinalityViolation, NodeRefused, NotYetThere
from config.secrets import SecretUrl
from tests.chains.fakes import FakeNode
from tests.chains.follow import Believer
from tests.chains.nodes import Closing, Node, free_port

pytestmark = pytest.mark.chain


async def caught_up(believer: Believer, client: ChainClient) -> None:
    await believer.until_at(await client.head())


async def test_every_block_is_handed_on_with_its_events_in_order(node: Node, client: ChainClient) -> None:
    believer = Believer(client)
    async with believer.following():
        for value in (2, 4, 5, 6):
            await node.emit(value)
        await caught_up(believer, client)

    assert [2, 4, 6] == believer.values
    assert [0, 1, 2, 3, 4] == [block.head.number for block in believer.blocks]


async def test_the_first_update_is_there_before_the_first_block(node: Node, client: ChainClient) -> None:
    believer = Believer(client, start=3)
    await node.mine(2)
    await believer.follower.poll()

    assert [2] == [block.head.number for block in believer.blocks]
    assert believer.tip == believer.follower.tip
    assert 1_000 == believer.follower.last_progress_ms


async def test_a_quiet_chain_is_answering_but_makes_no_progress(node: Node, client: ChainClient) -> None:
    believer = Believer(client)
    await believer.follower.poll()
    believer.clock_ms = 9_000
    await believer.follower.poll()

    assert 1 == len(believer.updates)
    assert (1_000, 9_000) == (believer.follower.last_progress_ms, believer.follower.last_answer_ms)


async def test_a_long_gap_is_read_by_ranges_and_the_tip_by_blocks(node: Node, client: ChainClient) -> None:
    for value in (2, 4):
        await node.emit(value)
    await node.mine(300)
    await node.emit(6)
    await node.mine(1)
    await node.emit(8)
    believer = Believer(client, range_blocks=100)
    await believer.follower.poll()

    assert [2, 4, 6, 8] == believer.values
    assert (await client.head()) == believer.tip
    backfills = [update for update in believer.updates if update.backfill]
    assert [[0], [1, 2, 100], [200], [300], [301]] == [[b.head.number for b in u.added] for u in backfills]
    assert [[302, 303, 304, 305]] == [
        [block.head.number for block in update.added] for update in believer.updates if not update.backfill
    ]


async def test_a_reorganisation_is_undone_to_the_common_ancestor_and_redone(
    node: Node, client: ChainClient
) -> None:
    believer = Believer(client)
    async with believer.following():
        for value in (2, 4, 6):
            await node.emit(value)
        await caught_up(believer, client)
        before = [block.head for block in believer.blocks]
        await node("anvil_reorg", 2, [])
        await caught_up(believer, client)

    undone = [update for update in believer.updates if update.removed]
    assert [(before[3], before[2])] == [update.removed for update in undone]
    assert [2] == believer.values
    assert 3 == believer.tip.number


async def test_a_reorganisation_brings_its_own_events(node: Node, client: ChainClient) -> None:
    believer = Believer(client)
    for value in (2, 4):
        await node.emit(value)
    await believer.follower.poll()
    call = {
        "from": node.sender,
        "to": "0x" + "e1" * 20,
        "data": f"0x{10:064x}",
        "gas": "0x186a0",
        "nonce": "0x1",
    }
    await node("anvil_reorg", 1, [[call, 0]])
    await node.emit(12)
    await believer.follower.poll()

    assert [2, 10, 12] == believer.values


async def test_a_reorganisation_deeper_than_finality_stops_the_chain(node: Node, client: ChainClient) -> None:
    believer = Believer(client, finality_depth=4)
    await node.mine(10)
    async with believer.following(ends=True) as task:
        await caught_up(believer, client)
        await node("anvil_reorg", 5, [])
        with pytest.raises(FinalityViolation, match="final block 6"):
            async with asyncio.timeout(10):
                await task
    assert 10 == believer.tip.number


async def test_a_reorganisation_as_deep_as_finality_is_followed(node: Node, client: ChainClient) -> None:
    believer = Believer(client, finality_depth=4)
    await node.mine(10)
    await believer.follower.poll()
    await node("anvil_reorg", 4, [])
    await node.mine()
    await believer.follower.poll()

    assert (await client.head()) == believer.tip
    assert [10, 9, 8, 7] == [head.number for head in believer.updates[-1].removed]


async def test_a_head_that_falls_back_and_stays_is_believed(node: Node, client: ChainClient) -> None:
    believer = Believer(client)
    async with believer.following():
        for value in (2, 4, 6):
            await node.emit(value)
        await caught_up(believer, client)
        await node("anvil_rollback", 2)
        await caught_up(believer, client)

    assert [2] == believer.values
    assert ((), 2) == (believer.updates[-1].added, len(believer.updates[-1].removed))


async def test_a_head_that_falls_below_what_is_final_stops_the_chain(node: Node, client: ChainClient) -> None:
    believer = Believer(client, finality_depth=4)
    await node.mine(10)
    async with believer.following(ends=True) as task:
        await caught_up(believer, client)
        await node("anvil_rollback", 6)
        with pytest.raises(FinalityViolation, match="fell from 10 to 4"):
            async with asyncio.timeout(10):
                await task


async def test_a_node_that_is_behind_for_a_moment_undoes_nothing(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    believer = Believer(client, poll_interval_s=5)
    await node.mine(5)
    await believer.follower.poll()
    behind = await client.block(3)
    with monkeypatch.context() as patch:
        patch.setattr(client, "head", lambda: asyncio.sleep(0, behind))
        await believer.follower.poll()
        await believer.follower.poll()
    await node.mine()
    await believer.follower.poll()

    assert [] == [update for update in believer.updates if update.removed]
    assert 6 == believer.tip.number


async def test_following_goes_on_where_it_was_left(node: Node, client: ChainClient) -> None:
    first = Believer(client)
    await node.emit(2)
    await node.mine(3)
    await first.follower.poll()
    await node.emit(4)
    second = Believer(client, start=[block.head for block in first.blocks])
    second.blocks = list(first.blocks)
    await second.follower.poll()

    assert [2, 4] == second.values
    assert [5] == [block.head.number for update in second.updates for block in update.added]


@pytest.mark.parametrize("gap", [0, 200])
async def test_a_reorganisation_while_away_is_undone_from_the_heads_that_were_kept(
    node: Node, client: ChainClient, gap: int
) -> None:
    first = Believer(client)
    for value in (2, 4, 6):
        await node.emit(value)
    await first.follower.poll()
    await node("anvil_reorg", 2, [])
    await node.mine(gap)
    await node.emit(8)
    second = Believer(client, start=[block.head for block in first.blocks])
    second.blocks = list(first.blocks)
    await second.follower.poll()

    assert [2, 8] == second.values
    assert 2 == len(second.updates[0].removed)


@pytest.mark.parametrize("gap", [0, 200])
async def test_a_start_that_is_not_on_the_chain_stops_it(node: Node, client: ChainClient, gap: int) -> None:
    await node.mine(5)
    gone = await client.head()
    await node("anvil_reorg", 3, [])
    await node.mine(gap)
    believer = Believer(client, start=[gone])

    with pytest.raises(FinalityViolation):
        await believer.follower.poll()
    assert [] == believer.updates


async def test_a_hung_node_is_outlasted_and_the_outage_told_once(node: Node, closing: Closing) -> None:
    client = closing(node.client(timeout_s=0.5))
    believer = Believer(client)
    await node.emit(2)
    with capture_logs() as logs:
        async with believer.following():
            await believer.until(lambda: [2] == believer.values)
            node.pause()
            try:
                await outages(believer, 2)
            finally:
                node.resume()
            await node.emit(4)
            await believer.until(lambda: [2, 4] == believer.values)

    told = [line["event"] for line in logs if line["event"].startswith("chain_read")]
    assert ["chain_read_failed", "chain_read_recovered"] == told


async def outages(believer: Believer, count: int) -> None:
    async with asyncio.timeout(10):
        while believer.follower._failures < count:  # noqa: ASYNC110 - the follower tells nobody
            await asyncio.sleep(0.02)


async def test_a_node_that_comes_back_as_another_chain_is_not_believed(
    node: Node, client: ChainClient
) -> None:
    believer = Believer(client)
    await node.mine(3)
    async with believer.following():
        await caught_up(believer, client)
        known = list(believer.blocks)
        await node.stop()
        await outages(believer, 1)
        await node.start("--timestamp", "1700000000")
        await node.mine(9)
        async with asyncio.timeout(45):
            while not client.pool.mismatched:  # noqa: ASYNC110 - the pool tells nobody
                await asyncio.sleep(0.02)
        await outages(believer, believer.follower._failures + 1)

    assert known == believer.blocks


async def test_a_notice_ends_the_wait(node: Node, client: ChainClient) -> None:
    believer = Believer(client, poll_interval_s=20, hint_urls=[node.ws_url])
    async with believer.following():
        await believer.until(lambda: len(believer.updates) == 1)
        # the subscription takes a moment, and only a block after it is announced
        while [] == believer.values:
            await node.emit(2)
            await asyncio.sleep(0.05)


async def test_a_silent_socket_does_not_blind(node: Node, client: ChainClient, fake: FakeNode) -> None:
    silent = SecretUrl(f"ws://127.0.0.1:{fake.port}/silent")
    believer = Believer(client, hint_urls=[silent])
    async with believer.following():
        async with asyncio.timeout(5):
            await fake.listened.wait()
        await node.emit(2)
        await believer.until(lambda: [2] == believer.values)


async def test_an_unreachable_socket_only_costs_its_hints(node: Node, client: ChainClient) -> None:
    believer = Believer(
        client, hint_urls=[SecretUrl(f"ws://127.0.0.1:{free_port()}/?key=that-must-stay-secret")]
    )
    with capture_logs() as logs:
        async with believer.following():
            await node.emit(2)
            await caught_up(believer, client)
    assert ["head_hints_lost"] == [line["event"] for line in logs]
    assert "that-must-stay-secret" not in repr(logs)


async def test_logs_of_another_chain_than_the_blocks_are_not_handed_on(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.mine(3)
    await node.emit(2)
    await node.mine(100)
    believer = Believer(client)
    honest = client.blocks

    async def foreign(numbers: list[int]) -> list[Head]:
        return [
            replace(head, hash="0x" + "ff" * 32) if head.number == 4 else head
            for head in await honest(numbers)
        ]

    with monkeypatch.context() as patch:
        patch.setattr(client, "blocks", foreign)
        with pytest.raises(NotYetThere, match="different chains"):
            await believer.follower.poll()
    assert [] == believer.values
    await believer.follower.poll()

    assert [2] == believer.values


@pytest.mark.parametrize("error", [RuntimeError("no room"), NodeRefused(1, "no room")])
async def test_what_the_consumer_raises_ends_the_following_and_nothing_is_skipped(
    node: Node, client: ChainClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    believer = Believer(client)
    await node.emit(2)
    await believer.follower.poll()
    await node.emit(4)

    async def broken(update: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(believer.follower, "_on_update", broken)
        with pytest.raises(type(error), match="no room"):
            await believer.follower.run()
    await believer.follower.poll()

    assert [2, 4] == believer.values
