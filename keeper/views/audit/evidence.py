"""Invariant 5: no decision used a quote past its age, a price below quorum, or one that is not in the log.

A decision's inputs hold the prices; the quotes behind them stand in the observations under the price set's id,
as long as retention keeps them. What is no longer kept can not be checked and is not counted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeper.views.audit.findings import Finding
from keeper.views.audit.journal import LoggedEntry
from keeper.views.audit.settings_used import InForce, SettingsUsed

MAX_FUTURE_MS = 30_000

_FIGURES = ("status", "low_wad", "mid_wad", "high_wad")


@dataclass(slots=True)
class _Used:
    """What decisions say of one price set, and the configuration it was made under."""

    in_force: InForce
    prices: dict[str, Mapping[str, Any]]


class EvidenceAudit:
    """Compares the prices that decisions were made from with the quotes that were seen."""

    def __init__(self, path: Path, settings: SettingsUsed) -> None:
        self._path = path
        self._settings = settings
        self._used: dict[str, _Used] = {}
        self._finding = Finding(
            "evidence", "each price decided on had its quorum of fresh quotes and is the one in the log"
        )

    def take(self, entry: LoggedEntry) -> None:
        """Look at one entry."""
        if entry.kind not in {"decision_made", "venue_judged"}:
            return
        try:
            inputs = json.loads(entry.body["inputs"])
            price_set, prices = inputs["price_set"], inputs["prices"]
        except (ValueError, KeyError, TypeError):
            self._finding.expect(f"entry {entry.seq}: the decision's inputs name no prices", holds=False)
            return
        used = self._used.setdefault(price_set, _Used(self._settings.current, {}))
        for asset, price in prices.items():
            figures = {name: price[name] for name in _FIGURES}
            same = used.prices.setdefault(asset, figures) == figures
            self._finding.expect(
                f"entry {entry.seq}: another price of {asset} in set {price_set}", holds=same
            )

    def findings(self) -> Iterable[Finding]:
        """Return what was found."""
        with closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'price_sets'").fetchone():
                for price_set, used in self._used.items():
                    self._set(connection, price_set, used)
        return (self._finding,)

    def _set(self, connection: sqlite3.Connection, price_set: str, used: _Used) -> None:
        kept = connection.execute(
            "SELECT as_of_ms FROM price_sets WHERE price_set = ?", (price_set,)
        ).fetchone()
        if kept is None:
            return
        rows = connection.execute("SELECT * FROM prices WHERE price_set = ?", (price_set,)).fetchall()
        quotes = connection.execute(
            "SELECT * FROM quotes WHERE price_set = ? AND used", (price_set,)
        ).fetchall()
        logged = {row["asset"]: row for row in rows}
        for asset, figures in used.prices.items():
            name = f"set {price_set}, {asset}"
            row = logged.get(asset)
            self._finding.expect(
                f"{name}: decided on another price than was seen",
                holds=row is not None and all(row[figure] == figures[figure] for figure in _FIGURES),
            )
            if row is not None and row["status"] != "unavailable":
                its = [quote for quote in quotes if quote["asset"] == asset]
                self._price(name, asset, kept["as_of_ms"], its, used.in_force)

    def _price(
        self, name: str, asset: str, as_of_ms: int, quotes: Sequence[sqlite3.Row], in_force: InForce
    ) -> None:
        min_sources, min_groups = in_force.quorum(asset)
        groups = {quote["source_group"] for quote in quotes}
        self._finding.expect(
            f"{name}: {len(quotes)} sources of {len(groups)} groups, the quorum is {min_sources} of {min_groups}",
            holds=len(quotes) >= min_sources and len(groups) >= min_groups,
        )
        for quote in quotes:
            made_ms = (
                quote["source_time_ms"] if quote["source_time_ms"] is not None else quote["changed_at_ms"]
            )
            age_ms, limit_ms = as_of_ms - made_ms, in_force.max_age_ms(quote["source"])
            self._finding.expect(
                f"{name}: {quote['source']} was {age_ms} ms old, its limit is {limit_ms} ms",
                holds=limit_ms is not None and -MAX_FUTURE_MS <= age_ms <= limit_ms,
            )
