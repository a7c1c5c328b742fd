"""Hundreds of seeds: nothing that must never happen happens, and what should be reached is reached.

To look at one seed: ``python -m tests.simulation.story SEED``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import structlog

from keeper.planner.decide import replay
from keeper.views.audit.whole import audit
from tests.simulation.aftermath import told_by_the_log, twice_mined
from tests.simulation.story import Told, play

SEEDS = range(200)
MORE_SEEDS = range(1_000, 4_000)

SOMETIMES = (
    "ClaimOpened",
    "ClaimPaid",
    "PositionSet",
    "BadDebtRecorded",
    "a cancel lost its race",
    "a cancel won",
    "a chain fell silent",
    "a gap was filled",
    "a mined step lost its block",
    "a nonce was lost to another",
    "a pool forgot transactions",
    "a quorum was short",
    "a receipt was hidden for long",
    "a reorganisation of a mined liquidation",
    "a replacement was mined",
    "a source lied",
    "a step reverted",
    "an account was at risk",
    "an account was bankrupt",
    "an account was unknown",
    "an owner topped up",
    "gas grew dear",
    "killed at a crash point",
    "killed with live intents",
    "sent again",
    "the disk was full",
    "the key was used elsewhere",
    "the log came back",
)
"""What a few hundred seeds have to have met, or they prove less than they seem to."""


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def lived_through(seeds: Iterable[int], directory: Path) -> tuple[Counter[str], list[str]]:
    """Play seeds; return in how many each thing was seen, and what went wrong with the words to look at it again."""
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in seeds:
        told = play(seed, directory)
        seen.update({what for what, times in told.seen.items() if times})
        seen.update({what for what, times in told_by_the_log(told.path).items() if times})
        wrong += [f"python -m tests.simulation.story {seed}: {what}" for what in faults(told)]
        told.path.unlink()
    return seen, wrong


def faults(told: Told) -> list[str]:
    """Return everything about a seed that must not be."""
    failed = [finding for finding in audit(told.path, replay) if not finding.holds]
    return [
        *told.violations,
        *(f"{intent} was mined twice" for intent in twice_mined(told.path)),
        *(f"{finding.name}: {finding.failures[:1]}" for finding in failed),
    ]


@pytest.mark.timeout(900)
def test_hundreds_of_seeds_hold_and_reach_what_they_should(tmp_path: Path) -> None:
    seen, wrong = lived_through(SEEDS, tmp_path)

    assert [] == wrong
    assert [] == [what for what in SOMETIMES if not seen[what]]


def test_a_seed_tells_the_same_story_every_time(tmp_path: Path) -> None:
    first, again = play(7, tmp_path / "a"), play(7, tmp_path / "b")

    assert first.trace == again.trace
    assert first.seen == again.seen


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_thousands_of_seeds_hold(tmp_path: Path) -> None:
    seen, wrong = lived_through(MORE_SEEDS, tmp_path)

    print(f"{len(MORE_SEEDS)} seeds:", dict(sorted(seen.items())))
    assert [] == wrong
