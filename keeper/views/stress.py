"""`keeper stress`: what falling prices would do to the book, how likely that is, and what would help."""

from __future__ import annotations

from pathlib import Path

import click

from keeper.views import figures
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json

MOVES = ("-10", "-20", "-30")


@click.command(
    name="stress",
    short_help="What moves of prices would do: liquidations, cascades, probabilities, losses.",
    context_settings={"ignore_unknown_options": False},
)
@log_options
@click.option(
    "--asset", "assets", multiple=True, metavar="ASSET", help="Move only this one; may be repeated."
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    default=MOVES,
    show_default=True,
    metavar="PERCENT",
    help="May be repeated.",
)
@click.option(
    "--horizon", default="24h", show_default=True, metavar="TIME", help="For probabilities and losses."
)
@click.option(
    "--paths", type=click.IntRange(100, 100_000), default=2_000, show_default=True, help="Simulated paths."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same paths."
)
@click.option(
    "--volatility", "volatility", multiple=True, metavar="ASSET=X", help="Per year, in place of the estimate."
)
@click.option(
    "--depth", "depth", multiple=True, metavar="ASSET=USD", help="Sold within one percent, as if configured."
)
@click.option("--garch", is_flag=True, help="Volatility over the horizon by a GARCH model, where one fits.")
@click.option("--no-cascade", is_flag=True, help="Leave out what liquidations would set off.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Accounts told in full."
)
@click.option("--plot", "plotted", is_flag=True, help="Bars in place of the table of shocks.")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the bars to a file as well."
)
@json_option
def command(
    config: Path,
    log: Path | None,
    assets: tuple[str, ...],
    moves: tuple[str, ...],
    horizon: str,
    paths: int,
    seed: int,
    volatility: tuple[str, ...],
    depth: tuple[str, ...],
    limit: int,
    svg: Path | None,
    *,
    garch: bool,
    no_cascade: bool,
    plotted: bool,
    as_json: bool,
) -> ExitCode:
    """Ask what moves of prices would do to the accounts, on prices and legs as last written to the log.

    Which accounts would be liquidated is decided by the exact rules; cascades by the planner itself, with
    what it sells moving prices by the depth configured. Probabilities are of falling below maintenance at any time
    within the horizon. Exits 2 if an account could not be valued.
    """
    from keeper.risk.outlook import OutlookTerms
    from keeper.views.outlook import charts, tables, venue_shocks
    from keeper.views.outlook.answers import answer, document
    from keeper.views.outlook.question import ask, by_asset, depths, percents, seconds, shocks_asked

    terms = OutlookTerms(horizon_s=seconds(horizon), paths=paths, seed=seed, garch=garch)
    steps, given = percents(moves), by_asset(volatility, "the volatility")
    sold = by_asset(depth, "the depth")
    with open_log(log_path(config, log)) as reader:
        asked = ask(reader, terms, given)
        shocks = shocks_asked(asked.book, assets, steps)
        at_venues = venue_shocks.strike_venues(reader, asked.book, shocks)
    answers = answer(asked, shocks, None if no_cascade else depths(asked, sold), limit)
    if svg is not None:
        _write(svg, charts.svg(charts.bars(answers), f"As of {figures.utc(asked.book.as_of_ms)} UTC"))
    if as_json:
        show_json(document(answers) | {"at_venues": venue_shocks.document(at_venues)})
    elif plotted:
        show(charts.plot(charts.bars(answers)))
    else:
        show(*tables.parts(answers), *venue_shocks.parts(at_venues))
    return ExitCode.DEGRADED if asked.book.left_out or at_venues.left_out else ExitCode.FINE


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CommandError(f"{path} can not be written: {error.strerror}", ExitCode.USAGE) from error
