"""Linear programs in fixed point against another solver."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.optimize import linprog

from keeper.planner.simplex import ONE, Row, least


def fixed(value: float) -> int:
    return int(value * ONE)


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_the_least_cost_is_another_solvers(first: int) -> None:
    for seed in range(first, first + 50):
        source = random.Random(seed)
        width = source.randrange(1, 25)
        costs = [source.choice((0.0, source.random())) for _ in range(width)]
        matrix, most = [], []
        for _ in range(source.randrange(1, 8)):
            sign = source.choice(((-1,), (1,), (-1, 1)))
            matrix.append(
                [source.choice(sign) * source.random() * (source.random() < 0.6) for _ in range(width)]
            )
            most.append(source.uniform(-0.2, 0.2) * width * source.random())
        lows = [source.choice((0.0, 0.0, source.random() / 2)) for _ in range(width)]
        highs = [source.choice((1.0, max(low, source.random()), low)) for low in lows]

        found = least(
            [fixed(cost) for cost in costs],
            [Row(tuple(map(fixed, row)), fixed(its)) for row, its in zip(matrix, most, strict=True)],
            [fixed(low) for low in lows],
            [fixed(high) for high in highs],
        )
        theirs = linprog(
            costs,
            A_ub=np.array(matrix),
            b_ub=most,
            bounds=list(zip(lows, highs, strict=True)),
            method="highs",
        )

        assert (theirs.status == 0) == (found is not None)
        if found is not None:
            assert found.cost / ONE == pytest.approx(theirs.fun, abs=1e-7)
            assert all(low - 1e-9 <= its / ONE for low, its in zip(lows, found.values, strict=True))
            assert all(its / ONE <= high + 1e-9 for high, its in zip(highs, found.values, strict=True))


def test_a_single_row_is_filled_by_the_cheapest_columns_first() -> None:
    found = least(
        [fixed(0.3), fixed(0.1), fixed(0.2)], [Row((-ONE, -ONE, -ONE), -fixed(1.5))], [0] * 3, [ONE] * 3
    )

    assert found is not None
    assert (0, ONE, ONE // 2) == found.values


def test_what_can_not_be_kept_has_no_answer() -> None:
    assert least([0], [Row((-ONE,), -2 * ONE)], [0], [ONE]) is None
