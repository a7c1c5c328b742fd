"""kill -9 of the real daemon two hundred times at random moments of crashes: nothing lost, nothing done twice.

Each seed is a crash of its own in which the daemon lives ten short lives: killed at a random moment after it began,
or after its lanes had resumed, and let live the eleventh time. How long each start took until its lanes had resumed
is measured and printed, not asserted: the machine may be busy.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import pytest_asyncio

from keeper.state.schema import ENDED
from tests.end_to_end.chains import ChainPlan
from tests.end_to_end.daemon import Daemon
from tests.end_to_end.rounds import Round, Rounds, pause_s, steady_prices
from tests.end_to_end.soundness import assert_sound
from tests.end_to_end.stage import Stage, until

pytestmark = [
    pytest.mark.chain,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]
SEEDS = range(10)
KILLS = 10
FAILING = 10
LONGEST_S = 1.2
"""A life is at most so much longer than it takes to begin: a block and a bit."""
RESUMES_WITHIN_S = 5.0


@dataclass
class Lives:
    """What the kills met, and how long each start took until all lanes had resumed."""

    signers: int
    met: Counter[str] = field(default_factory=Counter)
    resumed_s: list[float] = field(default_factory=list)
    turned_s: list[float] = field(default_factory=list)
    kills: int = 0
    rounds: int = 0
    steps: int = 0

    def lines(self) -> Iterator[str]:
        """The table for the test's report."""
        yield f"{self.signers} signer(s): {self.kills} kills in {self.rounds} crashes, {self.steps} steps, 0 lost, 0 doubled"
        for what, times in sorted(self.met.items()):
            yield f"  killed with {what:<28} {times:>4}"
        if self.resumed_s:
            late = sum(seconds > RESUMES_WITHIN_S for seconds in self.resumed_s)
            yield (
                f"  resumed after start: {len(self.resumed_s)} measured, least {min(self.resumed_s):.2f} s,"
                f" median {median(self.resumed_s):.2f} s, most {max(self.resumed_s):.2f} s, later than"
                f" {RESUMES_WITHIN_S:g} s: {late}"
            )
            yield f"  of that once it ran: median {median(self.turned_s):.2f} s, most {max(self.turned_s):.2f} s"


@dataclass
class Ground:
    """One stage for all seeds, what was met on it, and how a crash ends undisturbed."""

    rounds: Rounds
    lives: Lives
    undisturbed: list[tuple[int, ...]]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[1, 2], ids=["one", "two"])
async def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    directory = tmp_path_factory.mktemp("random")
    plan = ChainPlan("gamma", 31_153 + request.param)
    async with Stage(directory, plan, text=slow_and_steady, keepers=request.param) as stage:
        rounds = Rounds(stage, failing=FAILING)
        played = await rounds.crashed()
        async with Daemon(stage.config):
            await rounds.over(played)
        found = Ground(rounds, Lives(request.param), await rounds.outcome(played))
        yield found
        print("\n" + "\n".join(found.lives.lines()))


@pytest.mark.parametrize("seed", SEEDS)
async def test_whenever_it_is_killed_a_crash_ends_as_if_nothing_had_happened(
    ground: Ground, seed: int
) -> None:
    chance = random.Random(seed)
    rounds, lives = ground.rounds, ground.lives
    stage, played = rounds.stage, await rounds.crashed()
    for _ in range(KILLS):
        await one_life(stage, lives, chance)
    async with Daemon(stage.config):
        await rounds.over(played, 90)

    await assert_nothing_lost_or_doubled(ground, played)
    lives.rounds += 1
    lives.steps += (await rounds.steps_taken(played)).total()


async def one_life(stage: Stage, lives: Lives, chance: random.Random) -> None:
    """Start the daemon and kill it at a random moment after a milestone of its life."""
    output = Daemon(stage.config).output
    runs, begun_ms = len(stage.rows("SELECT run_id FROM runs")), time.time_ns() // 1_000_000
    async with Daemon(stage.config) as daemon:
        if chance.random() < 0.5:
            await until(lambda: len(stage.rows("SELECT run_id FROM runs")) > runs, "it has begun")
        else:
            await until(lambda: resumed_ms(output, begun_ms, lives.signers) is not None, "it has resumed")
        await pause_s(chance.uniform(0, LONGEST_S))
        await daemon.kill()
    lives.kills += 1
    states = [row["state"] for row in stage.rows(f"SELECT state FROM intents WHERE state NOT IN {ENDED}")]
    lives.met[" and ".join(sorted(set(states))) or "nothing under way"] += 1
    resumed = resumed_ms(output, begun_ms, lives.signers)
    if resumed is not None:
        ran_ms = [at_ms for at_ms in times(output, "running") if begun_ms <= at_ms <= resumed]
        lives.resumed_s.append((resumed - begun_ms) / 1000)
        lives.turned_s.append((resumed - ran_ms[-1]) / 1000)


async def assert_nothing_lost_or_doubled(ground: Ground, played: Round) -> None:
    rounds = ground.rounds
    assert rounds.steps_expected(played) == await rounds.steps_taken(played)
    assert ground.undisturbed == await rounds.outcome(played)
    assert [] == rounds.stage.rows(f"SELECT intent_id FROM intents WHERE state NOT IN {ENDED}")
    await assert_sound(rounds.stage)


def resumed_ms(output: Path, since_ms: int, lanes: int) -> int | None:
    """Return when the last of a life's lanes had resumed, by the daemon's own log; None if not all have."""
    found = [at_ms for at_ms in times(output, "lane_recovered") if at_ms >= since_ms]
    return found[lanes - 1] if len(found) >= lanes else None


def tail(output: Path) -> list[str]:
    """The newest lines, the last of which may be cut."""
    with output.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 65_536))
        return file.read().decode(errors="replace").splitlines()


def times(output: Path, event: str) -> list[int]:
    """When an event was told, as far back as the newest lines go."""
    found = []
    for line in tail(output):
        try:
            entry: dict[str, Any] = json.loads(line) if f'"{event}"' in line else {}
        except ValueError:
            continue
        if entry.get("event") == event:
            found.append(round(datetime.fromisoformat(entry["timestamp"]).timestamp() * 1000))
    return found


def slow_and_steady(text: str) -> str:
    """Few transactions at a time, so that a crash outlasts many short lives."""
    return steady_prices(text).replace("max_in_flight = 32", "max_in_flight = 1")
