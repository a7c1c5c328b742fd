"""How long a borrower is left alone after something did not work, in blocks, by what it was.

What costs gas or requests is not repeated until time or its health has changed something. What is found from the
state alone (paused, held, dust, healthy) costs nothing and needs no patience.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.units import BPS, mul_div_down
from keeper.venues.endings import Ending
from keeper.venues.inputs import Setback
from keeper.venues.verdict import Reason

MOST_DOUBLINGS = 4
SANK_BPS = 100
"""A borrower whose health fell by so much since is another case."""

_SHARES: Mapping[str, int] = MappingProxyType(
    {
        Reason.REFUSED: 8,
        Reason.NOT_PROFITABLE: 2,
        Ending.SWAP_MOVED: 2,
        Ending.STOPPED: 1,
        Ending.NOT_SENT: 2,
        Ending.NOT_MINED: 4,
        Ending.REVERTED: 1,
    }
)
"""What part of the configured patience the first wait takes: one over this."""


def needs_patience(reason: str) -> bool:
    """Whether a borrower is left alone after it."""
    return reason in _SHARES


def setback(
    before: Setback | None,
    reason: str,
    detail: str,
    block_number: int,
    health_wad: int | None,
    patience_blocks: int,
) -> Setback:
    """Return what is remembered after one more setback in a row: waits double, up to sixteen times."""
    times = before.times + 1 if before is not None else 1
    first = max(1, patience_blocks // _SHARES[reason])
    wait = first << min(times - 1, MOST_DOUBLINGS)
    sunk_wad = mul_div_down(health_wad or 0, BPS - SANK_BPS, BPS)
    return Setback(times, block_number + wait, f"{reason}: {detail}" if detail else reason, sunk_wad)
