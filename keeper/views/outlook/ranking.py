"""The figures that accounts can be sorted by and shown with: some stand in the log, some are worked out when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from keeper.views import figures as written
from keeper.views.outlook.answers import usd_wad

if TYPE_CHECKING:
    from keeper.state.reader import LogReader, Row

Key: TypeAlias = "Callable[[Row], float | int | None]"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an account. The worst come first: the largest if `large_is_bad`; those without one come last.

    `asks` says that it is no column of the log.
    """

    title: str
    key: Key
    text: Callable[[Any], str]
    large_is_bad: bool
    asks: bool = False


def percent(value: float | None) -> str:
    """Return a probability or a relative move as percent."""
    if value is None:
        return "-"
    return "< 0.01 %" if 0 < value < 0.0001 else f"{value * 100:.2f} %"


def _column(name: str) -> Key:
    return lambda row: row[name]


def _asked(name: str) -> Key:
    return lambda row: row["outlook"].get(name)


def _usd(value: float | None) -> str:
    return "-" if value is None else written.usd(usd_wad(value))


def _deviations(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _multiple(wad: int | None) -> str:
    return "-" if wad is None else written.quantity(wad, 18, 2)


FIGURES: Mapping[str, Figure] = {
    "health": Figure("health", _column("health_mid_wad"), written.health, large_is_bad=False),
    "surplus": Figure("surplus USD", _column("surplus_mid_wad"), written.usd, large_is_bad=False),
    "free": Figure(
        "initial surplus USD", _column("initial_surplus_low_wad"), written.usd, large_is_bad=False
    ),
    "equity": Figure("equity USD", _column("equity_mid_wad"), written.usd, large_is_bad=False),
    "assets": Figure("weighted assets USD", _column("assets_mid_wad"), written.usd, large_is_bad=True),
    "requirement": Figure("requirement USD", _column("requirement_mid_wad"), written.usd, large_is_bad=True),
    "leverage": Figure("leverage", _asked("leverage_wad"), _multiple, large_is_bad=True, asks=True),
    "probability": Figure("any time", _asked("probability"), percent, large_is_bad=True, asks=True),
    "stressed": Figure("stressed", _asked("probability_stressed"), percent, large_is_bad=True, asks=True),
    "distance": Figure("deviations off", _asked("distance"), _deviations, large_is_bad=False, asks=True),
    "move": Figure("nearest move", _asked("move"), percent, large_is_bad=False, asks=True),
    "var": Figure("VaR USD", _asked("value_at_risk_usd"), _usd, large_is_bad=True, asks=True),
    "es": Figure("ES USD", _asked("expected_shortfall_usd"), _usd, large_is_bad=True, asks=True),
    "bad_debt": Figure("bad debt USD", _asked("expected_bad_debt_usd"), _usd, large_is_bad=True, asks=True),
}
"""By the name that ``--sort`` and ``--show`` take."""


def ranked(rows: Iterable[Row], figure: Figure) -> list[Row]:
    """Return the rows, the worst first; those without the figure last, in the order they had."""

    def place(row: Row) -> tuple[bool, float]:
        value = figure.key(row)
        return (value is None, 0.0 if value is None else (-value if figure.large_is_bad else value))

    return sorted(rows, key=place)


def with_outlook(log: LogReader, rows: Sequence[Row], horizon_s: float) -> list[Row]:
    """Return the rows, each with its outlook (empty for an account that can not be valued now)."""
    from keeper.margin.evidence import time_of
    from keeper.margin.figures import leverage_wad
    from keeper.risk.outlook import OutlookTerms
    from keeper.views.outlook.answers import figures
    from keeper.views.outlook.question import ask

    asked = ask(log, OutlookTerms(horizon_s=horizon_s), {})
    watched = asked.book.watched
    at_s = time_of(watched.cut)
    found: dict[str, dict[str, Any]] = {}
    for account, its in zip(watched.accounts, asked.outlook.figures, strict=True):
        told = figures(its)
        told["leverage_wad"] = leverage_wad(account, watched.prices, watched.policy, at_s=at_s)
        told["move"] = (
            max(map(abs, its.shock.values()), default=None) if math.isfinite(its.distance) else None
        )
        found[account.account_id] = told
    return [row | {"outlook": found.get(row["account_id"], {})} for row in rows]
