"""What systemd is told, over a real socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from keeper.runtime.service_manager import ALIVE, READY, Motion, ServiceManager


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        yield bound


def test_it_is_told_over_its_socket(channel: socket.socket) -> None:
    ServiceManager(channel.getsockname(), None).tell(READY)

    assert b"READY=1" == channel.recv(100)


def test_it_may_have_an_abstract_name() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        name = f"keeper-{os.getpid()}"
        bound.bind("\0" + name)
        bound.settimeout(5)
        ServiceManager("@" + name, None).tell(READY)

        assert b"READY=1" == bound.recv(100)


def test_a_manager_that_is_gone_or_never_was_is_no_failure(tmp_path: Path) -> None:
    ServiceManager(str(tmp_path / "gone"), None).tell(READY)
    ServiceManager("", None).tell(READY)


def test_the_environment_names_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))

    assert 30 == ServiceManager.of_this_process().watchdog_s
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)


@pytest.mark.parametrize(("pid", "microseconds"), [("1", "30000000"), ("", "0"), ("", "-1"), ("", "soon")])
def test_a_watchdog_of_others_is_not_fed(
    monkeypatch: pytest.MonkeyPatch, pid: str, microseconds: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid)

    assert ServiceManager.of_this_process().watchdog_s is None


async def test_the_watchdog_is_fed_while_work_gets_done_and_not_when_it_waits(channel: socket.socket) -> None:
    done, waits = 0, True
    manager = ServiceManager(channel.getsockname(), 0.03)
    asked = 0
    thrice = asyncio.Event()

    def moving() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            thrice.set()
        return motion()

    motion = Motion(lambda: done, lambda: waits)
    feeding = asyncio.create_task(manager.feed(moving))
    assert ALIVE.encode() == await asyncio.to_thread(channel.recv, 100)
    asked = 0
    async with asyncio.timeout(5):
        await thrice.wait()
    channel.setblocking(False)
    with pytest.raises(BlockingIOError):
        channel.recv(100)
    channel.settimeout(5)
    done = 1
    assert ALIVE.encode() == await asyncio.to_thread(channel.recv, 100)
    feeding.cancel()
    await asyncio.wait([feeding])


def test_with_nothing_to_do_all_is_well() -> None:
    motion = Motion(lambda: 7, lambda: False)

    assert [True, True, True] == [motion() for _ in range(3)]
