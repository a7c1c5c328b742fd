from __future__ import annotations

import pytest

from oracles.sources.sequencer import SequencerFeed, SequencerState
from tests.oracles.words import BLOCK_S, FEED, round_data

UPTIME = SequencerFeed(FEED, 3_600.0)


def state(answer: int, started_at: int) -> SequencerState:
    return UPTIME.read([round_data(answer, started_at=started_at)], BLOCK_S).state


def test_it_is_one_call() -> None:
    assert [(FEED, bytes.fromhex("feaf968c"))] == UPTIME.calls()


def test_it_is_up_once_the_grace_is_over() -> None:
    assert SequencerState.IN_GRACE is state(0, BLOCK_S)
    assert SequencerState.IN_GRACE is state(0, BLOCK_S - 3_600)
    assert SequencerState.UP is state(0, BLOCK_S - 3_601)


def test_down_is_down_however_long() -> None:
    assert SequencerState.DOWN is state(1, BLOCK_S)
    assert SequencerState.DOWN is state(1, BLOCK_S - 1_000_000_000)


@pytest.mark.parametrize(("answer", "started_at"), [(0, 0), (1, 0), (2, 5), (-1, 5), (0, BLOCK_S + 1)])
def test_a_round_that_never_began_or_says_something_else_says_nothing(answer: int, started_at: int) -> None:
    assert SequencerState.UNKNOWN is state(answer, started_at)


@pytest.mark.parametrize("answer", [None, b"", b"\0" * 31, b"\0" * 159, b"\0" * 161, b"\xff" * 160])
def test_what_is_no_round_says_nothing(answer: bytes | None) -> None:
    status = UPTIME.read([answer], BLOCK_S)
    assert SequencerState.UNKNOWN is status.state
    assert status.up is None
    assert status.reason


def test_only_up_is_up() -> None:
    up = UPTIME.read([round_data(0, started_at=BLOCK_S - 4_000)], BLOCK_S)
    grace = UPTIME.read([round_data(0, started_at=BLOCK_S - 60)], BLOCK_S)
    down = UPTIME.read([round_data(1, started_at=BLOCK_S - 60)], BLOCK_S)

    assert (True, False, False) == (up.up, grace.up, down.up)
    assert "its sequencer is up again for 60 s, grace is 3600 s" == grace.reason
    assert BLOCK_S - 60 == down.since_s
