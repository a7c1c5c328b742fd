"""A node's operating-system process: tied to its parent's life, and shown to be the one that listens."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Looked up before any fork: a child of a process with threads must not have to load a library.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_LISTENING = "0A"
_GIVEN: set[int] = set()
_HALT_TIMEOUT_S = 2.0


def spawn(command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a process that writes to `output` and, on Linux, is killed by the kernel when its parent dies.

    The kernel counts the thread that calls this as the parent, so that must be one that lives as
    long as the process is wanted: the main thread, where event loops run. In a session of its own it
    does not get the terminal's Ctrl-C, which is the parent's to handle.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        if _PRCTL is not None:
            _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the tie was made
            os._exit(1)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=tie_to_parent,  # noqa: PLW1509 - two system calls, nothing that takes a lock
    )


def halt(pid: int) -> None:
    """Stop a child and return once all its threads stand still. Raises ``TimeoutError`` if they do not.

    The signal alone returns sooner, and the child may still answer what it is asked right after it.
    """
    os.kill(pid, signal.SIGSTOP)
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return
    deadline_s = time.monotonic() + _HALT_TIMEOUT_S
    while os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"process {pid} does not stand still")
        time.sleep(0.000_5)


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago, and that was not given out before.

    A port is free again as soon as it has been looked at, so the kernel may well name the same one twice.
    """
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


def listens(pid: int, port: int) -> bool:
    """Whether this very process listens on the loopback port. Where it can not be known (not Linux): True."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        return True
    local = f"0100007F:{port:04X}"
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    inodes = {f"socket:[{row[9]}]" for row in rows if row[1] == local and row[3] == _LISTENING}
    try:
        return any(_target(entry) in inodes for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed while we looked
        return ""
