"""Whom of several nodes to believe: never the highest alone, never the smaller part, and in a draw nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.agreement import LAG_LIMIT_BLOCKS, in_step, vote
from chains.blocks import Head

NOW_S = 1_800_000_000
BLOCK_TIME_S = 2.0


def head(number: int, age_s: int = 0) -> Head:
    return Head("alpha", number, f"0x{number:064x}", "0x", NOW_S - age_s, 0)


@pytest.mark.parametrize(
    ("heads", "reference", "behind", "ahead"),
    [
        ([head(100)], 100, set(), set()),
        ([head(100), head(98)], 100, set(), set()),
        ([head(100), head(80, age_s=40)], 100, {1}, set()),  # it stopped 40 s ago
        ([head(1_000_000), head(100)], 100, set(), {0}),  # no chain makes that many in no time
        ([head(1_000_000), head(100, age_s=40)], 100, set(), {0}),
        ([head(1_000_000), head(100), head(99)], 100, set(), {0}),
        ([head(1_000_000), head(100), head(60, age_s=80)], 100, {2}, {0}),
        ([head(100), head(60, age_s=80), head(60, age_s=80)], 100, {1, 2}, set()),
    ],
)
def test_who_is_in_step(heads: list[Head], reference: int, behind: set[int], ahead: set[int]) -> None:
    found = in_step(dict(enumerate(heads)), BLOCK_TIME_S, NOW_S)

    assert (reference, behind, ahead) == (found.reference, set(found.behind), set(found.ahead))


def test_a_head_from_the_future_gains_no_room() -> None:
    liar = Head("alpha", 10_000, "0x01", "0x", NOW_S + 10**6, 0)

    assert {0} == in_step({0: liar, 1: head(100)}, BLOCK_TIME_S, NOW_S).ahead


@given(st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 300), st.integers(0, 200)), min_size=1))
def test_somebody_is_always_in_step_and_nobody_both_behind_and_ahead(its: dict[int, tuple[int, int]]) -> None:
    heads = {node: head(number, age_s) for node, (number, age_s) in its.items()}
    found = in_step(heads, BLOCK_TIME_S, NOW_S)

    assert found.behind | found.ahead < heads.keys()
    assert not found.behind & found.ahead
    assert all(
        abs(heads[node].number - found.reference) <= LAG_LIMIT_BLOCKS
        for node in heads.keys() - found.behind - found.ahead
    )


@pytest.mark.parametrize(
    ("said", "winner", "minority", "split"),
    [
        ("", None, set(), False),
        ("a", "a", set(), False),
        ("aa", "a", set(), False),
        ("ab", None, set(), True),
        ("aab", "a", {2}, False),
        ("aabb", None, set(), True),
        ("abc", None, set(), True),
        ("aaabc", "a", {3, 4}, False),
        ("aabbc", None, set(), True),
    ],
)
def test_more_than_half_are_believed(said: str, winner: str | None, minority: set[int], split: bool) -> None:
    found = vote(dict(enumerate(said)))

    assert (winner, minority, split) == (found.winner, set(found.minority), found.split)
