"""The hub under arbitrary use keeps its books, and so does its option desk."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.contracts.hub_machine import HubMachine
from tests.contracts.option_machine import OptionMachine
from tests.contracts.option_scene import OptionScene
from tests.contracts.scene import Scene


def play(
    scene: Scene | OptionScene, examples: int, steps: int, kind: type[RuleBasedStateMachine] = HubMachine
) -> None:
    machine = type("MachineOfScene", (kind,), {"scene": scene})
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


def test_options_are_booked_whatever_is_done(options: OptionScene) -> None:
    play(options, examples=20, steps=30, kind=OptionMachine)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_options_are_booked_in_a_long_run(options: OptionScene) -> None:
    play(options, examples=300, steps=60, kind=OptionMachine)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_the_books_balance_in_a_long_run(scene: Scene) -> None:
    play(scene, examples=400, steps=60)
