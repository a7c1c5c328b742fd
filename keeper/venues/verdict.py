"""What is found of one borrower: one reason of a closed list, and the plan if it is to be liquidated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chains.venues.venue import Borrower, Liquidation, Obstacle


class Reason(StrEnum):
    """Why a borrower is liquidated, or is not. Nothing else is ever said."""

    SEND = "send"
    HEALTHY = "healthy"
    LIVE = "live"
    WAITING = "waiting"
    ON_HOLD = "on_hold"
    PRICE_HELD = "price_held"
    PRICE_UNKNOWN = "price_unknown"
    NO_REFERENCE = "no_reference"
    NO_ASSET = "no_asset"
    PAUSED = "paused"
    SENTINEL = "sentinel"
    ILLIQUID = "illiquid"
    NO_COLLATERAL = "no_collateral"
    DUST = "dust"
    NO_MEANS = "no_means"
    NOT_PROFITABLE = "not_profitable"
    REFUSED = "refused"
    QUOTE = "quote"
    """Never recorded: what it would bring must be asked first."""


OF_OBSTACLE = {
    Obstacle.HEALTHY: Reason.HEALTHY,
    Obstacle.NO_DEBT: Reason.HEALTHY,
    Obstacle.NO_COLLATERAL: Reason.NO_COLLATERAL,
    Obstacle.NOT_COLLATERAL: Reason.NO_COLLATERAL,
    Obstacle.INACTIVE: Reason.PAUSED,
    Obstacle.PAUSED: Reason.PAUSED,
    Obstacle.SENTINEL: Reason.SENTINEL,
    Obstacle.PRICE_UNKNOWN: Reason.PRICE_UNKNOWN,
    Obstacle.ILLIQUID: Reason.ILLIQUID,
    Obstacle.NOTHING_TO_GAIN: Reason.DUST,
    Obstacle.UNKNOWN_ACCOUNT: Reason.HEALTHY,
    Obstacle.LESS_THAN_ASKED: Reason.REFUSED,
}
"""What a protocol's own word means here."""

QUIET = frozenset({Reason.LIVE, Reason.WAITING, Reason.QUOTE})
"""They say nothing new of a borrower: what was found before them stands."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One liquidation as it is to be sent.

    `pool` pays first, or the executor's `NO_POOL`: inventory. Of the debt's token at most `room` is taken. `kept` is
    the collateral that should be left and `least_kept` what must be, raw units. `value_wad` is what is repaid, USD,
    `profit_wad` what is left of it after gas, `most_cost_wei` what it may cost before there is none.
    """

    liquidation: Liquidation
    pool: str
    room: int
    kept: int
    least_kept: int
    value_wad: int
    profit_wad: int
    most_cost_wei: int | None
    deadline_s: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the inputs give. `health_wad` is the venue's own, None if it could not tell."""

    reason: Reason
    detail: str
    health_wad: int | None
    collateral_value: int
    debt_value: int
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a borrower, and the canonical inputs it can be found from again.

    `verdict_id` is the digest of `inputs` and `result`, both canonical JSON text.
    """

    verdict_id: str
    chain: str
    venue: str
    account_id: str
    borrower: Borrower
    block_number: int
    found: Found
    inputs: str
    result: str
    at_ms: int
