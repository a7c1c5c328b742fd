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
)
_QUOTE = (
    "source",
    "source_group",
    "pair",
    "reason",
    "value_wad",
    "failure",
    "detail",
    "source_time_ms",
    "received_at_ms",
    "changed_at_ms",
)


@click.command(name="prices", short_help="Prices as intervals, and the quotes behind them.")
@log_options
@click.option("--why", "asset", metavar="ASSET", help="Show the tree of quotes behind one asset's price.")
@json_option
def command(config: Path, log: Path | None, asset: str | None, *, as_json: bool) -> ExitCode:
    """Show the newest prices: interval, status, age and sources.

    Exits 0 if every price is ok, 2 if one is degraded or unavailable.
    """
    with open_log(log_path(config, log)) as reader:
        newest = reader.prices()
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
        show(why(asset, prices, newest["as_of_ms"]))
    all_ok = all(row["status"] == "ok" for row in chosen.values())
    return ExitCode.FINE if all_ok else ExitCode.DEGRADED


def why(asset: str, prices: dict[str, Row], as_of_ms: int) -> Tree:
    """Return the tree of an asset's price: every quote, used or not and why, and the price it was multiplied by."""
    from rich.tree import Tree

    tree = Tree(headline(prices[asset]))
    grow(tree, asset, prices, as_of_ms)
    return tree


def grow(tree: Tree, asset: str, prices: dict[str, Row], as_of_ms: int) -> None:
    """Add to `tree` what the price of `asset` was made from."""
    from rich.text import Text

    price = prices[asset]
    for quote in price["quotes"]:
        tree.add(Text(_quote_line(quote, as_of_ms), style="" if quote["used"] else "dim"))
    via = price["via_asset"]
    if via in prices:
        grow(tree.add(f"times {headline(prices[via])}"), via, prices, as_of_ms)


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


def headline(price: Row) -> str:
    """Return an asset's price in one line."""
    return f"{price['asset']}  {_interval(price)}  {price['status']}{_because(price['reason'])}"


def _interval(price: Row) -> str:
    if price["mid_wad"] is None:
        return "no price"
    low, high = figures.price(price["low_wad"]), figures.price(price["high_wad"])
    return f"{figures.price(price['mid_wad'])} ({low} .. {high})"


def _quote_line(quote: Row, as_of_ms: int) -> str:
    name = f"{quote['source']} ({quote['source_group']}) {quote['pair']}"
    if quote["failure"]:
        return f"{name}  left out: {quote['failure']}{_because(quote['detail'])}"
    made_ms = quote["source_time_ms"] or quote["changed_at_ms"] or quote["received_at_ms"]
    line = f"{name}  {figures.price(quote['value_wad'])}  {figures.span(as_of_ms - made_ms)} old"
    return line if quote["used"] else f"{line}  left out{_because(quote['reason'])}"


def _because(text: str) -> str:
    return f": {text}" if text else ""
