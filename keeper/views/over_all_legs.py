"""Accounts with legs at venues: one health over hubs and venues, beside the hub's own and each venue's own figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.output import pick
from keeper.views.venue_case import own_health

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.state.reader import LogReader, Row

_NAMES = (
    *("account_id", "owner", "state"),
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus", "equity") for end in ("low", "mid", "high")),
    *("unknown_because", "price_set", "cut", "at_ms", "venues", "hub_health_mid_wad", "hub_state"),
)


def read(log: LogReader, states: Sequence[str] = ()) -> list[Row]:
    """Return the rows, the least healthy first; each with the hub's own figures, None where it has nothing there."""
    from keeper.state import venue_reader

    rows = [row for row in venue_reader.unified(log, limit=2**31) if not states or row["state"] in states]
    hubs = {
        row["account_id"]: row for row in log.select("SELECT account_id, state, health_mid_wad FROM health")
    }
    return [row | _hub(hubs.get(row["account_id"])) for row in rows]


def document(rows: Sequence[Row], limit: int) -> dict[str, Any]:
    """Return the first rows as JSON can hold them, and how many there are."""
    return {"accounts": [pick(row, _NAMES) for row in rows[:limit]], "total": len(rows)}


def table(rows: Sequence[Row]) -> RenderableType:
    """Return the rows as a table."""
    from rich.table import Table

    columns = (
        "account",
        "over all legs",
        "health",
        "between",
        "surplus USD",
        "at the hub",
        "venues' own",
        "seen",
        "",
    )
    shown, moment = Table(*columns, box=None), now_ms()
    for row in rows:
        shown.add_row(
            figures.short(row["account_id"]),
            row["state"].replace("_", " "),
            figures.health(row["health_mid_wad"]),
            f"{figures.health(row['health_low_wad'])} .. {figures.health(row['health_high_wad'])}",
            figures.usd(row["surplus_mid_wad"]),
            "-" if row["hub_state"] is None else figures.health(row["hub_health_mid_wad"]),
            ", ".join(map(_figure, row["venues"])),
            f"{figures.span(moment - row['at_ms'])} ago",
            "; ".join(row["unknown_because"]),
        )
    return shown


def _figure(venue: Row) -> str:
    health = None if venue["health_wad"] is None else int(venue["health_wad"])
    return f"{venue['venue']} on {venue['chain']} {own_health(health, venue['obstacle'])}"


def _hub(row: Row | None) -> dict[str, Any]:
    return {
        "hub_state": None if row is None else row["state"],
        "hub_health_mid_wad": None if row is None else row["health_mid_wad"],
    }
