"""The table of other engines' figures adds up, and the tests that it names exist."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).parent / "vectors" / "README.md").read_text().splitlines()
    if re.match(r"\| [^|]+ \| [^|]+ \| \d+ \|", line)
]


def test_every_figure_is_accounted_for() -> None:
    verdicts = Counter[str]()
    for _, _, count, verdict, _ in ROWS:
        verdicts[verdict] += int(count)

    assert 290 == verdicts.total()
    assert {"ours", "no"} == set(verdicts)


def test_what_is_ours_is_shown_by_the_test_that_is_named() -> None:
    missing = []
    for _, _, _, verdict, where in ROWS:
        if verdict == "ours":
            file, _, name = where.strip("`").partition("::")
            path = TESTS / file if file.startswith("chains/") else TESTS / "keeper" / file
            if not path.is_file() or f"def {name}(" not in path.read_text():
                missing.append(where)

    assert [] == missing
