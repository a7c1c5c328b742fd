"""States are noted by account and tallied as they change: what the tally says is what counting them would."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from keeper.domain.health import AccountState
from keeper.runtime.noted_states import NotedStates

CHANGES = st.lists(st.tuples(st.integers(0, 4), st.none() | st.sampled_from(AccountState)), max_size=60)


@given(CHANGES)
def test_the_tally_is_what_counting_all_states_would_give(
    changes: list[tuple[int, AccountState | None]],
) -> None:
    noted, expected = NotedStates(), dict[str, AccountState]()
    for number, state in changes:
        if state is None:
            noted.forget(f"0x{number}")
            expected.pop(f"0x{number}", None)
        else:
            noted.note(f"0x{number}", state)
            expected[f"0x{number}"] = state

        assert dict(Counter(expected.values())) == dict(noted.tally)
        assert expected == noted


def test_a_state_that_nobody_is_in_any_more_is_not_in_the_tally() -> None:
    noted = NotedStates()
    noted.note("0x1", AccountState.LIQUIDATABLE)
    noted.note("0x1", AccountState.HEALTHY)

    assert {AccountState.HEALTHY} == set(noted.tally)
