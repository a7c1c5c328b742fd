"""The state last decided of each account, and how many accounts are in each: asked at every evaluation, never counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from keeper.domain.health import AccountState


class NotedStates(Mapping[str, AccountState]):
    """States by account. `tally` holds how many accounts are in each state; a state without any is not in it."""

    def __init__(self) -> None:
        self.tally: Counter[AccountState] = Counter()
        self._states: dict[str, AccountState] = {}

    def __getitem__(self, account_id: str) -> AccountState:
        return self._states[account_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def note(self, account_id: str, state: AccountState) -> None:
        """Note an account's state in place of any other."""
        before = self._states.get(account_id)
        if before is not state:
            self._leaves(before)
            self._states[account_id] = state
            self.tally[state] += 1

    def forget(self, account_id: str) -> None:
        """Forget an account that is gone. Unknown ids are ignored."""
        self._leaves(self._states.pop(account_id, None))

    def _leaves(self, state: AccountState | None) -> None:
        if state is None:
            return
        self.tally[state] -= 1
        if not self.tally[state]:
            del self.tally[state]
