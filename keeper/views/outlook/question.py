"""From a state log and a few options to the figures of `keeper.risk`: what is asked, and of which book."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config.estimate_settings import EstimateSettings
from config.units import BPS, WAD
from keeper.views.exits import CommandError, ExitCode

if TYPE_CHECKING:
    from keeper.risk.outlook import Outlook, OutlookTerms
    from keeper.risk.stress import Shock
    from keeper.risk.volatility import VolatilityTerms
    from keeper.state.reader import LogReader
    from keeper.state.watched import Book

SLOTS_PER_HALF_LIFE = 12
LONGEST_HISTORY_MS = 7 * 86_400_000
MONEY_VOLATILITY, ALMOST_ONE, SOME = 0.03, 0.99, 0.5
"""What is assumed without history: of assets that stand for dollars; of an asset and its share; of two others."""

_SPAN = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_PERCENT = re.compile(r"[+-]?[0-9]{1,4}(\.[0-9]{1,2})?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Asked:
    """A book and its outlook."""

    book: Book
    outlook: Outlook
    estimates: Mapping[str, EstimateSettings]


def ask(log: LogReader, terms: OutlookTerms, given: Mapping[str, float]) -> Asked:
    """Return the outlook of the book in the log. `given` are volatilities per year that are not estimated.

    Raises `CommandError` while there is nothing to ask about.
    """
    # A question must not take every core from the daemon that it is asked beside of.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    from keeper.margin.evidence import assets_of
    from keeper.planner.codec import Undecodable
    from keeper.risk.exposures import Exposures
    from keeper.risk.history import History
    from keeper.risk.outlook import outlook
    from keeper.state.watched import past_prices, read_book

    try:
        book = read_book(log)
    except Undecodable as error:
        raise CommandError(
            f"the decisions in this log are of another version: {error}",
            ExitCode.USAGE,
            "use the program that wrote it, or start the daemon of this version",
        ) from error
    if book is None:
        raise CommandError(
            "no price or no decision has been made yet", ExitCode.DOWN, "keeper status says what is missing"
        )
    watched = book.watched
    used = {asset for account in watched.accounts for asset in assets_of(account, watched.policy)}
    known = watched.policy.assets
    estimates = {asset: _estimates(book, asset) for asset in known if asset in used or not used}
    unknown = sorted(given.keys() - estimates.keys())
    if unknown:
        raise CommandError(
            f"there is no asset {unknown[0]} here", advice=f"there are: {', '.join(estimates)}"
        )
    how = _how(book, estimates, given)
    step_ms = round(min(how.fast_half_life_s / SLOTS_PER_HALF_LIFE, terms.horizon_s / terms.steps) * 1_000)
    past = past_prices(log, step_ms, book.as_of_ms - LONGEST_HISTORY_MS)
    exposures = Exposures.tabled(watched, tuple(estimates))
    history = History.of(exposures.assets, step_ms / 1_000, past)
    assumed = np.array([[_together(book, one, other) for other in estimates] for one in estimates])
    return Asked(book, outlook(watched, exposures, history, terms, how, assumed), estimates)


def shocks_asked(book: Book, assets: Sequence[str], moves_bps: Sequence[int]) -> list[Shock]:
    """Return the shocks of each asset with what is priced in it, and of all assets that are no money, together.

    Without `assets` those that the accounts hold. Raises `CommandError` for one that has no price.
    """
    from keeper.margin.evidence import assets_of
    from keeper.risk.stress import shocks

    watched, money = book.watched, _money(book)
    unknown = [asset for asset in assets if asset not in watched.prices]
    if unknown:
        raise CommandError(
            f"there is no asset {unknown[0]} here", advice=f"there are: {', '.join(watched.prices)}"
        )
    used = {asset for account in watched.accounts for asset in assets_of(account, watched.policy)}
    volatilities = {market.volatility for market in watched.policy.option_markets.values()}
    roots = {_root(asset, book.via) for asset in used} - money - volatilities
    members: dict[str, Sequence[str]] = {
        root: _moving_with(root, book.via) for root in (assets or sorted(roots))
    }
    together = sorted(roots | {asset for root in roots for asset in _moving_with(root, book.via)})
    if not assets and len(roots) > 1:
        members["all"] = together
    return shocks((), members, moves_bps)


def depths(asked: Asked, given: Mapping[str, float]) -> dict[str, int | None]:
    """Return what of each asset can be sold within one percent, USD wad: as given, else as configured."""
    configured = {asset: its.depth for asset, its in asked.estimates.items()}
    return configured | {asset: int(value * WAD) for asset, value in given.items()}


def seconds(text: str) -> float:
    """Read ``30m``, ``24h`` or ``7d``. Raises `CommandError`."""
    found = _SPAN.fullmatch(text)
    if found is None or not int(found[1]):
        raise CommandError(f"{text!r} is not a length of time", advice="write it like 30m, 24h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def by_asset(values: Iterable[str], what: str) -> dict[str, float]:
    """Read ``ETH=0.8`` and the like. Raises `CommandError`."""
    found: dict[str, float] = {}
    for text in values:
        asset, _, value = text.partition("=")
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,18})?", value) or not float(value):
            raise CommandError(f"{text!r} is not {what} of an asset", advice="write it like ETH=0.8")
        found[asset] = float(value)
    return found


def percents(values: Sequence[str]) -> list[int]:
    """Read moves such as ``-10`` or ``12.5``, percent, as basis points. Raises `CommandError`."""
    found = []
    for text in values:
        move_bps = round(float(text) * 100) if _PERCENT.fullmatch(text) else None
        if move_bps is None or move_bps <= -BPS:
            raise CommandError(
                f"{text!r} is not a move", advice="write percent above -100, like -10 or +12.5"
            )
        found.append(move_bps)
    return found


def _how(
    book: Book, estimates: Mapping[str, EstimateSettings], given: Mapping[str, float]
) -> VolatilityTerms:
    from keeper.risk.volatility import VolatilityTerms

    fast_s = min((its.half_life_s for its in estimates.values()), default=3_600.0)
    return VolatilityTerms(
        fast_half_life_s=fast_s,
        slow_half_life_s=24 * fast_s,
        bounds={
            asset: (its.lowest_volatility / WAD, its.highest_volatility / WAD)
            for asset, its in estimates.items()
        },
        assumed_of=dict.fromkeys(_money(book), MONEY_VOLATILITY),
        given=given,
    )


def _together(book: Book, one: str, other: str) -> float:
    """Return the correlation that is assumed of two assets: high for one that is priced in the other, none of money."""
    if one == other:
        return 1.0
    if _root(one, book.via) == _root(other, book.via):
        return ALMOST_ONE
    return 0.0 if _money(book) & {one, other} else SOME


def _estimates(book: Book, asset: str) -> EstimateSettings:
    section: Any = book.settings.get("assets", {}).get(asset, {}).get("estimates")
    return EstimateSettings() if section is None else EstimateSettings.model_validate(section, strict=False)


def _money(book: Book) -> set[str]:
    """Return the assets that stand for dollars: what hubs lend, and what is pegged."""
    money = {venue.stable.asset for venue in book.facts.values()}
    for asset, section in book.settings.get("assets", {}).items():
        if (section.get("guards") or {}).get("peg") == "USD":
            money.add(asset)
    return money


def _root(asset: str, via: Mapping[str, str]) -> str:
    seen = {asset}
    while asset in via and via[asset] not in seen:
        asset = via[asset]
        seen.add(asset)
    return asset


def _moving_with(root: str, via: Mapping[str, str]) -> tuple[str, ...]:
    return (root, *sorted(asset for asset in via if asset != root and _root(asset, via) == root))
