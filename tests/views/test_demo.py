"""The demo as a newcomer meets it: real chains, the daemon and three attestors as processes, and an honest exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from keeper.views.exits import ExitCode

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.demo, pytest.mark.chain, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "flags", [(), ("--kill",), ("--chaos",), ("--venues",), ("--venues", "--kill")], ids=" ".join
)
def test_the_demo_holds_also_with_a_kill_with_faults_and_with_protocols_of_others(
    flags: tuple[str, ...],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "keeper", "demo", "--json", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    told = json.loads(done.stdout)
    assert [] == [check["check"] for check in told["checks"] if not check["held"]], done.stderr
    assert (ExitCode.FINE, True) == (done.returncode, told["held"])
