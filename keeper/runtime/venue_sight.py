"""One venue as it was last seen: its state, everybody's health, and what its logs told since the time before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chains.blocks import Head
from chains.venues.venue import Borrower, Outcome, VenueHealth


@dataclass(frozen=True, slots=True)
class Happened:
    """A liquidation that the venue told of, whoever did it, and where."""

    outcome: Outcome
    block_number: int
    block_timestamp_s: int
    tx_hash: str


@dataclass(frozen=True, slots=True)
class VenueSight:
    """A venue as of one block. `healths` are for `at_s`, the time of the next block.

    `before` is the state at the last look, None at the first one: then `happened` holds only what an earlier run was
    still waiting for. `touched` are those whom logs named since.
    """

    chain: str
    venue: str
    kind: str
    head: Head
    at_s: int
    state: Any
    before: Any | None
    healths: Mapping[Borrower, VenueHealth]
    touched: frozenset[Borrower]
    happened: tuple[Happened, ...]
