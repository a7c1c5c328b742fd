"""A log in a directory of its own, with a clock that moves by one millisecond a look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from keeper.state import fault_points
from keeper.state.log import StateLog
from keeper.state.options import LogOptions

FAST = LogOptions(flush_interval_s=0.005, retry_interval_s=0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def now_ms() -> Callable[[], int]:
    ticks = count(1_700_000_000_000)
    return lambda: next(ticks)


@pytest.fixture
async def log(path: Path, now_ms: Callable[[], int]) -> AsyncIterator[StateLog]:
    log = StateLog.open(path, "live", now_ms, options=FAST)
    yield log
    await log.close()


@pytest.fixture(autouse=True)
def _no_faults_left() -> Iterator[None]:
    yield
    fault_points.clear()
