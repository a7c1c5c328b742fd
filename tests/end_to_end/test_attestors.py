"""Two of three attestors must sign: what the daemon does when some are down, lie, or are behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from chains.devnet.faults.views import Behind
from config.units import WAD
from keeper.state.reader import LogReader
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import BEFORE, Round, Rounds
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
DOWN, LYING, BEHIND = "anna", "boris", "carla"
"""Whom what may happen to."""
SIGNED = "signed"
REASONS = {DOWN: {"unreachable"}, LYING: {"price", "healthy"}, BEHIND: {"cut"}}
"""Why no signature of theirs is had then, as the log says."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rounds]:
    directory = tmp_path_factory.mktemp("attestors")
    plan = ChainPlan("gamma", 31_153)
    async with Stage(directory, plan, own_markets=[LYING], own_nodes=[BEHIND]) as stage, Daemon(stage.config):
        yield Rounds(stage)
        await assert_sound(stage)


@asynccontextmanager
async def wrong(stage: Stage, *who: str) -> AsyncIterator[None]:
    """Let something be wrong with these attestors, and then no more."""
    async with AsyncExitStack() as mended:
        for name in who:
            await mended.enter_async_context({DOWN: down, LYING: lying, BEHIND: behind}[name](stage))
        yield


@asynccontextmanager
async def down(stage: Stage) -> AsyncIterator[None]:
    await stage.attestors[DOWN].stop()
    yield
    await stage.attestors[DOWN].start()


@asynccontextmanager
async def lying(stage: Stage) -> AsyncIterator[None]:
    """Its sources go on serving what was true before. Whoever does not lie serves what is true."""
    # What one of its sources still says of the crash before would be no lie in the next one.
    high = int(BEFORE["ETH"]) * WAD * 99 // 100
    await until(lambda: believed(stage, LYING, "ETH") > high, "all it hears is what was true before")
    stage.follow_truth(LYING, follows=False)
    yield
    stage.follow_truth(LYING, follows=True)


@asynccontextmanager
async def behind(stage: Stage) -> AsyncIterator[None]:
    rule = await Behind.at_head(stage.chain.node.rpc)
    proxy = stage.proxies[BEHIND][stage.chain.name]
    proxy.rules.append(rule)
    yield
    proxy.rules.remove(rule)


@pytest.mark.parametrize("who", [DOWN, LYING, BEHIND])
async def test_with_one_of_three_down_lying_or_behind_liquidations_go_on(rounds: Rounds, who: str) -> None:
    played = await rounds.opened()
    await rounds.stage.known(played.all)
    async with wrong(rounds.stage, who):
        await rounds.crash()
        await rounds.over(played)

    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    assert {DOWN, LYING, BEHIND} - {who} == {
        name for name, given in answers(rounds, played).items() if SIGNED in given
    }


@pytest.mark.parametrize("who", [(DOWN, LYING), (LYING, BEHIND), (DOWN, BEHIND)], ids="-and-".join)
async def test_with_only_one_left_liquidations_stop_with_a_reason_and_go_on_once_two_are_back(
    rounds: Rounds, who: tuple[str, str]
) -> None:
    stage, played = rounds.stage, await rounds.opened()
    await stage.known(played.all)
    signed_before = len(stage.rows("SELECT 1 FROM attempts"))
    async with wrong(stage, *who):
        await rounds.crash()
        await until(lambda: quorum_alert(stage), "the shortage is told")
        height = await stage.chain.height() + 3
        await until(lambda: stage.seen(height), "three more blocks are seen")
        assert Counter() == await rounds.steps_taken(played)
        assert signed_before == len(stage.rows("SELECT 1 FROM attempts"))
        given = answers(rounds, played)
        assert [] == [name for name in who if not given[name] & REASONS[name]]
    await rounds.over(played)

    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    assert "" == quorum_alert(stage)


def quorum_alert(stage: Stage) -> str:
    """What the open alert about the quorum says, nothing if none is open."""
    found = stage.rows("SELECT detail FROM alerts WHERE dedupe_key = 'quorum' AND closed_at_ms IS NULL")
    return str(found[0]["detail"]) if found else ""


def believed(stage: Stage, name: str, asset: str) -> int:
    """An attestor's own newest price (USD wad) if all its sources agree on it, 0 otherwise."""
    own = stage.attestors[name].settings.attestor
    assert own is not None
    with LogReader(own.state_log) as reader:
        newest = reader.prices()
    found = next((row for row in newest["prices"] if row["asset"] == asset), None) if newest else None
    return int(found["mid_wad"]) if found and found["status"] == "ok" else 0


def answers(rounds: Rounds, played: Round) -> dict[str, set[str]]:
    """What each attestor answered about the accounts that failed: that it signed, or why not."""
    found: dict[str, set[str]] = {name: set() for name in rounds.stage.attestors}
    for row in rounds.stage.rows(
        "SELECT attestor, outcome, reason, account_id FROM attestation_answers "
        "JOIN attestations ON attestations.digest = attestation_answers.digest"
    ):
        if row["account_id"] in played.bad:
            reason, _, _ = row["reason"].partition(":")
            found[row["attestor"]].add(SIGNED if row["outcome"] == SIGNED else reason)
    return found
