"""`keeper accounts`: every account with its unified health, least healthy first or by any other figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.exits import ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.outlook.question import seconds
from keeper.views.outlook.ranking import FIGURES, ranked, with_outlook
from keeper.views.output import pick, show, show_json
from keeper.views.standing import STATES

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.state.reader import Row

_ALL = 2**31
_NAMES = (
    "account_id",
    "owner",
    "subaccount",
    "state",
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus", "equity") for end in ("low", "mid", "high")),
    "initial_surplus_low_wad",
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
@click.option(
    "--sort", type=click.Choice(tuple(FIGURES)), default="health", show_default=True, help="Worst first."
)
@click.option(
    "--show",
    "shown",
    multiple=True,
    type=click.Choice(tuple(FIGURES)),
    help="Only these figures; may be repeated.",
)
@click.option(
    "--horizon", default="24h", show_default=True, metavar="TIME", help="Of probabilities and losses."
)
@click.option("--venues", is_flag=True, help="Accounts with legs at venues, over all their legs.")
@json_option
def command(
    config: Path,
    log: Path | None,
    states: tuple[str, ...],
    limit: int,
    sort: str,
    shown: tuple[str, ...],
    horizon: str,
    *,
    venues: bool,
    as_json: bool,
) -> ExitCode:
    """List accounts with their unified health, the worst first.

    What stands in the log is shown at once; leverage, probabilities and losses are worked out when asked for.
    With --venues those who have legs at Aave or Morpho: one health over hubs and venues by our own weights, which ranks
    and warns, beside each venue's own figure, which alone decides what can be sent there.
    """
    if venues:
        return _over_all_legs(log_path(config, log), states, limit, as_json=as_json)
    chosen = dict.fromkeys([*shown, sort])
    asks = any(FIGURES[name].asks for name in chosen)
    horizon_s = seconds(horizon)
    with open_log(log_path(config, log)) as reader:
        rows = reader.accounts(states, limit if sort == "health" else _ALL)
        rows = with_outlook(reader, rows, horizon_s) if asks else rows
        counts = reader.status()["accounts"]
        at_venues = reader.select("SELECT count(*) AS n FROM unified")[0]["n"]
    rows = rows if sort == "health" else ranked(rows, FIGURES[sort])[:limit]
    matching = sum(number for state, number in counts.items() if not states or state in states)
    if as_json:
        names = (*_NAMES, "outlook") if asks else _NAMES
        show_json(
            {
                "accounts": [_plain(pick(row, names)) for row in rows],
                "matching": matching,
                "total": sum(counts.values()),
            }
        )
    else:
        plain = sort == "health" and not shown
        table = _table(rows) if plain else _chosen(rows, tuple(chosen))
        show(table, f"{len(rows):,} of {figures.count(matching, 'account')}")
        if at_venues:
            show(f"{figures.count(at_venues, 'account')} with legs at venues: keeper accounts --venues")
    return ExitCode.FINE


def _over_all_legs(path: Path, states: tuple[str, ...], limit: int, *, as_json: bool) -> ExitCode:
    from keeper.views import over_all_legs

    with open_log(path) as reader:
        found = over_all_legs.read(reader, states)
    if as_json:
        show_json(over_all_legs.document(found, limit))
    else:
        show(
            over_all_legs.table(found[:limit]),
            f"{len(found[:limit]):,} of {figures.count(len(found), 'account')}",
        )
    return ExitCode.FINE


def _plain(row: Row) -> Row:
    """Return the row with amounts of its outlook as text, like all amounts."""
    if "outlook" in row:
        leverage_wad = row["outlook"].get("leverage_wad")
        row["outlook"] = row["outlook"] | {
            "leverage_wad": None if leverage_wad is None else str(leverage_wad)
        }
    return row


def _chosen(rows: list[Row], names: tuple[str, ...]) -> RenderableType:
    from rich.table import Table

    its = [FIGURES[name] for name in names]
    table = Table("account", "state", *(figure.title for figure in its), box=None)
    for row in rows:
        cells = [figure.text(figure.key(row)) for figure in its]
        table.add_row(figures.short(row["account_id"]), row["state"].replace("_", " "), *cells)
    return table


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
