"""A borrower of a venue as it is shown: its health by the venue's own formula, and what it has there."""

from __future__ import annotations

from dataclasses import dataclass

from chains.venues.venue import Borrower, VenueHealth


@dataclass(frozen=True, slots=True)
class Holding:
    """What a borrower has of one token, raw units with interest. `asset` is empty where no one says what it stands for."""

    token: str
    asset: str
    decimals: int
    supplied: int
    borrowed: int
    is_collateral: bool


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """One borrower at one venue as of one block."""

    chain: str
    venue: str
    account_id: str
    borrower: Borrower
    health: VenueHealth
    holdings: tuple[Holding, ...]
    block_number: int
    block_timestamp_s: int
