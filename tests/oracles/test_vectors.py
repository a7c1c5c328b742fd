"""Every published vector is accounted for: adopted and passing, different on purpose, or not asked here."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.oracles.vectors.checks import CHECKS

HERE = Path(__file__).parent / "vectors"
VECTORS: list[dict[str, Any]] = [
    json.loads(line) for line in (HERE / "oracle.jsonl").read_text().splitlines()
]
ASKED = [vector for vector in VECTORS if "check" in vector]
TABLE = (HERE / "README.md").read_text()


def named(vector: dict[str, Any]) -> str:
    return f"{vector['n']}-{vector['system'].rpartition('/')[2]}-{vector['category']}".replace(" ", "-")


def rows(text: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^\| ([a-z_-]+) \| (\d+) \|", text, re.MULTILINE)}


@pytest.mark.parametrize("vector", ASKED, ids=named)
def test_a_vector_gives_what_is_written_beside_it(vector: dict[str, Any]) -> None:
    assert vector["expected"] == json.loads(json.dumps(CHECKS[vector["check"]](vector["given"])))


def test_all_274_are_here_once_in_their_order() -> None:
    assert list(range(274)) == [vector["n"] for vector in VECTORS]


def test_each_has_a_verdict_and_what_it_needs() -> None:
    needs = {
        "adopted": {"check", "given", "expected"},
        "differs": {"check", "given", "expected", "theirs", "why"},
        "not_ours": {"why"},
    }
    for vector in VECTORS:
        assert {"n", "system", "category", "verdict"} | needs[vector["verdict"]] == vector.keys()


def test_what_differs_does_differ() -> None:
    assert all(vector["expected"] != vector["theirs"] for vector in VECTORS if vector["verdict"] == "differs")


@pytest.mark.parametrize(
    ("verdict", "heading"), [("differs", "## Where we differ"), ("not_ours", "## Whose the rest is")]
)
def test_the_table_counts_each_reason(verdict: str, heading: str) -> None:
    reasons = Counter(vector["why"] for vector in VECTORS if vector["verdict"] == verdict)
    assert dict(sorted(reasons.items())) == rows(TABLE.partition(heading)[2].partition("\n## ")[0])


def test_the_table_counts_each_verdict() -> None:
    verdicts = Counter(vector["verdict"] for vector in VECTORS)
    assert dict(verdicts) == rows(TABLE.partition("\n## ")[0])


def test_every_check_is_asked() -> None:
    assert set(CHECKS) == {vector["check"] for vector in ASKED}
