"""Long-lived tasks: restarted one by one, stopped together, and a return is a failure."""

from __future__ import annotations

import asyncio

import pytest

from keeper.runtime import supervisor as module
from keeper.runtime.supervisor import Fatal, Supervisor


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.001)


async def test_a_child_that_raises_is_started_again_and_the_other_goes_on() -> None:
    failures: list[str] = []
    group = Supervisor(lambda name, _error: failures.append(name))
    starts = 0

    async def unlucky() -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError("once more")
        group.stop()
        await asyncio.Event().wait()

    steady_starts = 0

    async def steady() -> None:
        nonlocal steady_starts
        steady_starts += 1
        await asyncio.Event().wait()

    group.start("unlucky", unlucky)
    group.start("steady", steady)
    await group.wait()

    assert (3, 1) == (starts, steady_starts)
    assert ["unlucky", "unlucky"] == failures


async def test_a_child_that_returns_has_failed() -> None:
    failures: list[tuple[str, BaseException | None]] = []
    group = Supervisor(lambda name, error: failures.append((name, error)))
    starts = 0

    async def returns() -> None:
        nonlocal starts
        starts += 1
        if starts == 2:
            group.stop()
            await asyncio.Event().wait()

    group.start("returns", returns)
    await group.wait()

    assert [("returns", None)] == failures


async def test_a_fatal_error_stops_every_child_and_is_raised() -> None:
    group = Supervisor(lambda _name, _error: None)
    ended = asyncio.Event()

    async def bystander() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fatal() -> None:
        await asyncio.sleep(0)
        raise Fatal("a person is needed")

    group.start("bystander", bystander)
    group.start("fatal", fatal)

    with pytest.raises(Fatal, match="a person"):
        await group.wait()
    assert ended.is_set()
