"""The table at the end of a run: each case of the fault matrix that was tried, how often its fault was met, and how it ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.faults.matrix import MATRIX, Case

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"


@dataclass
class Tried:
    """What became of one case in a run."""

    met: int = 0
    ended: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{number} {end}" for end, number in sorted(self.ended.items()))


def tried(reports: list[pytest.TestReport]) -> dict[str, Tried]:
    """Return what became of each case, by id. A test that does not say how often its fault was met met it once."""
    cases_of: dict[str, list[Case]] = {}
    for case in MATRIX:
        for test in case.tests:
            cases_of.setdefault(test, []).append(case)
    found: dict[str, Tried] = {}
    for report in reports:
        told = {
            name.removeprefix("case "): int(str(times))
            for name, times in report.user_properties
            if name.startswith("case ")
        }
        named = told or {case.id: 1 for case in cases_of.get(report.nodeid.split("[")[0], [])}
        for case_id, times in named.items():
            one = found.setdefault(case_id, Tried())
            one.met += times
            one.ended[{"passed": PASSED, "failed": FAILED}.get(report.outcome, SKIPPED)] += 1
    return found


def lines(found: dict[str, Tried]) -> list[str]:
    """Return the table, in the matrix's order, and what was not tried."""
    rows = [
        f"{case.id:<4} {'gate' if case.gate else '':<5} {found[case.id].met:>9,} x  {found[case.id]!s:<22} {case.what}"
        for case in MATRIX
        if case.id in found
    ]
    gate = [case for case in MATRIX if case.gate]
    missed = [case.id for case in gate if case.id not in found]
    uncovered = [case.id for case in MATRIX if not case.tests]
    rows.append(
        f"the gate: {len(gate) - len(missed)} of {len(gate)} tried"
        + (f", not {', '.join(missed)}" if missed else "")
    )
    rows.append(
        f"the whole matrix: {len(rows) - 1} of {len(MATRIX)} tried; without a test: {', '.join(uncovered) or 'none'}"
    )
    return rows


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table after a run in which trials took part."""
    stats = terminalreporter.stats
    reports = [
        report
        for outcome in ("passed", "failed", "error")
        for report in stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and (report.when == "call" or report.outcome != "passed")
    ]
    if not any(report.nodeid.startswith("tests/faults/") for report in reports):
        return
    terminalreporter.section("the fault matrix")
    for line in lines(tried(reports)):
        terminalreporter.write_line(line)
