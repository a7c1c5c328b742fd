"""What a hub says of an account, against what the book says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chains.hub.options import OptionHeld
from keeper.book.leg_state import LegState


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of one leg that the hub and the book disagree on. `hub` and `book` are as each says it."""

    chain: str
    account: str
    what: str
    hub: str
    book: str


def differences(chain: str, account: str, book: LegState, hub: LegState) -> Iterator[Difference]:
    """Yield what differs, figure by figure, in a fixed order."""
    pairs = {
        "version": (hub.version, book.version),
        "cross_margin": (hub.cross_margin, book.cross_margin),
        "debt": (hub.debt, book.debt),
        "last_sequence": (hub.last_sequence, book.last_sequence),
    }
    pairs |= {
        f"collateral {token}": (hub.collateral.get(token, 0), book.collateral.get(token, 0))
        for token in sorted({*hub.collateral, *book.collateral})
    }
    for what, (theirs, ours) in pairs.items():
        if theirs != ours:
            yield Difference(chain, account, what, str(theirs), str(ours))
    for market in sorted({*hub.positions, *book.positions}):
        size, entry = hub.positions.get(market, (0, 0))
        our_size, our_entry = book.positions.get(market, (0, 0))
        if (size, entry) != (our_size, our_entry):
            yield Difference(
                chain, account, f"position {market}", f"{size} at {entry}", f"{our_size} at {our_entry}"
            )
    for series in sorted({*hub.options, *book.options}):
        theirs_held, ours_held = hub.options.get(series), book.options.get(series)
        if theirs_held != ours_held:
            yield Difference(chain, account, f"option {series}", _size(theirs_held), _size(ours_held))


def _size(held: OptionHeld | None) -> str:
    return str(held.size_wad if held is not None else 0)
