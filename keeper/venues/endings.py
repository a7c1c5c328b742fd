"""What became of a borrower that could be liquidated: one ending of a closed list, with what the venue's event says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chains.venues.venue import Borrower


class Ending(StrEnum):
    """How it ended, or what went wrong this time."""

    LIQUIDATED = "liquidated"
    """By us: the event is in the block."""
    LOST_RACE = "lost_race"
    """By somebody else, before us."""
    MENDED = "mended"
    """It repaid or added collateral before us."""
    RECOVERED = "recovered"
    """It is healthy again without having done anything: prices, or time."""
    SWAP_MOVED = "swap_moved"
    """The pool gave less than was quoted; it reverted and kept nothing."""
    STOPPED = "stopped"
    """The venue did not let it through: paused, its sentinel, or a price that is gone."""
    REVERTED = "reverted"
    """It was mined without effect for another reason."""
    NOT_SENT = "not_sent"
    """It was not signed: simulation, policy or a limit said no."""
    NOT_MINED = "not_mined"
    """It was signed, and another transaction took its place."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One ending. Amounts are raw units of the two tokens; what was `expected` is for the time of the event's own block.

    `verdict_id` is the verdict that led to it, empty where there was none of ours.
    """

    chain: str
    venue: str
    account_id: str
    borrower: Borrower
    ending: Ending
    detail: str
    block_number: int
    verdict_id: str = ""
    tx_hash: str = ""
    liquidator: str = ""
    debt_token: str = ""
    collateral_token: str = ""
    repaid: int = 0
    seized: int = 0
    bad_debt: int = 0
    expected_repaid: int | None = None
    expected_seized: int | None = None
