from __future__ import annotations

import tomllib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import KeyPath
from config.scanner import MAX_DEPTH, TooDeep, scan
from tests.config.layouts import Layout, Value, paths, tables


@given(tables, st.randoms(use_true_random=False))
def test_every_key_of_any_document_is_found_on_its_line(table: dict[str, Value], random: Random) -> None:
    layout = Layout(random)
    layout.document(table)
    assert table == tomllib.loads(layout.text)
    try:
        positions = scan(layout.text)
    except TooDeep:
        return

    everything = paths((), table)

    assert set(everything) == positions.explicit.keys() | positions.implied.keys()
    assert {path: layout.line_of(path) for path in everything} == {
        path: positions.line(path) for path in everything
    }
    assert [] == positions.repeated


@given(tables, st.randoms(use_true_random=False))
def test_every_scalar_is_found_in_the_text_and_no_comment_is_taken_for_one(
    table: dict[str, Value], random: Random
) -> None:
    layout = Layout(random)
    layout.document(table)
    try:
        positions = scan(layout.text)
    except TooDeep:
        return

    for value in positions.values:
        assert value == positions.value_at(value.start)
        assert value == positions.value_at(value.end - 1)
        alone = tomllib.loads(f"value = {layout.text[value.start : value.end]}")["value"]
        assert _at(table, value.key) == alone
    for start, end in positions.comments:
        assert layout.text[start] == "#"
        assert "\n" not in layout.text[start:end]
        assert (start, end) == positions.comment_at(end - 1)
        assert positions.value_at(start) is None


@given(st.text("ab=[]{}.,#\"'\\\n\r\t 1\ufeff\x00", max_size=60))
def test_any_text_is_scanned_to_an_end(text: str) -> None:
    try:
        positions = scan(text)
    except TooDeep:
        return
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths((), table)) == positions.explicit.keys() | positions.implied.keys()


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 500_000,
        "a = " + "{a=" * 200_000,
        ".".join(["a"] * 500_000) + " = 1",
        "[" + ".".join(["a"] * 500_000) + "]",
        "a = " + "[" * (MAX_DEPTH + 1),
    ],
    ids=["arrays", "inline tables", "key", "header", "one too many"],
)
def test_nesting_without_end_is_refused_on_its_line(text: str) -> None:
    with pytest.raises(TooDeep) as refused:
        scan("\n\n" + text)

    assert 3 == refused.value.line


@pytest.mark.parametrize(
    "text",
    ['"', "'", "\\", "#", "\"'", "a='''", 'a="\\a', "a=1,\n", "[a]\n", "[[a]]\n", "a=[1,\n", "\n"],
    ids=repr,
)
def test_half_a_megabyte_of_anything_is_scanned_at_once(text: str) -> None:
    scan(text * (500_000 // len(text)))


def test_a_header_tells_the_line_of_a_table_that_was_only_mentioned_before() -> None:
    positions = scan("[a.b]\nx = 1\n\n[a]\ny = 2\n")

    assert 4 == positions.line(("a",))
    assert 1 == positions.line(("a", "b"))


def test_what_is_not_there_has_the_line_of_what_would_hold_it() -> None:
    positions = scan('name = "x"\n\n[[chains.one.endpoints]]\nurl = "u"\n\n[[chains.one.endpoints]]\n')

    assert 6 == positions.line(("chains", "one", "endpoints", 1, "url"))
    assert 3 == positions.line(("chains", "one", "chain_id"))
    assert 1 == positions.line(("state_log",))


def test_the_second_of_two_equal_keys_is_known_with_the_first() -> None:
    assert [(("a", "b"), 2, 4)] == scan("[a]\nb = 1\nc = 2\nb = 3\n").repeated


def _at(table: Value, path: KeyPath) -> Value:
    value = table
    for part in path:
        value = value[part]  # type: ignore[index]
    return value
