"""Plans: which steps, on which chains, of which sizes, in which order, and why."""

from __future__ import annotations

from dataclasses import dataclass

from chains.hub.attestation import Action


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of a plan.

    `item` is the hub's number of the market or collateral token; `size` is in the action's own
    unit (see `Action`). `price_wad` is the mid used. `value_wad` is what is closed, repaid or
    seized in USD; `penalty_wad` what it costs the account. A REPAY_CROSS names the chain and
    token its claim will be paid from; a SEIZE names the claim it pays.
    """

    action: Action
    chain: str
    item: int
    asset: str
    size: int
    price_wad: int
    value_wad: int
    penalty_wad: int
    target_chain: str | None = None
    target_token: str | None = None
    claim: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rescue of one account: steps in the order they must be mined on each chain.

    `expected_health_wad` is the low health the plan ends at by its own arithmetic. `rejected`
    says, a line each, what was considered and why it was not chosen.
    """

    account_id: str
    steps: tuple[Step, ...]
    expected_health_wad: int | None
    penalty_wad: int
    whole_account: bool
    reason: str
    rejected: tuple[str, ...] = ()
