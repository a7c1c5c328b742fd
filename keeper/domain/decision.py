"""A decision: one evaluation that changed an account's state, with everything it was made from."""

from __future__ import annotations

from dataclasses import dataclass

from keeper.domain.health import AccountState, UnifiedHealth
from keeper.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one account, and the canonical inputs it can be re-derived from.

    `inputs` and `result` are canonical JSON texts: running the pure core on `inputs` must give
    `result` byte for byte. `decision_id` is the digest of both.
    """

    decision_id: str
    account_id: str
    previous: AccountState | None
    state: AccountState
    health: UnifiedHealth
    plan: Plan | None
    reason: str
    inputs: str
    result: str
    at_ms: int
