"""One of two chains stands still, as far as the daemon can see: nothing is sent there, and the other goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from chains.devnet.faults.rules import On
from chains.devnet.faults.verdicts import Cut, Rule, Stall
from chains.devnet.faults.views import Frozen
from tests.end_to_end.chains import TestChain
from tests.end_to_end.crowd import Crowd, Plan
from tests.end_to_end.inside import Inside
from tests.end_to_end.rounds import Round
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.trial import Trial, brisk

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
FRESH = count(55_000)
"""Subaccounts that have nothing but a debt and its collateral on the chain that goes on."""


def impatient(text: str) -> str:
    return (
        brisk(text)
        .replace("stale_after_s = 4\n", "stale_after_s = 2.5\n")
        .replace("unknown_after_s = 6.0", "unknown_after_s = 3.5")
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Trial, Inside]]:
    directory = tmp_path_factory.mktemp("still")
    chains = ("alpha", 31_182), ("gamma", 31_183)
    async with (
        Trial.standing(directory, *chains, text=impatient, block_time_s=0.5) as trial,
        trial.daemon() as inside,
    ):
        yield trial, inside


async def away(running: tuple[Trial, Inside], chain: TestChain, rule: Rule, case: str, met: Met) -> None:
    """Let a chain be away while prices fall; accounts there are unknown and untouched, those elsewhere are not."""
    trial, inside = running
    other = next(each for each in trial.stage.chains.values() if each is not chain)
    played, alone = await opened(trial, other)
    proxy = chain.proxy
    before = proxy.injected.total()
    async with trial.wrong(rule, proxy=proxy):
        await until(lambda: not inside.evidence.live(chain.name), "it is acted on no more")
        sent = len(proxy.sent_raw)
        await trial.crash()
        await until(
            lambda: {"unknown"} == {inside.states.get(each) for each in played.bad}, "who owes is unknown"
        )
        await until(
            lambda: inside.states.get(alone) in {"liquidatable", "at_risk", "margin_call"}, "the other is not"
        )
        await until(lambda: steps_against(trial, other, alone), "the other chain goes on")
        assert sent == len(proxy.sent_raw)
        assert {} == dict(await trial.rounds.steps_taken(played))
    met(case, proxy.injected.total() - before)

    await in_the_end(trial, played)


async def opened(trial: Trial, other: TestChain) -> tuple[Round, str]:
    played = await trial.rounds.opened()
    (alone,) = await Crowd(other).open([Plan(next(FRESH), debt="1399")])
    await trial.stage.known([*played.all, alone], timeout_s=45)
    return played, alone


async def steps_against(trial: Trial, chain: TestChain, account: str) -> bool:
    return bool(await chain.liquidations([account]))


async def in_the_end(trial: Trial, played: Round) -> None:
    await until(lambda: trial.rounds.all_liquidated(played), "everybody who fell is liquidated")
    await trial.stage.quiet(45)
    await trial.sound(played)
    await trial.calm()


async def test_b1_a_head_that_stands_still_is_acted_on_no_more(
    running: tuple[Trial, Inside], met: Met
) -> None:
    chain = running[0].stage.chains["gamma"]
    await away(running, chain, Frozen(chain.proxy.ask), "B1", met)


async def test_a1_a_node_that_is_gone_holds_its_chain_and_no_other(
    running: tuple[Trial, Inside], met: Met
) -> None:
    await away(running, running[0].stage.chains["gamma"], On((), Cut()), "A1", met)


async def test_m1_an_account_with_a_leg_on_a_chain_that_is_away_is_unknown_and_untouched(
    running: tuple[Trial, Inside], met: Met
) -> None:
    await away(running, running[0].stage.chains["alpha"], On((), Stall()), "M1", met)


async def test_c9_a_chain_that_halted_and_then_bursts(running: tuple[Trial, Inside], met: Met) -> None:
    trial, inside = running
    chain = trial.stage.chains["gamma"]
    played, _ = await opened(trial, trial.stage.chains["alpha"])
    await chain.node.rpc("evm_setIntervalMining", 0)
    await until(lambda: not inside.evidence.live("gamma"), "it is acted on no more")
    sent = len(chain.proxy.sent_raw)
    trial.stage.market.set({"ETH": "1700"})
    await trial.looked_at()
    assert sent == len(chain.proxy.sent_raw)
    met("C9", 1)
    await trial.crash()
    await chain.mine(300)
    await chain.node.rpc("evm_setIntervalMining", 1)

    await in_the_end(trial, played)
