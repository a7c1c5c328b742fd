"""Calls of the executor and what it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.hub.codec import selector, word
from chains.venues.venue import Liquidation, VenueCall
from chains.venues.words import address_word, log_words, read_address_word, topic

EXECUTE = selector("execute((address,address,address,uint256),bytes,address,uint256,uint256)")
_EXECUTED = topic("Executed(address,address,address,uint256,uint256)")
NO_POOL = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Execution:
    """One liquidation as it is to be done.

    `repay` is the most of the debt's asset that it may take, with room for the interest of a few
    blocks; what is not taken comes back. `pool` is the Uniswap v3 pool that pays first, `NO_POOL` to
    repay from inventory. `least_kept` is the collateral that must be left, raw units.
    """

    liquidation: Liquidation
    call: VenueCall
    repay: int
    pool: str
    least_kept: int
    deadline_s: int


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of it: the debt's asset spent, the collateral that reached the owner. Raw units."""

    venue: str
    debt_asset: str
    collateral_asset: str
    repaid: int
    kept: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call of ``execute`` asks for: what it takes of the debt's asset, and who pays first."""

    debt_asset: str
    collateral_asset: str
    repay: int
    pool: str


def read_execute_call(data: bytes) -> Asked:
    """Return what the calldata asks for. Raises ``ValueError`` for that of another function."""
    if data[:4] != EXECUTE or len(data) < 4 + 32 * 9:
        raise ValueError("not a call of execute")
    words = [int.from_bytes(data[4 + 32 * at : 36 + 32 * at]) for at in range(6)]
    return Asked(
        read_address_word(words[1]), read_address_word(words[2]), words[3], read_address_word(words[5])
    )


def execute_call(execution: Execution) -> bytes:
    """Return calldata of ``execute``. The call for the venue has at most a kilobyte."""
    call = execution.call.data
    return b"".join(
        (
            EXECUTE,
            address_word(execution.call.to),
            address_word(execution.liquidation.debt_asset),
            address_word(execution.liquidation.collateral_asset),
            word(execution.repay),
            word(32 * 8),
            address_word(execution.pool),
            word(execution.least_kept),
            word(execution.deadline_s),
            word(len(call)),
            call + b"\x00" * (-len(call) % 32),
        )
    )


def executed(logs: Sequence[Mapping[str, Any]], executor: str) -> tuple[Executed, ...]:
    """Return what this executor's logs tell. Raises ``ValueError`` for a log of another shape."""
    found = []
    for log in logs:
        ours = log["address"].lower() == executor.lower()
        if ours and log["topics"] and log["topics"][0].lower() == _EXECUTED:
            (venue, debt, collateral), (repaid, kept) = log_words(log, 3, 2)
            found.append(
                Executed(
                    venue=read_address_word(venue),
                    debt_asset=read_address_word(debt),
                    collateral_asset=read_address_word(collateral),
                    repaid=repaid,
                    kept=kept,
                )
            )
    return tuple(found)
