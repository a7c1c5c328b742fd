"""Depth is told without parsing, so that no text can end the process."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.json_depth import nests_deeper

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='a"\\{[', max_size=3), inner, max_size=3)
    ),
    max_leaves=30,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(DOCUMENTS, st.integers(0, 6))
def test_depth_is_what_parsing_would_find(document: object, limit: int) -> None:
    assert (depth(document) > limit) == nests_deeper(json.dumps(document).encode(), limit)


@pytest.mark.parametrize("text", [b"[" * 500_000, b'{"a":' * 200_000, b"[1," * 200_000, b'"[[[[' + b"[" * 9])
def test_a_hostile_text_is_told_from_a_long_one(text: bytes) -> None:
    assert nests_deeper(text, 64) == (not text.startswith(b'"'))


def test_many_small_objects_are_not_deep() -> None:
    assert not nests_deeper(json.dumps([{"a": [1]}] * 10_000).encode(), 3)
