"""Clocks that jump and a process that was stopped: what looks fresh only because time went wrong is not acted on."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from keeper.runtime import daemon
from keeper.runtime.clock import now_ms
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import BEFORE
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
HOUR_MS = 3_600_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("clocks")
    async with Trial.standing(directory, ("gamma", 31_180)) as trial:
        yield trial


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
async def test_g1_a_clock_that_jumps_an_hour_acts_on_nothing_until_it_is_right(
    trial: Trial, met: Met, monkeypatch: pytest.MonkeyPatch, jump_ms: int
) -> None:
    off_ms = 0
    monkeypatch.setattr(daemon, "now_ms", lambda: now_ms() + off_ms)
    async with trial.daemon() as inside:
        played = await trial.opened()
        off_ms = jump_ms
        await until(
            lambda: {"unknown"} == {inside.states.get(each) for each in played.all},
            "nobody is known any more",
        )
        sent = len(trial.proxy.sent_raw)
        await trial.crash()
        for _ in range(3):
            await trial.block(unseen=True)
        await trial.looked_at()
        assert sent == len(trial.proxy.sent_raw)
        met("G1", 1)
        met("G4", 1)
        off_ms = 0

        await trial.over(played)


async def test_e17_a_process_that_was_stopped_acts_on_nothing_old(trial: Trial, met: Met) -> None:
    async with Daemon(trial.stage.config) as process:
        played = await trial.opened()
        for attestor in trial.stage.attestors.values():
            await attestor.stop()
        await trial.crash()
        await until(
            lambda: {"liquidatable"} == {trial.stage.states().get(each) for each in played.bad},
            "it would act",
        )
        os.kill(process.process.pid, signal.SIGSTOP)
        await trial.stage.move(BEFORE)
        await trial.block(unseen=True)
        for attestor in trial.stage.attestors.values():
            await attestor.start()
        os.kill(process.process.pid, signal.SIGCONT)
        met("E17", 1)
        for _ in range(3):
            await trial.block()
        await trial.stage.known(played.all, timeout_s=45)
        assert {} == dict(await trial.rounds.steps_taken(played))

        await trial.crash()
        await trial.over(played)
