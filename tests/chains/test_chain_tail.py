from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answers import Log, read_head
from chains.blocks import Head
from chains.chain_tail import ChainTail, is_linked
from chains.log_audit import LogAudit
from tests.chains.fakes import header


def run(first: int, last: int, fork: str = "a", below: Head | None = None) -> list[Head]:
    """Linked heads `first` to `last`; the first follows `below` if that is given."""
    heads: list[Head] = []
    for number in range(first, last + 1):
        parent = heads[-1] if heads else below
        fields = header(number, fork=fork) | ({"parentHash": parent.hash} if parent else {})
        heads.append(read_head("alpha", fields))
    return heads


def test_a_tail_keeps_what_may_go_and_the_one_that_may_not() -> None:
    heads = run(1, 20)
    tail = ChainTail(heads, finality_depth=5)

    assert tuple(heads[-6:]) == tail.heads
    assert (15, 20) == (tail.oldest.number, tail.tip.number)


def test_a_tail_begins_after_a_break() -> None:
    assert [7, 8] == [head.number for head in ChainTail([*run(1, 3), *run(7, 8)], finality_depth=5).heads]


def test_a_tail_needs_a_head() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ChainTail([], finality_depth=5)


def test_what_does_not_follow_is_not_appended() -> None:
    tail = ChainTail(run(1, 5), finality_depth=5)
    with pytest.raises(ValueError, match="does not follow"):
        tail.move(tail.tip, run(6, 7, fork="b"))
    with pytest.raises(ValueError, match="does not follow"):
        tail.move(tail.tip, run(7, 8))


@given(st.integers(0, 12), st.integers(1, 30), st.integers(0, 12), st.integers(0, 15))
def test_undoing_and_appending_leaves_one_linked_run(depth: int, length: int, cut: int, grown: int) -> None:
    tail = ChainTail(run(1, length), finality_depth=depth)
    before = tail.heads
    ancestor = before[max(0, len(before) - 1 - cut)]
    removed = tail.after(ancestor)
    tail.move(ancestor, run(ancestor.number + 1, ancestor.number + grown, fork="b", below=ancestor))

    assert list(before) == [*before[: len(before) - len(removed)], *reversed(removed)]
    assert ancestor.number + grown == tail.tip.number
    assert is_linked(tail.heads)
    assert len(tail.heads) <= depth + 1
    assert all(tail.holds(head) for head in tail.heads)
    assert not any(tail.holds(head) for head in removed)


def log(head: Head, index: int) -> Log:
    return {"blockHash": head.hash, "blockNumber": hex(head.number), "logIndex": hex(index)}


def test_a_second_look_covers_every_block_before_it_is_final() -> None:
    depth = 8
    chain = run(1, 60)
    tail, audit = ChainTail(chain[:1], depth), LogAudit(depth)
    looked: list[int] = []
    for head in chain[1:]:
        tail.move(tail.tip, [head])
        audit.delivered(head, [])
        if span := audit.due(tail.heads):
            looked += range(span[0], span[1] + 1)
            assert tail.oldest.number < span[0]
            assert audit.first_missed([]) is None
            audit.done(span[1])

    assert list(range(2, looked[-1] + 1)) == looked
    assert looked[-1] >= 60 - depth


def test_a_second_look_finds_the_first_log_that_was_left_out() -> None:
    heads = run(1, 9)
    audit = LogAudit(8)
    for head in heads:
        audit.delivered(head, [log(head, 0)] if head.number == 3 else [])
    assert (2, 5) == audit.due(heads)

    assert 4 == audit.first_missed([log(heads[2], 0), log(heads[3], 0), log(heads[4], 0)])
    audit.done(5)
    assert audit.due(heads) is None


def test_without_depth_there_is_no_second_look() -> None:
    audit = LogAudit(2)
    audit.delivered(run(1, 1)[0], [])

    assert audit.due(run(1, 9)) is None
