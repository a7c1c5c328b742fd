"""The fault matrix is true: every test that it names exists, and no case of the gate is without one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.faults.matrix import MATRIX

CASES = {"A": 16, "B": 23, "C": 17, "D": 15, "E": 21, "F": 12, "G": 5, "H": 10, "J": 11, "K": 6, "M": 8}


def test_the_matrix_has_all_its_cases() -> None:
    assert CASES == dict(Counter(case.id[0] for case in MATRIX))
    assert [] == [case.id for case in MATRIX if not case.what]


def test_every_test_that_it_names_exists(root: Path) -> None:
    missing = [
        f"{case.id}: {test}" for case in MATRIX for test in case.tests if not _exists(root, *test.split("::"))
    ]

    assert [] == missing


def test_every_case_of_the_gate_is_injected_by_a_test_that_is_not_slow(root: Path) -> None:
    gate = [case for case in MATRIX if case.gate]

    assert 74 == len(gate)
    assert [] == [case.id for case in gate if not case.tests]


def test_a_case_without_a_test_says_why() -> None:
    assert [] == [case.id for case in MATRIX if not case.tests and not case.why]


def _exists(root: Path, path: str, name: str) -> bool:
    file = root / path
    return (
        file.exists() and re.search(rf"^\s*(async )?def {name}\(", file.read_text(), re.MULTILINE) is not None
    )
