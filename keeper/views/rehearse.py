"""`keeper rehearse`: would the liquidations that may be needed go through? Known before they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.views import figures
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import config_option, json_option, load_settings
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.venues.readiness import Readiness
    from keeper.views.rehearsal.asking import Unread, Venue

HUB_NOTE = "Accounts of the margin hubs are left out: what they need is signed by a quorum when it is needed."


@click.command(name="rehearse", short_help="Would liquidations at the venues go through? Simulated, unsent.")
@config_option
@click.option(
    "--below", default="1.2", show_default=True, metavar="HEALTH", help="Accounts with a health below this."
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Rows shown.")
@click.option(
    "--everybody", is_flag=True, help="Look for accounts in the chains' logs, not in the state log."
)
@json_option
def command(config: Path, below: str, limit: int, *, everybody: bool, as_json: bool) -> ExitCode:
    """Rehearse the liquidation of every account near the edge at Aave and Morpho, at the price that would call for it.

    The protocol and the executor themselves run, on the nodes, in the newest block: only prices are pretended, and
    nothing is signed or sent. Accounts are those that the state log knows; where there is none yet, or with --everybody,
    they are found in the chains' own logs, which takes longer. Whether it pays by the configured terms is decided when it happens, not here. Exits 2
    if something would fail, 3 if a venue can not be read.
    """
    import asyncio

    from config.units import parse_wad
    from keeper.views.rehearsal.asking import Unread, ask_all, known_to

    settings = load_settings(config)
    try:
        below_wad = parse_wad(below)
    except ValueError as error:
        raise CommandError(f"--below {below}: {error}", ExitCode.USAGE, "a health, such as 1.2") from error
    if not any(chain.venues for chain in settings.chains.values()):
        raise CommandError(
            "no chain has venues", ExitCode.USAGE, "add [chains.NAME.venues.VENUE] to the file"
        )
    known = {} if everybody else known_to(settings.state_log)
    found = asyncio.run(ask_all(settings, below_wad, known))
    unread = [each for each in found if isinstance(each, Unread)]
    venues = [each for each in found if not isinstance(each, Unread)]
    failing = sum(not each.ready for venue in venues for each in venue.found)
    code = ExitCode.DOWN if unread else ExitCode.DEGRADED if failing else ExitCode.FINE
    if as_json:
        show_json(_document(venues, unread, code))
    else:
        show(*_parts(venues, unread, limit))
    return code


def _document(venues: list[Venue], unread: list[Unread], code: ExitCode) -> dict[str, Any]:
    return {
        "venues": [
            {
                "chain": venue.chain,
                "venue": venue.name,
                "block_number": venue.block_number,
                "borrowers": venue.borrowers,
                "from_log": venue.from_log,
                "rehearsed": [_plain(each) for each in venue.found],
            }
            for venue in venues
        ],
        "unread": [{"chain": each.chain, "venue": each.name, "why": each.why} for each in unread],
        "left_out": HUB_NOTE,
        "exit_code": int(code),
    }


def _plain(each: Readiness) -> dict[str, Any]:
    told, planned, best = each.rehearsed, each.rehearsed.planned, each.best
    return {
        "account": told.borrower.account,
        "market": told.borrower.market,
        "health_wad": None if told.health_wad is None else str(told.health_wad),
        "falls_at_bps": told.share_bps,
        "debt_token": None if planned is None else planned.debt_asset,
        "collateral_token": None if planned is None else planned.collateral_asset,
        "repay": None if planned is None else str(planned.repay),
        "seize": None if planned is None else str(planned.seize),
        "ready": each.ready,
        "by": None if best is None else best.pool,
        "kept": None if best is None else str(best.kept),
        "why_not": each.why_not,
        "ways": [{"pool": way.pool, "kept": str(way.kept), "failure": way.failure} for way in each.outcomes],
    }


def _parts(venues: list[Venue], unread: list[Unread], limit: int) -> list[RenderableType]:
    from rich.table import Table

    table = Table("chain", "venue", "account", "health", "falls at", "repay", "seize", "with", "", box=None)
    every = [each for venue in venues for each in venue.found]
    shown = sorted(every, key=lambda each: each.ready)[:limit]
    for each in shown:
        table.add_row(*_row(each))
    failing = sum(not each.ready for each in every)
    lines: list[RenderableType] = [
        f"{venue.chain} {venue.name}: {figures.count(venue.borrowers, 'account')} known"
        f"{' to the state log' if venue.from_log else ''}, "
        f"{len(venue.found):,} rehearsed as of block {venue.block_number:,}"
        for venue in venues
    ]
    lines += [f"{each.chain} {each.name} could not be read: {each.why}" for each in unread]
    summary = f"{failing:,} of {figures.count(len(every), 'liquidation')} would fail"
    if len(shown) < len(every):
        summary += f"; {len(every) - len(shown):,} more rows with --limit"
    return [table, "", *lines, summary, HUB_NOTE]


def _row(each: Readiness) -> tuple[str, ...]:
    from chains.venues.executor.codec import NO_POOL

    told, planned = each.rehearsed, each.rehearsed.planned
    way = "" if each.best is None else "inventory" if each.best.pool == NO_POOL else "flash swap"
    falls = "never" if told.share_bps is None else f"{figures.percent(told.share_bps)} of the price"
    return (
        told.site.chain,
        told.site.name,
        figures.short(told.borrower.account),
        "?" if told.health_wad is None else figures.health(told.health_wad),
        "" if told.obstacle and told.share_bps is None else falls,
        "" if planned is None else _amount(each, planned.debt_asset, planned.repay),
        "" if planned is None else _amount(each, planned.collateral_asset, planned.seize),
        way,
        "ready" if each.ready else f"WOULD FAIL: {each.why_not}",
    )


def _amount(each: Readiness, token: str, amount: int) -> str:
    known = each.rehearsed.site.tokens.get(token)
    if known is None:
        return f"{amount} of {figures.short(token)}"
    return f"{figures.quantity(amount, known.decimals, 4)} {known.asset}"
