"""The fault matrix is true: every test that it names exists, and no case of the gate is without one."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults.matrix import MATRIX

CASES = {"A": 16, "B": 23, "C": 17, "D": 15, "E": 21, "F": 12, "G": 5, "H": 10, "J": 11, "K": 6, "M": 8}


def test_the_matrix_has_all_its_cases() -> None:
    assert CASES == dict(Counter(case.id[0] for case in MATRIX))
    assert [] == [case.id for case in MATRIX if not case.what]


def test_every_test_that_it_names_exists(root: Path) -> None:
    named = {(case.id, test) for case in MATRIX for test in case.tests}
    there = {path: set(_tests(root / path, path)) for path in {test.split("::")[0] for _, test in named}}

    assert [] == sorted(each for each in named if each[1] not in there[each[1].split("::")[0]])


def test_every_case_of_the_gate_is_injected_by_a_test_that_is_not_slow(root: Path) -> None:
    gate = [case for case in MATRIX if case.gate]

    assert 74 == len(gate)
    assert [] == [case.id for case in gate if not case.tests]


def test_a_case_without_a_test_says_why() -> None:
    assert [] == [case.id for case in MATRIX if not case.tests and not case.why]


def _tests(file: Path, path: str) -> Iterator[str]:
    """Yield the node ids of a file's tests, without their parameters."""
    for each in ast.parse(file.read_text()).body:
        its = each.body if isinstance(each, ast.ClassDef) else [each]
        scope = f"{path}::{each.name}" if isinstance(each, ast.ClassDef) else path
        yield from (
            f"{scope}::{one.name}" for one in its if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        )
