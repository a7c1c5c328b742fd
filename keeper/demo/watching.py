"""What the demo sees of the daemon: only its state log, as any operator would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keeper.state.errors import StateLogError
from keeper.state.reader import LogReader
from keeper.state.schema import ENDED
from keeper.venues.identity import VENUE_LIQUIDATION

LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A price that was made while one source's quote was left out, and that quote."""

    asset: str
    status: str
    mid_wad: int | None
    source: str
    value_wad: int
    reason: str
    seen_at_ms: int


class Log:
    """Short looks into the state log while the daemon writes it.

    Before the daemon has made it there is nothing to see. From then on a log that can not be read
    raises ``StateLogError``: an absence of rows must not be taken for an absence of liquidations.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made = False

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Return a query's rows; none while there is no log yet."""
        try:
            with LogReader(self._path) as reader:
                self._made = True
                return reader.select(sql, parameters)
        except StateLogError:
            if self._made:  # while it is being made it is not whole yet
                raise
            return []

    def number(self, sql: str, *parameters: object) -> int:
        """Return the one number that a query counts; 0 while there is no log yet."""
        return sum(row["n"] for row in self.rows(sql, *parameters))

    def decided(self) -> dict[str, str]:
        """Return each account's last decided state."""
        rows = self.rows("SELECT account_id, state FROM decisions ORDER BY seq")
        return {row["account_id"]: row["state"] for row in rows}

    def evaluated_since(self, since_ms: int) -> set[str]:
        """Return the accounts whose figures were made anew since then."""
        return {
            row["account_id"] for row in self.rows("SELECT account_id FROM health WHERE at_ms > ?", since_ms)
        }

    def why_unknown(self) -> str:
        """Return why the account that was last found unknown is."""
        sql = "SELECT unknown_because FROM decisions WHERE state = 'unknown' ORDER BY seq DESC LIMIT 1"
        return "; ".join(reason for row in self.rows(sql) for reason in row["unknown_because"])

    def liquidated(self) -> set[str]:
        """Return the accounts with a mined step at a hub."""
        sql = "SELECT DISTINCT account_id FROM intents WHERE state IN ('mined', 'final_ok') AND action != ?"
        rows = self.rows(sql, VENUE_LIQUIDATION)
        return {row["account_id"] for row in rows}

    def live_intents(self) -> int:
        """Return how many intents have not ended."""
        return self.number(f"SELECT count(*) AS n FROM intents WHERE state NOT IN {ENDED}")  # noqa: S608 - fixed

    def open_claims(self) -> int:
        """Return how many claims on another chain wait to be paid."""
        return self.number("SELECT count(*) AS n FROM claims WHERE state = 'open'")

    def noticed_since(self, since_ms: int) -> set[str]:
        """Return the accounts that were sent a notice since then."""
        sql = "SELECT DISTINCT account_id FROM notices WHERE at_ms >= ?"
        return {row["account_id"] for row in self.rows(sql, since_ms)}

    def left_out(self, group: str, since_ms: int) -> list[LeftOut]:
        """Return the prices made since then without a source's quote because it was far off, oldest first."""
        rows = self.rows(
            "SELECT asset, status, mid_wad, quotes.source, value_wad, quotes.reason, seen_at_ms FROM quotes "
            "JOIN prices USING (price_set, asset) JOIN price_sets USING (price_set) "
            "WHERE quotes.used = 0 AND source_group = ? AND quotes.reason LIKE 'outlier%' AND seen_at_ms >= ? "
            "ORDER BY seen_at_ms",
            group,
            since_ms,
        )
        return [LeftOut(**row) for row in rows]

    def decisions(self) -> int:
        """Return how many decisions there are."""
        return self.number("SELECT count(*) AS n FROM decisions")

    def notices(self) -> int:
        """Return how many notices were sent."""
        return self.number("SELECT count(*) AS n FROM notices")


async def until(
    condition: Callable[[], bool], limit_s: float, each: Callable[[], None] | None = None
) -> bool:
    """Look until `condition` holds or `limit_s` is over; return whether it held."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    while True:
        if each is not None:
            each()
        if condition():
            return True
        if loop.time() >= end:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
