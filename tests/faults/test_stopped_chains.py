"""What stops a chain until a person has looked: another chain id, another genesis, a fork below what was final."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chains.devnet.faults.proxy import RpcProxy
from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Cut, Give
from chains.errors import ChainMismatch
from config.loader import load
from oracles.sources.presets import PRESETS
from tests.end_to_end.daemon import ROOT
from tests.end_to_end.inside import Inside, running
from tests.end_to_end.rounds import Round, variant
from tests.end_to_end.stage import ATTESTOR_NAMES, until
from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
STOPPED = "chain_stopped"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("stopped")
    async with Trial.standing(directory, ("gamma", 31_176), ("delta", 31_177)) as trial:
        trial.rounds.crowds.pop("delta")
        trial.rounds.steps = 1
        yield trial


async def nothing_is_sent(trial: Trial, played: Round) -> None:
    """Let prices fall and blocks come, and see that nothing goes out."""
    sent = len(trial.proxy.sent_raw)
    await trial.crash()
    for _ in range(3):
        await trial.block(unseen=True)
    await until(
        lambda: {"liquidatable", "unknown"} >= {trial.stage.states().get(each) for each in played.bad},
        "who fell is liquidatable, or not known any more",
    )
    assert sent == len(trial.proxy.sent_raw)


async def held(inside: Inside) -> None:
    """Wait until the chain is one that nothing is sent to."""
    await until(lambda: not inside.evidence.live("gamma"), "the chain is not acted on")


async def put_right(trial: Trial, played: Round, *, resumed: bool = False) -> None:
    """A person has looked, `resumed` the chain for each who had stopped it, and starts everything again."""
    for attestor in trial.stage.attestors.values():
        await attestor.stop()
    if resumed:
        logs = [
            trial.stage.settings.state_log,
            *(trial.stage.directory / f"{name}.db" for name in ATTESTOR_NAMES),
        ]
        await asyncio.gather(*(resume(log) for log in logs))
    for attestor in trial.stage.attestors.values():
        await attestor.start()
    async with trial.daemon():
        await trial.live(played)
        await trial.sound(played)
        await trial.calm(but={STOPPED})


async def test_b18_the_chain_id_changes_while_it_runs(trial: Trial, met: Met) -> None:
    other = On("eth_chainId", Give("0x1"))
    async with trial.daemon() as inside:
        played = await trial.opened()
        away = On((), Cut(), times=8)  # who was away is asked again who he is
        async with trial.wrong(other, away):
            await held(inside)
            await nothing_is_sent(trial, played)
    met("B18", other.met)

    await put_right(trial, played)


async def test_c7_a_fork_below_what_was_final(trial: Trial, met: Met) -> None:
    async with trial.daemon() as inside:
        played = await trial.opened()
        for _ in range(4):
            await trial.block()
        await trial.fork(4)
        await trial.block(unseen=True)
        met("C7", 1)
        await held(inside)
        await nothing_is_sent(trial, played)
        # The other chain goes on.
        height = await trial.stage.chains["delta"].height()
        await until(lambda: trial.stage.seen(height, "delta"), "the other chain is followed")

    await put_right(trial, played, resumed=True)


async def resume(log: Path) -> None:
    """What was final is gone: only a person's word lets it go on."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keeper", "resume", "--log", str(log)),
        *("--chain", "gamma", "--why", "the fork is the truth"),
        cwd=ROOT,
    )
    assert 0 == await process.wait()


async def test_c12_a_node_comes_back_as_another_chain(trial: Trial, met: Met) -> None:
    async with trial.daemon() as inside:
        played = await trial.opened()
        await trial.crash()
        await trial.sent(played)
        height, sent = await trial.chain.height(), len(trial.proxy.sent_raw)
        kept = await trial.restart_node(keep_chain=False)
        await trial.chain.mine(height + 5)
        met("C12", 1)
        await held(inside)
        await trial.chain.mine(3)
        assert sent == len(trial.proxy.sent_raw)
    await trial.restart_node(state=kept)

    await put_right(trial, played, resumed=True)


async def test_b19_a_way_that_leads_to_another_chain_is_refused_at_the_start(trial: Trial, met: Met) -> None:
    delta = trial.stage.chains["delta"]
    async with RpcProxy(delta.node.url) as astray:
        settings = load(variant(trial.stage, "astray", (trial.proxy.url, astray.url)), PRESETS)
        with pytest.raises(ChainMismatch):
            async with running(settings):
                pass
        met("B19", astray.calls["eth_chainId"])
        assert [] == astray.sent_raw
