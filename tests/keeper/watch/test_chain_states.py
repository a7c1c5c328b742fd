"""A chain's state follows from what is observed: never live with a reason against it, never kept once all causes ended."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.watch.chain_states import RULES, ChainState, Limits, Observed, Sends, Standing, cause
from oracles.sources.sequencer import SequencerState, SequencerStatus

LIMITS = Limits(stale_after_ms=30_000, unknown_after_ms=60_000, calm_ms=4_000)
FINE = Observed(age_ms=1_000)
WORDS = st.sampled_from(["", "", "", "because"])
OBSERVED = st.builds(
    Observed,
    age_ms=st.sampled_from([None, 0, 1_000, 1_000, 1_000, 30_000, 30_001, 60_001]),
    violated=st.sampled_from(["", "", "", "", "", "", "gone"]),
    mismatched=WORDS,
    disputed=WORDS,
    has_sequencer=st.booleans(),
    sequencer=st.one_of(
        st.none(),
        st.builds(SequencerStatus, st.sampled_from(list(SequencerState)), st.sampled_from(["", "down"])),
    ),
)
STEPS = st.lists(st.tuples(st.integers(-500, 5_000), OBSERVED), max_size=40)


def played(steps: Sequence[tuple[int, Observed]]) -> tuple[Standing, int]:
    standing, now_ms = Standing(), 10**12
    for passed_ms, observed in steps:
        now_ms += passed_ms
        standing = standing.after(observed, LIMITS, now_ms)
    return standing, now_ms


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (FINE, ChainState.LIVE),
        (Observed(None), ChainState.CONNECTING),
        (Observed(30_001), ChainState.STALE),
        (Observed(60_001), ChainState.HALTED),
        (Observed(0, disputed="two hashes"), ChainState.DISAGREEING),
        (Observed(0, mismatched="another id", disputed="two hashes"), ChainState.MISMATCHED),
        (Observed(60_001, violated="gone", mismatched="another id"), ChainState.FINALITY_VIOLATED),
        (Observed(0, stopped="bug", violated="gone"), ChainState.STOPPED),
        (Observed(0, has_sequencer=True), ChainState.SEQUENCER_DOWN),
        (Observed(0, sequencer=SequencerStatus(SequencerState.UNKNOWN)), ChainState.SEQUENCER_DOWN),
        (Observed(0, sequencer=SequencerStatus(SequencerState.IN_GRACE)), ChainState.GRACE),
        (Observed(40_000, sequencer=SequencerStatus(SequencerState.IN_GRACE)), ChainState.STALE),
        (Observed(0, has_sequencer=True, sequencer=SequencerStatus(SequencerState.UP)), ChainState.LIVE),
    ],
)
def test_the_gravest_cause_names_the_state(observed: Observed, expected: ChainState) -> None:
    assert expected is cause(observed, LIMITS)[0] is Standing().after(observed, LIMITS, 0).state


def test_only_a_live_chain_is_sent_to_and_every_other_state_but_the_start_is_told() -> None:
    assert set(ChainState) == set(RULES)
    assert [ChainState.LIVE] == [state for state, rule in RULES.items() if rule.sends is Sends.EVERYTHING]
    quiet = {ChainState.LIVE, ChainState.CONNECTING}
    assert all(
        bool(rule.severity) and bool(rule.advice) for state, rule in RULES.items() if state not in quiet
    )


@given(STEPS)
def test_a_chain_is_never_live_with_a_reason_against_it(steps: list[tuple[int, Observed]]) -> None:
    standing, now_ms = Standing(), 10**12
    for passed_ms, observed in steps:
        now_ms += passed_ms
        standing = standing.after(observed, LIMITS, now_ms)
        against = cause(observed, LIMITS)[0] is not ChainState.LIVE
        assert not (against and RULES[standing.state].sends is Sends.EVERYTHING)
        assert bool(standing.reason) == (standing.state is not ChainState.LIVE)


@given(STEPS)
def test_once_its_causes_have_ended_every_state_ends(steps: list[tuple[int, Observed]]) -> None:
    standing, now_ms = played(steps)
    standing = standing.after(FINE, LIMITS, now_ms)
    standing = standing.after(FINE, LIMITS, now_ms + LIMITS.calm_ms)

    assert ChainState.LIVE is standing.state


@given(STEPS, st.integers(-(10**9), 10**9))
def test_a_clock_that_was_set_prolongs_no_state(steps: list[tuple[int, Observed]], set_by_ms: int) -> None:
    standing, now_ms = played(steps)
    now_ms += set_by_ms
    standing = standing.after(FINE, LIMITS, now_ms)

    assert ChainState.LIVE is standing.after(FINE, LIMITS, now_ms + LIMITS.calm_ms).state


@given(STEPS)
def test_since_when_is_when_the_state_was_entered(steps: list[tuple[int, Observed]]) -> None:
    standing, now_ms = Standing(), 10**12
    for passed_ms, observed in steps:
        now_ms += passed_ms
        before, standing = standing, standing.after(observed, LIMITS, now_ms)
        entered = now_ms if standing.state is not before.state else before.since_ms
        assert entered == standing.since_ms


def test_a_chain_that_comes_and_goes_is_not_live_in_between() -> None:
    standing, seen = Standing(), []
    for step in range(20):
        observed = Observed(0, disputed="two hashes") if step % 2 else FINE
        standing = standing.after(observed, LIMITS, step * 1_000)
        seen.append(standing.state)

    assert {ChainState.DISAGREEING} == set(seen[1:])


def test_what_was_stopped_stays_stopped() -> None:
    stopped = Standing().after(Observed(0, stopped="the book does not fit"), LIMITS, 0)

    assert stopped == stopped.after(FINE, LIMITS, 10**9)
