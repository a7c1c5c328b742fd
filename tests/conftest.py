"""What every test runs under: property tests without a clock, and nothing of the caller's environment."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.faults.report import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# A shared or slow machine must not turn a property into a flake; how many examples is a choice of the run.
settings.register_profile(
    "default",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "60")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what would change the behaviour of the code under test from outside."""
    for name in tuple(os.environ):
        if name.startswith(("KEEPER_", "WEB3_")) and name != "KEEPER_CI_MARK":
            monkeypatch.delenv(name)
