"""Telling systemd how it goes (sd_notify): ready, stopping, and alive as long as work gets done.

The watchdog is fed by progress and not by a timer alone: a process whose loop still turns but whose
engine no longer takes changes up is as dead as one that hangs, and is restarted. Without a service
manager (``NOTIFY_SOCKET`` is not set) all of this does nothing.

The protocol is one datagram of ``KEY=value`` lines to a local socket, systemd's sd_notify(3).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import structlog

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"

log = structlog.get_logger()


class ServiceManager:
    """The service manager of this process, if it has one. Never raises for what the manager does."""

    def __init__(self, address: str, watchdog_s: float | None) -> None:
        """`address` is a path or an abstract name (``@...``), empty for none; `watchdog_s` how long it waits for a sign."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def of_this_process(cls) -> ServiceManager:
        """Return what the environment names, and take it out: a child must not speak for this process."""
        address = os.environ.pop("NOTIFY_SOCKET", "")
        watched, microseconds = os.environ.pop("WATCHDOG_PID", ""), os.environ.pop("WATCHDOG_USEC", "")
        is_ours = watched in {"", str(os.getpid())} and microseconds.isdecimal()
        return cls(address, int(microseconds) / 1e6 if is_ours and int(microseconds) else None)

    def tell(self, message: str) -> None:
        """Send one message."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("service_manager_not_told", message=message, error=type(error).__name__)

    async def feed(self, is_moving: Callable[[], bool]) -> None:
        """Give a sign of life three times per watchdog interval while `is_moving`; a supervisor's child."""
        while True:
            if self.watchdog_s is None or not self._address:
                await asyncio.Event().wait()
            else:
                if is_moving():
                    self.tell(ALIVE)
                else:
                    log.error("watchdog_not_fed", advice="the engine takes no changes up: expect a restart")
                await asyncio.sleep(self.watchdog_s / 3)


class Motion:
    """Whether work gets done: what waits is taken up, or nothing waits. Ask it once per interval."""

    def __init__(self, done: Callable[[], int], waits: Callable[[], bool]) -> None:
        self._done = done
        self._waits = waits
        self._before = -1

    def __call__(self) -> bool:
        """Return whether something was done since the last call, or there is nothing to do."""
        before, self._before = self._before, self._done()
        return self._before != before or not self._waits()
