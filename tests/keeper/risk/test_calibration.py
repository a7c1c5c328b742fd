"""Of the accounts that are given ten percent, about one in ten falls."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest

from keeper.risk.arrays import Floats
from tests.keeper.risk.forecasts import brier, forecasts, reliability

Scores: TypeAlias = tuple[Floats, Floats, Floats]
"""What was said of any time, what of the end, and what happened; a line per account and world."""


@pytest.fixture(scope="module")
def scored() -> Scores:
    found = forecasts(worlds=110, each=12, seed=1, paths=100)
    return (
        np.array([its.any_time for its in found]),
        np.array([its.at_the_end for its in found]),
        np.array([float(its.breached) for its in found]),
    )


def test_forecasts_are_reliable(scored: Scores) -> None:
    said, _, happened = scored

    assert pytest.approx(happened.mean(), rel=0.15) == said.mean()
    for low, high, count, mean, share in reliability(said, happened):
        # Accounts of one world fall together: the noise is that of fewer than `count` independent ones.
        noise = np.sqrt(max(mean * (1 - mean), 1e-4) / count) * 2
        assert abs(share - mean) < 3 * noise + 0.01, (low, high, count, mean, share)


def test_the_figure_at_the_end_understates_about_twofold(scored: Scores) -> None:
    said, at_the_end, happened = scored
    unlikely = said < 0.5

    assert 1.5 < happened[unlikely].mean() / at_the_end[unlikely].mean() < 2.7


def test_the_brier_score_beats_the_base_rate_and_the_end_of_the_horizon(scored: Scores) -> None:
    said, at_the_end, happened = scored

    assert brier(said, happened) < 0.7 * brier(np.full_like(said, happened.mean()), happened)
    assert brier(said, happened) < brier(at_the_end, happened)
