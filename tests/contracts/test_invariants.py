"""The hub under arbitrary use keeps its books."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.hub_machine import HubMachine
from tests.contracts.scene import Scene


def play(scene: Scene, examples: int, steps: int) -> None:
    machine = type("HubMachineOfScene", (HubMachine,), {"scene": scene})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_books_balance_whatever_is_done(scene: Scene) -> None:
    play(scene, examples=25, steps=30)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_the_books_balance_in_a_long_run(scene: Scene) -> None:
    play(scene, examples=400, steps=60)
