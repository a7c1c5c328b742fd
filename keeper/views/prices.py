"""`keeper prices`: what each asset is worth, and with `--why` the tree of quotes it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import pick, show, show_json
from keeper.views.price_tree import Behind, grow, headline, last_failure

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree

    from keeper.state.reader import Row

_PRICE = (
    "asset",
    "status",
    "reason",
    "low_wad",
    "mid_wad",
    "high_wad",
    "oldest_ms",
    "via_asset",
    "used",
    "seen",
    "holds",
    "paths",
)
_QUOTE = (
    "source",
    "source_group",
    "pair",
    "reason",
    "value_wad",
    "failure",
    "detail",
    "weight",
    "confidence_wad",
    "source_time_ms",
    "received_at_ms",
    "changed_at_ms",
)
_SOURCE = ("source", "circuit", "failures_in_a_row", "quotes", "changes", "failed", "at_ms")


@click.command(name="prices", short_help="Prices as intervals, and the quotes behind them.")
@log_options
@click.option("--why", "asset", metavar="ASSET", help="Show the tree of quotes behind one asset's price.")
@click.option("--sources", "by_source", is_flag=True, help="Show how each source is doing instead.")
@json_option
def command(config: Path, log: Path | None, asset: str | None, *, by_source: bool, as_json: bool) -> ExitCode:
    """Show the newest prices: interval, status, age and sources.

    Exits 0 if every price is ok, 2 if one is degraded or unavailable; with --sources, 2 if a circuit is open.
    """
    with open_log(log_path(config, log)) as reader:
        newest = reader.prices()
        configuration = reader.configuration()
        names = {source["name"] for source in configuration.get("sources", ())}
        sources = [row for row in reader.sources() if row["source"] in names]
    if by_source:
        return _show_sources(sources, as_json=as_json)
    if newest is None:
        raise CommandError(
            "no price has been made yet", ExitCode.DEGRADED, "keeper status says what is missing"
        )
    prices: dict[str, Row] = {row["asset"]: row for row in newest["prices"]}
    if asset is not None and asset not in prices:
        raise CommandError(
            f"there is no asset {asset} here", ExitCode.USAGE, f"there are: {', '.join(prices)}"
        )
    chosen = prices if asset is None else {asset: prices[asset]}
    moment = now_ms()
    if as_json:
        show_json(_document(newest, list(chosen.values()), moment))
    elif asset is None:
        show(
            _table(chosen, moment), f"as of {figures.utc(newest['as_of_ms'])} UTC, set {newest['price_set']}"
        )
    else:
        behind = Behind(configuration, {row["source"]: row for row in sources})
        show(why(asset, prices, newest["as_of_ms"], behind))
    all_ok = all(row["status"] == "ok" for row in chosen.values())
    return ExitCode.FINE if all_ok else ExitCode.DEGRADED


def why(asset: str, prices: dict[str, Row], as_of_ms: int, behind: Behind) -> Tree:
    """Return the tree of an asset's price: every quote, used or not and why, and the price it was multiplied by."""
    from rich.tree import Tree

    tree = Tree(headline(prices[asset]))
    grow(tree, asset, prices, as_of_ms, behind)
    return tree


def _show_sources(sources: list[Row], *, as_json: bool) -> ExitCode:
    moment = now_ms()
    if as_json:
        show_json({"sources": [{**pick(row, _SOURCE), **row["report"]} for row in sources]})
    else:
        show(_source_table(sources, moment))
    all_closed = all(row["circuit"] == "closed" for row in sources)
    return ExitCode.FINE if all_closed else ExitCode.DEGRADED


def _document(newest: Row, rows: list[Row], moment: int) -> dict[str, Any]:
    return {
        "price_set": newest["price_set"],
        "as_of_ms": newest["as_of_ms"],
        "age_ms": moment - newest["as_of_ms"],
        "prices": [
            pick(row, _PRICE)
            | {"quotes": [pick(quote, _QUOTE) | {"used": bool(quote["used"])} for quote in row["quotes"]]}
            for row in rows
        ],
    }


def _table(prices: dict[str, Row], moment: int) -> RenderableType:
    from rich.table import Table

    table = Table("asset", "low", "mid", "high", "status", "sources", "oldest", "", box=None, pad_edge=False)
    for asset, row in prices.items():
        oldest_ms = None if row["oldest_ms"] is None else moment - row["oldest_ms"]
        table.add_row(
            asset,
            figures.price(row["low_wad"]),
            figures.price(row["mid_wad"]),
            figures.price(row["high_wad"]),
            row["status"],
            f"{row['used']}/{row['seen']}" + (f" x {row['via_asset']}" if row["via_asset"] else ""),
            figures.span(oldest_ms),
            row["reason"],
        )
    return table


def _source_table(rows: list[Row], moment: int) -> RenderableType:
    from rich.table import Table

    table = Table(
        *(
            "source",
            "circuit",
            "quotes",
            "changes",
            "failed",
            "age",
            "took p50/p90/p99",
            "lag p50/p90/p99",
            "last failure",
        ),
        box=None,
        pad_edge=False,
    )
    for row in rows:
        report, quote = row["report"], row["report"]["last_quote"]
        table.add_row(
            row["source"],
            row["circuit"],
            str(row["quotes"]),
            str(row["changes"]),
            str(row["failed"]),
            "" if quote is None else figures.span(moment - int(quote["received_at_ms"])),
            _percentiles(report["took"]),
            _percentiles(report["lag"]),
            last_failure(row, moment),
        )
    return table


def _percentiles(spread: dict[str, str | None]) -> str:
    found = [spread[name] for name in ("p50_ms", "p90_ms", "p99_ms")]
    return "" if found[0] is None else f"{'/'.join(str(each) for each in found)} ms"
