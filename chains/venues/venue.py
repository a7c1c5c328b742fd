"""What the keeper asks of any venue, on one screen: who is there, how healthy, what can be done, how, what came of it.

A venue's `read` is the only part that asks a node. Everything else computes over the state it
returned, in integers and by the protocol's own rounding, for any later time: interest runs on
between two logs, so an account may become liquidatable in a block that holds nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from chains.blocks import Head

NO_DEBT_HEALTH = 2**256 - 1
"""The health of an account that owes nothing, as the protocols themselves answer it."""
ALL = 2**256 - 1
"""A repayment argument: as much as the protocol allows when the transaction runs."""


class Obstacle(StrEnum):
    """Why an account, or one pair of its assets, can not be liquidated now."""

    HEALTHY = "healthy"
    NO_DEBT = "no_debt"
    NO_COLLATERAL = "no_collateral"
    NOT_COLLATERAL = "not_collateral"
    INACTIVE = "inactive"
    PAUSED = "paused"
    SENTINEL = "sentinel"
    PRICE_UNKNOWN = "price_unknown"
    ILLIQUID = "illiquid"
    NOTHING_TO_GAIN = "nothing_to_gain"
    UNKNOWN_ACCOUNT = "unknown_account"
    LESS_THAN_ASKED = "less_than_asked"


@dataclass(frozen=True, slots=True, order=True)
class Borrower:
    """Who can be liquidated as a whole. `market` is empty where one account covers all the venue's assets."""

    account: str
    market: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """What a borrower has of one asset, raw units with interest to the asked second."""

    asset: str
    supplied: int
    borrowed: int
    is_collateral: bool


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """A borrower's health by the protocol's own formula, wad; it is liquidatable below one.

    `collateral_value` and `debt_value` are in the venue's own unit of account. `health_wad` is None
    if the protocol itself could not tell: `obstacle` says why.
    """

    health_wad: int | None
    collateral_value: int
    debt_value: int
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One liquidation and what it does, raw units. `gain_value` is in the venue's unit of account.

    `repay` leaves the liquidator and `seize` reaches it. `repay_argument` and `seize_argument` go into
    the call: what they name depends on the venue. `bad_debt` is what its lenders lose at once.
    """

    borrower: Borrower
    debt_asset: str
    collateral_asset: str
    repay: int
    seize: int
    gain_value: int
    repay_argument: int
    seize_argument: int = 0
    protocol_fee: int = 0
    bad_debt: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing can be done for this borrower now. `asset` is the one in the way, if it is one."""

    obstacle: Obstacle
    asset: str | None = None


@dataclass(frozen=True, slots=True)
class VenueCall:
    """A call that liquidates."""

    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a liquidation did, as the venue's event tells it. Raw units."""

    borrower: Borrower
    liquidator: str
    debt_asset: str
    collateral_asset: str
    repaid: int
    seized: int
    bad_debt: int = 0


StateT = TypeVar("StateT")


class Venue(Protocol[StateT]):
    """A protocol on one chain. Addresses are checksummed; `now_s` is the block's time, in seconds."""

    def emitters(self, state: StateT | None) -> tuple[str, ...]:
        """Return the contracts whose logs tell of borrowers; None before the first read."""

    def touched(self, logs: Sequence[Mapping[str, Any]]) -> frozenset[Borrower]:
        """Return the borrowers whose positions these logs changed: only they need another read."""

    async def read(self, borrowers: Sequence[Borrower], head: Head, known: StateT | None = None) -> StateT:
        """Return prices, parameters and these borrowers' positions, all as of this one block.

        Other borrowers' positions are taken over from `known`, as no log touched them.
        """

    def positions(self, state: StateT, borrower: Borrower, now_s: int) -> tuple[Position, ...]:
        """Return what the borrower has, interest included."""

    def health(self, state: StateT, borrower: Borrower, now_s: int) -> VenueHealth:
        """Return the health that the protocol itself would answer in a block of this time."""

    def best(
        self, state: StateT, borrower: Borrower, now_s: int, *, limits: Mapping[str, int] | None = None
    ) -> Liquidation | Blocked:
        """Return the liquidation that gains most now. `limits` bound what may be repaid, raw by asset."""

    def call(self, liquidation: Liquidation) -> VenueCall:
        """Return the call that does it."""

    def outcomes(self, logs: Sequence[Mapping[str, Any]]) -> tuple[Outcome, ...]:
        """Return the liquidations among these logs, whoever did them."""

    def refusal(self, revert_data: bytes) -> Obstacle | None:
        """Return why the venue refused a call, None if its words say nothing of the borrower."""
