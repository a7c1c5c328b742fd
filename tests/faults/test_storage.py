"""A log that can not be written: sending stops within one turn, and goes on once there is room again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from keeper.state.errors import LogUnavailable
from keeper.state.log import StateLog
from keeper.state.store import Store
from tests.end_to_end.inside import Inside
from tests.end_to_end.stage import until
from tests.faults.conftest import Met
from tests.faults.trial import Trial

pytestmark = [pytest.mark.chain, pytest.mark.asyncio(loop_scope="module")]
PLENTY = 1_000_000
WRITES, MORE_WRITES = 5, 25
"""From a crash to the last final row there are fewer commits than these together."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Trial, Inside]]:
    directory = tmp_path_factory.mktemp("storage")
    async with Trial.standing(directory, ("gamma", 31_178)) as trial, trial.daemon() as inside:
        yield trial, inside


def log_of(inside: Inside) -> StateLog:
    assert inside.engine is not None
    return inside.engine._log


def store_of(inside: Inside) -> Store:
    return log_of(inside)._writer._store


async def test_f1_on_a_full_disk_nothing_is_sent_until_there_is_room(
    running: tuple[Trial, Inside], met: Met
) -> None:
    trial, inside = running
    log, connection = log_of(inside), store_of(inside)._connection
    played = await trial.opened()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    sent = len(trial.proxy.sent_raw)
    try:
        # Sources move the whole time, and each price is written down: soon there is no page left.
        for eth in range(1_990, 1_950, -1):
            await trial.stage.move({"ETH": str(eth)})
            await trial.block(unseen=True)
            if not log.available:
                break
        await until(lambda: not log.available, "the disk is full")
        await trial.crash()
        for _ in range(3):
            await trial.block(unseen=True)
        await trial.looked_at()
        assert sent == len(trial.proxy.sent_raw)
        met("F1", 1)
    finally:
        connection.execute(f"PRAGMA max_page_count = {PLENTY}")
    await until(lambda: log.available, "there is room again")

    await trial.over(played)


class Failing:
    """Fails the n-th commit of durable entries from now on, and that alone."""

    def __init__(self, store: Store, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n = n
        self.seen = 0
        self.met = 0
        self._write = store.write_durable
        monkeypatch.setattr(store, "write_durable", self)

    def __call__(self, entries: Sequence[Sequence[object]]) -> object:
        self.seen += 1
        if self.seen == self.n:
            self.met += 1
            raise LogUnavailable("database or disk is full")
        return self._write(entries)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "n",
    [
        *range(1, WRITES + 1),
        *(pytest.param(n, marks=pytest.mark.slow) for n in range(WRITES + 1, MORE_WRITES + 1)),
    ],
)
async def test_f2_f3_a_write_that_fails_stops_sending_whichever_it_is(
    running: tuple[Trial, Inside], met: Met, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    trial, inside = running
    played = await trial.opened()
    failing = Failing(store_of(inside), n, monkeypatch)
    await trial.crash()
    await trial.live(played)
    while not failing.met and failing.seen < n:
        await trial.block()
    met("F2", failing.met)
    met("F3", failing.met)

    await trial.sound(played)
    await trial.calm()
    monkeypatch.undo()
