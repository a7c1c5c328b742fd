"""However the demo ends, nothing of it stays: no node, no daemon, and no key when it had the time to clean up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keeper.views.exits import ExitCode

ROOT = Path(__file__).parents[3]
STARTED_S = 60.0
GONE_S = 20.0
PROCESSES = 7
"""Three nodes, three attestors, the daemon."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.demo,
    pytest.mark.chain,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"),
]


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], set[int]]]:
    """Start the demo with all its files in `folder`, and wait until all of its processes are there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keeper", "demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + STARTED_S
        while len(children := children_of(process.pid)) < PROCESSES:
            assert process.poll() is None, "it ended before it had begun"
            assert time.monotonic() < deadline_s, f"only {len(children)} processes"
            time.sleep(0.1)
        yield process, children
    finally:
        process.kill()
        process.wait()


def parent_of(pid: int) -> int | None:
    """The parent's id; None for a process that has ended."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)


def children_of(pid: int) -> set[int]:
    return {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and parent_of(int(entry.name)) == pid
    }


def left_after_a_while(pids: set[int]) -> set[int]:
    deadline_s = time.monotonic() + GONE_S
    while (left := {pid for pid in pids if parent_of(pid) is not None}) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_asked_to_stop_takes_everything_down(tmp_path: Path, number: signal.Signals) -> None:
    with running_demo(tmp_path) as (process, children):
        process.send_signal(number)
        code = process.wait(GONE_S)

    assert ExitCode.PERSON == code
    assert set() == left_after_a_while(children)
    assert [] == list(tmp_path.iterdir())


def test_a_demo_that_is_killed_takes_its_processes_with_it(tmp_path: Path) -> None:
    with running_demo(tmp_path) as (process, children):
        process.kill()
        process.wait()

        assert set() == left_after_a_while(children)


def test_keys_are_only_their_owners_to_read_and_never_in_what_is_shown(tmp_path: Path) -> None:
    with running_demo(tmp_path) as (process, _):
        keys = sorted(tmp_path.glob("*/*.key"))
        secrets = [path.read_text() for path in keys]
        told = [path.read_bytes() for path in tmp_path.glob("*/*") if path.suffix in {".log", ".toml", ".db"}]
        modes = {path.stat().st_mode & 0o777 for path in keys}
        process.send_signal(signal.SIGTERM)
        process.wait(GONE_S)

    assert 4 == len(set(secrets))
    assert {0o600} == modes
    assert told
    assert not [secret for secret in secrets for text in told if secret.encode() in text]
