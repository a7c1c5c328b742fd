"""Reading the log while the daemon writes it: one read-only connection, rows as dictionaries.

In rows, columns ending in ``_wad`` or ``_wei`` are integers, JSON columns are parsed, all else is as stored. This
module imports nothing heavy, so that a view answers at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from keeper.state.errors import LogDamaged, LogTooNew, LogUnreadable
from keeper.state.schema import APPLICATION_ID, ENDED, SCHEMA_VERSION

Row: TypeAlias = "dict[str, Any]"
"""A row by column name; the values are those named in the module's docstring."""

_JSON_COLUMNS = frozenset(
    (
        "cut",
        "unknown_because",
        "collateral",
        "debt",
        "positions",
        "claims",
        "options",
        "rejected",
        "attestation",
        "holds",
        "paths",
        "report",
        "venues",
    )
)
_INTEGER_TEXT = ("_wad", "_wei")


class LogReader:
    """A read-only view of the log at `path`. Every method is one consistent read; amounts are integers.

    Raises `LogUnreadable` when there is no log, `LogTooNew` for a later schema, `LogDamaged` when SQLite can
    not read it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            message = f"{path} does not exist: has the daemon run with this configuration?"
            raise LogUnreadable(message)
        self._path = path
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)
            self._connection.row_factory = _row
            (application,) = self._connection.execute("PRAGMA application_id").fetchone().values()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone().values()
        except sqlite3.DatabaseError as error:
            message = f"{path} can not be read as a state log: {error}"
            raise LogDamaged(message) from error
        if application != APPLICATION_ID:
            self.close()
            message = f"{path} is not a state log of this program"
            raise LogUnreadable(message)
        if version < SCHEMA_VERSION:
            self.close()
            message = f"{path} has schema version {version}: the next run brings it to {SCHEMA_VERSION}"
            raise LogUnreadable(message)
        if version > SCHEMA_VERSION:
            self.close()
            message = f"{path} has schema version {version}, this program reads {SCHEMA_VERSION}"
            raise LogTooNew(message)

    @property
    def path(self) -> Path:
        """Which log this reads."""
        return self._path

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[Self]:
        """Make all reads within see the log as of one moment."""
        self._connection.execute("BEGIN")
        try:
            yield self
        finally:
            self._connection.execute("ROLLBACK")

    def select(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of any query."""
        return self._connection.execute(sql, tuple(parameters)).fetchall()

    def one(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """Return the first row of any query."""
        row: Row | None = self._connection.execute(sql, tuple(parameters)).fetchone()
        return row

    def status(self) -> Row:
        """Return the run, the chains, the accounts by state, live intents, open alerts and the newest entry."""
        with self.snapshot():
            return {
                "mode": self._value("SELECT json_extract(body, '$.mode') AS v FROM journal WHERE seq = 1"),
                "run": self.one("SELECT * FROM runs ORDER BY seq DESC LIMIT 1"),
                "newest_entry": self.one(
                    "SELECT seq, at_ms, kind, hash FROM journal ORDER BY seq DESC LIMIT 1"
                ),
                "chains": self.select(
                    "SELECT chains.chain, chain_id, genesis_hash, state, detail, head_number, head_hash, "
                    "head_timestamp_s, received_at_ms, since_ms, at_ms FROM chains "
                    "LEFT JOIN chain_status ON chain_status.chain = chains.chain ORDER BY chains.chain"
                ),
                "endpoints": self.select("SELECT * FROM endpoints ORDER BY chain, number"),
                "log_passes": self.select("SELECT * FROM log_passes ORDER BY chain"),
                "accounts": self._counts("SELECT state AS k, count(*) AS n FROM health GROUP BY state"),
                "prices": self._counts(
                    "SELECT status AS k, count(*) AS n FROM prices WHERE price_set = "
                    "(SELECT price_set FROM price_sets ORDER BY seen_at_ms DESC LIMIT 1) GROUP BY status"
                ),
                "price_set_at_ms": self._value("SELECT max(seen_at_ms) AS v FROM price_sets"),
                "decisions": self._value("SELECT count(*) AS v FROM decisions"),
                "intents": self._counts("SELECT state AS k, count(*) AS n FROM intents GROUP BY state"),
                "alerts": self.alerts(),
            }

    def accounts(self, states: Sequence[str] = (), limit: int = 1_000) -> list[Row]:
        """Return accounts with their newest figures, least healthy first."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self.select(
            "SELECT health.*, owner, subaccount FROM health "  # noqa: S608 - fixed names
            f"LEFT JOIN accounts ON accounts.account_id = health.account_id {where}",
            states,
        )
        rows.sort(key=_distance)
        return rows[:limit]

    def account(self, account_id: str) -> Row | None:
        """Return one account with its newest figures and its legs. A unique start of the id (10 digits) is enough."""
        found = self.select(
            "SELECT account_id FROM health WHERE account_id >= ? AND account_id < ? LIMIT 2",
            (account_id.lower(), account_id.lower() + "g"),
        )
        if len(found) != 1:
            return None
        full = found[0]["account_id"]
        row = self.one(
            "SELECT health.*, owner, subaccount FROM health "
            "LEFT JOIN accounts ON accounts.account_id = health.account_id WHERE health.account_id = ?",
            (full,),
        )
        assert row is not None  # noqa: S101 - just found
        return row | {"legs": self.select("SELECT * FROM legs WHERE account_id = ? ORDER BY chain", (full,))}

    def prices(self, price_set: str | None = None) -> Row | None:
        """Return a price set (the newest unless named) with its prices, each with its quotes."""
        chosen = self.one(
            "SELECT * FROM price_sets WHERE price_set = coalesce(?, price_set) ORDER BY seen_at_ms DESC LIMIT 1",
            (price_set,),
        )
        if chosen is None:
            return None
        key = (chosen["price_set"],)
        prices = self.select("SELECT * FROM prices WHERE price_set = ? ORDER BY asset", key)
        quotes = self.select("SELECT * FROM quotes WHERE price_set = ? ORDER BY asset, number", key)
        for price in prices:
            price["quotes"] = [quote for quote in quotes if quote["asset"] == price["asset"]]
        return chosen | {"prices": prices}

    def sources(self) -> list[Row]:
        """Return how each source did when it was last told, with its `report`; also of sources that are gone since."""
        return self.select("SELECT * FROM sources ORDER BY source")

    def configuration(self) -> Row:
        """Return the configuration that was last in force, as JSON objects; empty before the first."""
        rows = self.select("SELECT text FROM configs ORDER BY first_used_at_ms DESC, rowid DESC LIMIT 1")
        return dict(json.loads(rows[0]["text"])) if rows else {}

    def decisions(self, account_id: str | None = None, limit: int = 50) -> list[Row]:
        """Return decisions, newest first, without their inputs."""
        return self.select(
            "SELECT * FROM decisions WHERE account_id = coalesce(?, account_id) ORDER BY seq DESC LIMIT ?",
            (account_id, limit),
        )

    def decision(self, decision_id: str) -> Row | None:
        """Return a decision with its canonical `inputs` and `result`, its plan and its steps."""
        decision = self.one(
            "SELECT decisions.*, json_extract(body, '$.inputs') AS inputs, json_extract(body, '$.result') AS result "
            "FROM decisions JOIN journal ON journal.seq = decisions.seq WHERE decision_id = ?",
            (decision_id,),
        )
        if decision is None:
            return None
        plan = self.one("SELECT * FROM plans WHERE decision_id = ?", (decision_id,))
        steps = self.select("SELECT * FROM steps WHERE decision_id = ? ORDER BY number", (decision_id,))
        return decision | {"plan": None if plan is None else plan | {"steps": steps}}

    def explain(self, account_id: str) -> Row | None:
        """Return all that is known of one account, for a person to be told why it was (not) liquidated.

        `decisions` are newest first, the newest with inputs, result and plan; `intents` carry their attempts and
        receipts; `attestations` their answers; `settlements` of expired options the state of the newest intent for them.
        """
        with self.snapshot():
            account = self.account(account_id)
            if account is None:
                return None
            full = account["account_id"]
            decisions = self.decisions(full)
            return {
                "account": account,
                "decisions": decisions,
                "latest_decision": self.decision(decisions[0]["decision_id"]) if decisions else None,
                "prices": self.prices(account["price_set"]),
                "intents": self.intents(account_id=full),
                "attestations": self.attestations(full),
                "settlements": self.select(
                    "SELECT s.*, (SELECT state FROM intents i WHERE i.decision_id = s.settlement_id "
                    "ORDER BY created_seq DESC LIMIT 1) AS state FROM settlements s WHERE account_id = ? ORDER BY seq",
                    (full,),
                ),
                "claims": self.select("SELECT * FROM claims WHERE account_id = ?", (full,)),
                "notices": self.select(
                    "SELECT * FROM notices WHERE account_id = ? ORDER BY seq DESC", (full,)
                ),
            }

    def intents(
        self, *, account_id: str | None = None, live_only: bool = False, limit: int = 200
    ) -> list[Row]:
        """Return intents, newest first, each with its `attempts` (no raw bytes) and `receipts`."""
        live = f"AND state NOT IN {ENDED}" if live_only else ""
        intents = self.select(
            f"SELECT * FROM intents WHERE account_id = coalesce(?, account_id) {live} "  # noqa: S608 - fixed names
            "ORDER BY created_seq DESC LIMIT ?",
            (account_id, limit),
        )
        for intent in intents:
            key = (intent["intent_id"],)
            intent["attempts"] = self.select(
                "SELECT tx_hash, number, max_fee_per_gas_wei, max_priority_fee_per_gas_wei, gas_limit, is_cancel, "
                "reason, signed_at_ms, sends, last_send_class, last_send_detail, last_sent_block, last_sent_at_ms "
                "FROM attempts WHERE intent_id = ? ORDER BY number",
                key,
            )
            intent["receipts"] = self.select("SELECT * FROM receipts WHERE intent_id = ? ORDER BY rowid", key)
        return intents

    def attestations(self, account_id: str | None = None, limit: int = 50) -> list[Row]:
        """Return attestations asked for, newest first, each with its `answers`."""
        attestations = self.select(
            "SELECT * FROM attestations WHERE account_id = coalesce(?, account_id) ORDER BY rowid DESC LIMIT ?",
            (account_id, limit),
        )
        for attestation in attestations:
            attestation["answers"] = self.select(
                "SELECT attestor, outcome, reason, at_ms FROM attestation_answers WHERE digest = ? ORDER BY seq",
                (attestation["digest"],),
            )
        return attestations

    def alerts(self, *, open_only: bool = True, limit: int = 100) -> list[Row]:
        """Return alerts, newest first."""
        where = "WHERE closed_at_ms IS NULL" if open_only else ""
        return self.select(f"SELECT * FROM alerts {where} ORDER BY seq DESC LIMIT ?", (limit,))  # noqa: S608 - fixed

    def spending(self, since_ms: int = 0) -> list[Row]:
        """Return what each mined transaction cost its sender, failures and cancels included."""
        return self.select("SELECT * FROM spending WHERE seen_at_ms >= ? ORDER BY seen_at_ms", (since_ms,))

    def _value(self, sql: str) -> Any:  # noqa: ANN401 - one column of any type
        row = self.one(sql)
        return None if row is None else row["v"]

    def _counts(self, sql: str) -> dict[str, int]:
        return {row["k"]: row["n"] for row in self.select(sql)}


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {
        column[0]: _typed(column[0], value) for column, value in zip(cursor.description, values, strict=True)
    }


def _typed(name: str, value: Any) -> Any:  # noqa: ANN401 - one column of any type
    if not isinstance(value, str):
        return value
    if name.endswith(_INTEGER_TEXT):
        return int(value)
    if name in _JSON_COLUMNS:
        return json.loads(value)
    return value


def _distance(row: Row) -> tuple[bool, int]:
    """Order accounts by mid health; without a requirement health is infinite and comes last."""
    health: int | None = row["health_mid_wad"]
    return (health is None, health or 0)
