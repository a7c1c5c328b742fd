"""What the demo reads of the daemon's log: nothing is taken for an absence that is not one."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from keeper.demo.watching import Log, until
from keeper.state.errors import StateLogError
from keeper.state.log import StateLog


@pytest_asyncio.fixture
async def made_log(tmp_path: Path) -> Path:
    """Return an empty log as a daemon leaves it that has just begun."""
    path = tmp_path / "keeper.db"
    async with StateLog.open(path, "live", lambda: 1_000):
        pass
    return path


def test_before_there_is_a_log_there_is_nothing_to_see(tmp_path: Path) -> None:
    log = Log(tmp_path / "keeper.db")

    assert {} == log.decided()
    assert 0 == log.live_intents()


def test_a_log_that_can_no_longer_be_read_is_not_an_empty_one(made_log: Path) -> None:
    log = Log(made_log)
    assert set() == log.liquidated()

    made_log.write_bytes(b"not a database at all" * 100)

    with pytest.raises(StateLogError):
        log.liquidated()


async def test_every_question_is_one_that_the_log_can_answer(made_log: Path) -> None:
    log = Log(made_log)

    assert [] == log.left_out("coinbase", 0)
    assert set() == log.evaluated_since(0) == log.noticed_since(0) == log.liquidated()
    assert (0, 0, 0, 0, "") == (
        log.decisions(),
        log.notices(),
        log.open_claims(),
        log.live_intents(),
        log.why_unknown(),
    )


async def test_waiting_ends_when_it_holds_or_when_the_time_is_over() -> None:
    looks: list[int] = []

    assert await until(lambda: len(looks) > 1, 5.0, lambda: looks.append(1))
    assert not await until(lambda: False, 0.0)
    assert 2 == len(looks)
