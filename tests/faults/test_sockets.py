"""WebSockets that break, fall silent, go deaf, repeat themselves and shout: they only ever said when to look."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from chains.devnet.faults.sockets import Sockets
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
FLOOD = 10_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    directory = tmp_path_factory.mktemp("sockets")
    async with Trial.standing(directory, ("gamma", 31_174)) as trial, trial.daemon():
        await until(lambda: trial.proxy.sockets.open, "the daemon listens")
        yield trial


def silent(sockets: Sockets) -> None:
    sockets.notice_rules.append(lambda _: [])


def repeating(sockets: Sockets) -> None:
    told: deque[str] = deque(maxlen=3)

    def again(text: str) -> list[str]:
        told.append(text)
        return [text, *told]

    sockets.notice_rules.append(again)


def shouting(sockets: Sockets) -> None:
    sockets.notice_rules.append(lambda text: [text] * FLOOD)


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ("A12", silent),
        ("A13", Sockets.go_deaf),
        ("A11", Sockets.drop),
        ("A14", repeating),
        pytest.param("A15", shouting, marks=pytest.mark.slow),
    ],
)
async def test_a_socket_that_fails_blinds_nobody(
    trial: Trial, met: Met, case: str, fault: Callable[[Sockets], object]
) -> None:
    sockets = trial.proxy.sockets
    played = await trial.opened()
    await until(lambda: sockets.open, "the daemon listens")
    before = trial.proxy.injected.total()
    fault(sockets)
    try:
        await trial.crash()
        for _ in range(3):
            await trial.block()
        await trial.live(played)
    finally:
        sockets.notice_rules.clear()
        sockets.hear_again()
    met(case, trial.proxy.injected.total() - before)

    await trial.sound(played)
    await trial.calm()
    await until(lambda: sockets.open, "the daemon listens again")
