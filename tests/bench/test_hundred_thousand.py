"""100,000 accounts on four chains in one process, beside 10,000: what grows with them, and what does not.

Run by `make bench`; four minutes or more. Each size has a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keeper.runtime.engine import REFRESHED
from tests.bench.four_chains import FRAGILE
from tests.bench.one_process import CHANGED, KINDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]
SIZES = (10_000, 100_000)
MIB = 2**20
ROOT = Path(__file__).parents[2]


def line(text: str) -> None:
    print(f"  {text}")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """Both sizes, each measured by a process of its own."""
    return {size: its_own(size, tmp_path_factory.mktemp(str(size))) for size in SIZES}


def its_own(size: int, directory: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.one_process", str(size), str(directory)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=ROOT))
    return found


def test_the_book(measured: dict[int, dict[str, Any]]) -> None:
    for size, its in measured.items():
        filling = its["filling"]
        line(
            f"{size:>9,} accounts with {its['legs']:,} legs on four chains: {filling['events']:,} events read in"
            f" {filling['seconds']:.1f} s, {filling['events'] / filling['seconds']:,.0f} a second, no update longer than"
            f" {1e3 * filling['slowest_update_s']:.0f} ms; {filling['bytes'] / size:,.0f} bytes of memory an account"
        )
        assert its["legs"] == 5 * size // 2
        assert its["legs"] < filling["events"]


def test_memory_and_file(measured: dict[int, dict[str, Any]]) -> None:
    for size, its in measured.items():
        bare = its["filling"]["bare_bytes"]
        settled, peak = its["settled_bytes"] - bare, its["peak_bytes"] - bare
        line(
            f"{size:>9,} accounts: RSS {its['settled_bytes'] / MIB:,.0f} MiB, at its peak {its['peak_bytes'] / MIB:,.0f}"
            f" ({settled / size:,.0f} and {peak / size:,.0f} bytes an account); the log's file"
            f" {its['file_bytes'] / MIB:,.0f} MiB ({its['file_bytes'] / size:,.0f} bytes an account);"
            f" {its['dropped']:,} observations dropped, {its['passes']} full passes"
        )
        assert settled / size < 50_000


def test_evaluations(measured: dict[int, dict[str, Any]]) -> None:
    small, large = (measured[size]["costs"] for size in SIZES)
    for kind, title in KINDS.items():
        few, many = small[kind], large[kind]
        line(
            f"{title:<44} {1e3 * few['seconds']:>9,.1f} ms at {SIZES[0]:,}, {1e3 * many['seconds']:>9,.1f} ms at"
            f" {SIZES[1]:,} ({many['seconds'] / few['seconds']:4.1f} x), the slowest {1e3 * many['slowest_s']:,.0f} ms, others waited"
            f" {1e3 * many['stall_s']:,.0f} ms at most; {many['passes']} full passes, {many['exact']:,} exactly evaluated, {many['decisions']:,} decisions, {many['plans']:,} plans,"
            f" {many['sent']:,} sent, {many['journal_rows']:,} entries, {many['file_rows']:,} rows"
        )

    assert SIZES[1] == large["everybody"]["exact"] == large["everybody"]["decisions"]
    for kind in ("head", "price"):
        assert [REFRESHED, 0, 0] == [large[kind][its] for its in ("exact", "decisions", "journal_rows")]
    assert [FRAGILE, FRAGILE] == [large["fall"][its] for its in ("decisions", "plans")]
    for kind in ("changed", "after"):
        assert [CHANGED + REFRESHED, 0] == [large[kind][its] for its in ("exact", "decisions")]
    for kind in KINDS:
        if kind != "everybody":
            assert small[kind]["exact"] == large[kind]["exact"], kind
            assert large[kind]["seconds"] < 10 * small[kind]["seconds"], kind
