"""What a trial tells the report: which case it tried, and how often its fault was met."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Met = Callable[[str, int], None]


@pytest.fixture
def met(record_property: Callable[[str, object], None]) -> Met:
    """Note that a case's fault was met so many times; never once is a test that tested nothing."""

    def note(case: str, times: int) -> None:
        assert times > 0, f"{case}: the fault was never met"
        record_property(f"case {case}", times)

    return note
