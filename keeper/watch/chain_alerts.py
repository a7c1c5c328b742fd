"""The alerts that a chain's watcher tells by itself, since an attestor has nobody else who would."""

from __future__ import annotations

from collections.abc import Sequence

from chains.backup_pass import LogPass
from keeper.book.differences import Difference
from keeper.state.entries import AlertOpened
from keeper.watch.chain_states import RULES, ChainState

SHOWN = 10


def book_differs(chain: str, found: Sequence[Difference]) -> AlertOpened:
    """Return the alert of a book that had other figures than the hub."""
    detail = "; ".join(f"{each.account[:10]} {each.what}: {each.hub}, not {each.book}" for each in found[:5])
    return AlertOpened(
        f"book_differs/{chain}",
        "warning",
        f"{chain}: the book differed from the hub in {len(found)} figures",
        detail,
        "the hub's figures were taken; look for missed logs",
    )


def logs_missed(found: LogPass) -> AlertOpened:
    """Return the alert of logs that were not told when their blocks were new."""
    places = [each.place for each in found.missed]
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return AlertOpened(
        f"logs_missed/{found.chain}",
        "warning",
        f"{found.chain}: {len(places)} logs were left out by a node when their blocks were new",
        f"block/index: {', '.join(places[:SHOWN])}{more}",
        "the book was mended from the hub; look at the endpoints in `keeper status`",
    )


def chain_stopped(chain: str, state: ChainState, reason: str) -> AlertOpened:
    """Return the alert of a chain that is followed no more."""
    rule = RULES[state]
    title = f"{chain} is stopped: {state.replace('_', ' ')}"
    return AlertOpened(f"chain_stopped/{chain}", rule.severity, title, reason, rule.advice)
