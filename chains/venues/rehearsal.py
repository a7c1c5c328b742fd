"""Readiness before it is needed: each liquidation simulated at the price that would call for it.

The protocol itself runs, on a node, in the block of the read; only its prices are pretended, by code
that stands in for its oracle within the one call. What would fail then is known today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from chains.errors import Reverted
from chains.venues.venue import Blocked, Borrower, Liquidation, Obstacle, StateT, Venue
from chains.venues.words import address_word, revert_text
from config.units import BPS, WAD


class RehearsableVenue(Venue[StateT], Protocol[StateT]):
    """A venue whose prices can be pretended."""

    def with_collateral_at(self, state: StateT, borrower: Borrower, share_bps: int) -> StateT:
        """Return the state in which the prices of the borrower's collateral are this share of what they are."""

    def pretended_prices(self, state: StateT) -> Mapping[str, bytes]:
        """Return code, by contract, that answers this state's prices."""


class Simulator(Protocol):
    """What a rehearsal needs of a chain (see `chains.venues.simulation`)."""

    async def simulate(
        self, sender: str, to: str, data: bytes, codes: Mapping[str, bytes], block_hash: str
    ) -> bytes:
        """Return what the call answers with these contracts' code replaced. Raises `Reverted`."""


@dataclass(frozen=True, slots=True)
class Pretended:
    """A call by `sender` while `codes`, by contract, stand in for the contracts' own code."""

    sender: str
    to: str
    data: bytes
    codes: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen. `share_bps` is where the collateral's prices call for it, of what they are.

    None if no fall does. `failure` is what the protocol or a token would answer, "" if it went well.
    """

    borrower: Borrower
    share_bps: int | None
    planned: Liquidation | Blocked
    failure: str = ""

    @property
    def ready(self) -> bool:
        """Whether the liquidation would go through as things stand."""
        return isinstance(self.planned, Liquidation) and not self.failure


def trigger_bps(venue: RehearsableVenue[StateT], state: StateT, borrower: Borrower, now_s: int) -> int | None:
    """Return the highest share of its collateral's prices, in bps, at which the borrower is liquidatable."""

    def falls_at(share_bps: int) -> bool:
        health = venue.health(
            venue.with_collateral_at(state, borrower, share_bps), borrower, now_s
        ).health_wad
        return health is not None and health < WAD

    low, high = 1, BPS
    if not falls_at(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if falls_at(middle):
            low = middle
        else:
            high = middle - 1
    return low


async def rehearse(
    venue: RehearsableVenue[StateT],
    simulator: Simulator,
    state: StateT,
    borrower: Borrower,
    sender: str,
    block: tuple[str, int],
) -> Rehearsal:
    """Return how this borrower's liquidation by `sender` would go, in the block with this hash and time.

    Raises what the simulator raises, but for a revert, which is the answer.
    """
    block_hash, now_s = block
    share_bps = trigger_bps(venue, state, borrower, now_s)
    if share_bps is None:
        return Rehearsal(borrower, None, Blocked(Obstacle.HEALTHY))
    fallen = venue.with_collateral_at(state, borrower, share_bps)
    planned = venue.best(fallen, borrower, now_s)
    if isinstance(planned, Blocked):
        return Rehearsal(borrower, share_bps, planned)
    call = venue.call(planned)
    try:
        await simulator.simulate(sender, call.to, call.data, venue.pretended_prices(fallen), block_hash)
    except Reverted as reverted:
        reason = venue.refusal(reverted.data) or revert_text(reverted.data) or str(reverted)
        return Rehearsal(borrower, share_bps, planned, str(reason))
    return Rehearsal(borrower, share_bps, planned)


_PUSH0, _PUSH1, _PUSH2, _PUSH20, _PUSH32 = b"\x5f", b"\x60", b"\x61", b"\x73", b"\x7f"
_ANSWER_SIZE = 39


def constant_code(value: int) -> bytes:
    """Return code that answers this word to everything."""
    return b"".join((_PUSH32, value.to_bytes(32), _PUSH0, b"\x52", _PUSH1, b"\x20", _PUSH0, b"\xf3"))


def table_code(values: Iterable[tuple[str, int]]) -> bytes:
    """Return code that answers each address, its one argument, with its word, and reverts for others."""
    rows = list(values)
    test_size = 1 + 1 + 1 + 21 + 1 + 3 + 1
    first = test_size * len(rows) + 3
    tests = []
    for at, (address, _) in enumerate(rows):
        place = (first + (_ANSWER_SIZE + 1) * at).to_bytes(2)
        argument = _PUSH1 + b"\x04" + b"\x35"
        tests.append(argument + _PUSH20 + address_word(address)[12:] + b"\x14" + _PUSH2 + place + b"\x57")
    answers = [b"\x5b" + constant_code(value) for _, value in rows]
    return b"".join((*tests, _PUSH0, _PUSH0, b"\xfd", *answers))
