"""What moves of prices would do to accounts with legs at venues: over all their legs, and by each venue's own rule.

Over all legs it is the exact evaluation. A venue's own figure is scaled by what its collateral and its debts would be
worth: exact for one collateral and one debt, about right for several, since their own limits are not in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from config.units import BPS, WAD
from keeper.views import figures

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.domain.account import Account
    from keeper.risk.stress import Shock, Struck
    from keeper.risk.watched import Watched
    from keeper.state.reader import LogReader
    from keeper.state.watched import Book
    from keeper.venues.view import VenueAccount
    from oracles.price import Price


@dataclass(frozen=True, slots=True)
class VenueStruck:
    """A shock, what it does over all legs, and the places whose own figure would be below one, as (chain, venue, account)."""

    over_all: Struck
    below_one: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class VenueShocks:
    """All shocks of the accounts with legs at venues. `left_out` can not be valued now, each with its reason."""

    accounts: int
    places: int
    left_out: Mapping[str, str]
    struck: tuple[VenueStruck, ...]


def strike_venues(log: LogReader, book: Book, shocks: Sequence[Shock]) -> VenueShocks:
    """Return what the shocks would do; nothing where nobody owes anything at a venue."""
    from keeper.risk.exposures import Exposures
    from keeper.risk.stress import strike
    from keeper.state.venue_reader import at_venues

    found = [each for each in at_venues(log) if any(held.borrowed for held in each.holdings)]
    accounts, left_out = _accounts(found, book)
    watched = replace(book.watched, accounts=accounts)
    exposures = Exposures.of(accounts, watched.policy)
    return VenueShocks(
        len(accounts),
        len(found),
        left_out,
        tuple(
            VenueStruck(strike(watched, exposures, shock), _below_one(found, watched, shock))
            for shock in (shocks if found else ())
        ),
    )


def scaled_health(
    account: VenueAccount, prices: Mapping[str, Price], moves_bps: Mapping[str, int]
) -> int | None:
    """Return about what the venue's own figure would be after a move, wad; None if it can not be told."""
    if account.health.health_wad is None:
        return None
    before = after = owed_before = owed_after = 0
    for held in account.holdings:
        price = prices.get(held.asset)
        if price is None or price.mid_wad is None:
            return None
        factor = max(BPS + moves_bps.get(held.asset, 0), 0)
        unit: int = 10 ** (36 - held.decimals)
        backs = held.supplied * unit * price.mid_wad if held.is_collateral else 0
        owed = held.borrowed * unit * price.mid_wad
        before, after = before + backs * BPS, after + backs * factor
        owed_before, owed_after = owed_before + owed * BPS, owed_after + owed * factor
    if not before or not owed_after:
        return account.health.health_wad
    return account.health.health_wad * after * owed_before // (before * owed_after)


def document(shocks: VenueShocks) -> dict[str, Any]:
    """Return them as JSON can hold them."""
    return {
        "accounts": shocks.accounts,
        "left_out": dict(shocks.left_out),
        "shocks": [
            {
                "name": each.over_all.shock.name,
                "moves_bps": dict(each.over_all.shock.moves_bps),
                "liquidatable_over_all_legs": list(each.over_all.liquidatable),
                "at_risk_over_all_legs": list(each.over_all.at_risk),
                "below_one_at_venues": [
                    {"chain": chain, "venue": venue, "account_id": account_id}
                    for chain, venue, account_id in each.below_one
                ],
            }
            for each in shocks.struck
        ],
    }


def parts(shocks: VenueShocks) -> list[RenderableType]:
    """Return them as a table; nothing where there are none."""
    from rich.table import Table

    if not shocks.places:
        return []
    table = Table(
        "at venues", "move", "under over all legs", "at risk", "below one at the venue (about)", box=None
    )
    for each in shocks.struck:
        moves = sorted(set(each.over_all.shock.moves_bps.values()))
        table.add_row(
            each.over_all.shock.name,
            ", ".join(figures.percent(bps) for bps in moves),
            f"{len(each.over_all.liquidatable):,} of {shocks.accounts:,}",
            f"{len(each.over_all.at_risk):,}",
            f"{len(each.below_one):,} of {shocks.places:,}",
        )
    left_out = [f"left out: {figures.short(each)}: {why}" for each, why in list(shocks.left_out.items())[:5]]
    return ["", table, *left_out]


def _accounts(found: Sequence[VenueAccount], book: Book) -> tuple[tuple[Account, ...], dict[str, str]]:
    from keeper.margin.curves import missing_parameters
    from keeper.margin.evidence import assets_of, boxes
    from keeper.venues.unified import unified_account

    hubs = {account.account_id: account for account in book.watched.accounts}
    by_id: dict[str, list[VenueAccount]] = {}
    for each in found:
        by_id.setdefault(each.account_id, []).append(each)
    valued: list[Account] = []
    left_out: dict[str, str] = {}
    for account_id, its in sorted(by_id.items()):
        account = unified_account(hubs.get(account_id), its)
        policy = book.watched.policy
        reasons = [
            *(reason for leg in account.legs for reason in leg.unreadable),
            *missing_parameters(account, policy),
        ] or boxes(assets_of(account, policy), book.watched.prices)[1]
        if reasons:
            left_out[account_id] = "; ".join(reasons)
        else:
            valued.append(account)
    return tuple(valued), left_out


def _below_one(
    found: Sequence[VenueAccount], watched: Watched, shock: Shock
) -> tuple[tuple[str, str, str], ...]:
    healths = ((each, scaled_health(each, watched.prices, shock.moves_bps)) for each in found)
    return tuple(
        (each.chain, each.venue, each.account_id)
        for each, health_wad in healths
        if health_wad is not None and health_wad < WAD
    )
