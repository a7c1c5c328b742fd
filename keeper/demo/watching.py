"""What the demo sees of the daemon: only its state log, as any operator would."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chains.hub.attestation import Action
from keeper.state.errors import StateLogError
from keeper.state.reader import LogReader

LOOK_EVERY_S = 0.25


class Log:
    """Short looks into the state log while the daemon writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Return a query's rows; none while there is no log yet."""
        try:
            with LogReader(self._path) as reader:
                return reader.select(sql, parameters)
        except StateLogError:
            return []

    def states(self) -> dict[str, str]:
        """Return each account's newest state."""
        return {row["account_id"]: row["state"] for row in self.rows("SELECT account_id, state FROM health")}

    def decided(self) -> dict[str, str]:
        """Return each account's last decided state."""
        rows = self.rows("SELECT account_id, state FROM decisions ORDER BY seq")
        return {row["account_id"]: row["state"] for row in rows}

    def liquidated(self) -> dict[str, set[str]]:
        """Return the accounts with a mined step, and the chains it was mined on."""
        found: dict[str, set[str]] = {}
        for row in self.rows("SELECT account_id, chain FROM intents WHERE state IN ('mined', 'final_ok')"):
            found.setdefault(row["account_id"], set()).add(row["chain"])
        return found

    def live_intents(self) -> int:
        """Return how many intents have not ended."""
        sql = "SELECT count(*) AS n FROM intents WHERE state NOT LIKE 'final%' AND state != 'skipped'"
        return sum(row["n"] for row in self.rows(sql))

    def open_claims(self) -> int:
        """Return how many claims on another chain wait to be paid."""
        return sum(row["n"] for row in self.rows("SELECT count(*) AS n FROM claims WHERE state = 'open'"))

    def noticed(self) -> set[str]:
        """Return the accounts that were sent a margin-call notice."""
        return {row["account_id"] for row in self.rows("SELECT DISTINCT account_id FROM notices")}

    def steps(self) -> Counter[tuple[str, str]]:
        """Return the mined steps counted by (chain, what)."""
        rows = self.rows("SELECT chain, action FROM intents WHERE state IN ('mined', 'final_ok')")
        return Counter((row["chain"], Action(int(row["action"])).name.lower()) for row in rows)

    def left_out(self, source_start: str) -> dict[str, Any] | None:
        """Return the newest quote of a source that was not used as an outlier."""
        rows = self.rows(
            "SELECT source, pair, value_wad, reason FROM quotes WHERE used = 0 AND source LIKE ? "
            "AND reason LIKE '%outlier%' ORDER BY rowid DESC LIMIT 1",
            source_start + "%",
        )
        return rows[0] if rows else None

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return sum(row["n"] for row in self.rows(f"SELECT count(*) AS n FROM {table}"))  # noqa: S608 - fixed names


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
