"""`keeper accounts`: every account with its unified health, least healthy first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.exits import ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import pick, show, show_json
from keeper.views.standing import STATES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.state.reader import Row

_NAMES = (
    "account_id",
    "owner",
    "subaccount",
    "state",
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus", "equity") for end in ("low", "mid", "high")),
    "assets_mid_wad",
    "requirement_mid_wad",
    "maintenance_mid_wad",
    "unknown_because",
    "price_set",
    "cut",
    "at_ms",
)


@click.command(name="accounts", short_help="Every account with its unified health, least healthy first.")
@log_options
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; may be repeated."
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@json_option
def command(
    config: Path, log: Path | None, states: tuple[str, ...], limit: int, *, as_json: bool
) -> ExitCode:
    """List accounts with their unified health, least healthy first."""
    with open_log(log_path(config, log)) as reader:
        rows = reader.accounts(states, limit)
        counts = reader.status()["accounts"]
    matching = sum(number for state, number in counts.items() if not states or state in states)
    if as_json:
        show_json(
            {
                "accounts": [pick(row, _NAMES) for row in rows],
                "matching": matching,
                "total": sum(counts.values()),
            }
        )
    else:
        show(_table(rows), f"{len(rows):,} of {figures.count(matching, 'account')}")
    return ExitCode.FINE


def _table(rows: list[Row]) -> RenderableType:
    from rich.table import Table

    table = Table(
        "account", "state", "health", "between", "surplus USD", "equity USD", "chains", "seen", "", box=None
    )
    moment = now_ms()
    for row in rows:
        table.add_row(
            figures.short(row["account_id"]),
            row["state"].replace("_", " "),
            figures.health(row["health_mid_wad"]),
            f"{figures.health(row['health_low_wad'])} .. {figures.health(row['health_high_wad'])}",
            figures.usd(row["surplus_mid_wad"]),
            figures.usd(row["equity_mid_wad"]),
            " ".join(point["chain"] for point in row["cut"]),
            f"{figures.span(moment - row['at_ms'])} ago",
            "; ".join(row["unknown_because"]),
        )
    return table
