"""A chain with two nodes, of which the first is away, hangs, lags or is on another branch."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from chains.devnet.anvil import Anvil
from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Cut, Give, Stall
from chains.devnet.faults.views import Behind, Lagging
from config.loader import load
from config.settings import Settings
from oracles.sources.presets import PRESETS
from tests.end_to_end.rounds import variant
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
CHAIN_ID = 31_175
LAG_BLOCKS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("two-nodes")
    async with Trial.standing(directory, ("gamma", CHAIN_ID)) as trial:
        yield trial


def with_second(trial: Trial, second: RpcProxy) -> Settings:
    """The daemon's settings with a second way to the chain."""
    way = "max_requests_per_s = 500\ntimeout_s = 2.5\n"
    more = f'\n[[chains.gamma.endpoints]]\nurl = "{second.url}"\n{way}'
    return load(variant(trial.stage, "two", (way, way + more)), PRESETS)


@asynccontextmanager
async def both(trial: Trial) -> AsyncIterator[RpcProxy]:
    """Run the daemon with two ways to the one node. Yields the second."""
    async with RpcProxy(trial.chain.node.url) as second, trial.daemon(with_second(trial, second)):
        yield second


@pytest.mark.parametrize(("case", "fault"), [("A1", Cut()), ("A2", Stall())])
async def test_while_the_first_is_away_the_second_does(
    trial: Trial, met: Met, case: str, fault: Cut | Stall
) -> None:
    async with both(trial) as second:
        played = await trial.opened()
        rule = On((), fault)
        async with trial.wrong(rule):
            await trial.crash()
            await trial.endure(2, lambda: rule.met > 0)
            await trial.live(played)
            assert second.sent_raw
        met(case, rule.met)

        await trial.sound(played)
        await trial.calm()


async def test_b15_a_receipt_that_the_first_hides_for_good_is_got_from_the_second(
    trial: Trial, met: Met
) -> None:
    async with both(trial):
        played = await trial.opened()
        hidden = On("eth_getTransactionReceipt", Give(None))
        async with trial.wrong(hidden):
            await trial.crash()
            sent = await trial.sent(played)
            await trial.live(played)
            await trial.sound(played)
            assert len(sent) == len(trial.steps(played, "final_ok"))
        met("B15", hidden.met)

        assert [] == trial.ever_open("hidden_receipt")
        await trial.calm()


async def test_b2_a_first_node_that_lags_twenty_blocks_decides_nothing(trial: Trial, met: Met) -> None:
    async with both(trial):
        played = await trial.opened()
        for _ in range(LAG_BLOCKS):
            await trial.block(unseen=True)
        await trial.seen()
        rule = Lagging(trial.proxy.ask, LAG_BLOCKS)
        before = trial.proxy.injected[rule.name]
        async with trial.wrong(rule):
            await trial.crash()
            await until(lambda: trial.proxy.injected[rule.name] > before, "it lags")
            await trial.block(unseen=True)
        met("B2", trial.proxy.injected[rule.name] - before)

        await trial.over(played)


async def test_b17_two_nodes_are_on_two_branches(trial: Trial, met: Met) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(RpcProxy(trial.chain.node.url))
        await stack.enter_async_context(trial.daemon(with_second(trial, second)))
        played = await trial.opened()
        other = await stack.enter_async_context(await clone(trial))
        await other.mine()
        await trial.crash()
        second.upstream = other.url
        rule = On((), Cut(), times=6)
        async with trial.wrong(rule):
            await trial.endure(1, lambda: rule.met > 0, blind=True)
        await until(lambda: second.calls["eth_getBlockByNumber"], "the second was asked")
        met("B17", rule.met)
        second.upstream = trial.chain.node.url

        await trial.over(played)


async def clone(trial: Trial) -> Anvil:
    """Another node with the same chain up to now."""
    state = gzip.decompress(bytes.fromhex((await trial.chain.node.rpc("anvil_dumpState"))[2:]))
    path = trial.stage.directory / "clone.json"
    path.write_bytes(state)
    return Anvil(CHAIN_ID, block_time_s=0, extra=("--load-state", str(path)))


async def test_a_first_node_that_stopped_at_a_block_is_passed_over(trial: Trial, met: Met) -> None:
    async with both(trial):
        played = await trial.opened()
        rule = await Behind.at_head(trial.proxy.ask)
        before = trial.proxy.injected[rule.name]
        async with trial.wrong(rule):
            await trial.crash()
            await trial.endure(2, lambda: trial.proxy.injected[rule.name] > before, blind=True)
        met("B1", trial.proxy.injected[rule.name] - before)

        await trial.over(played)
