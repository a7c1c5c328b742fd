"""How a log comes to the newest schema: one migration per version, each atomic, an older log copied first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from keeper.state.errors import LogTooNew, LogUnreadable
from keeper.state.fault_points import FaultPoint, fault_point
from keeper.state.human import VIEWS
from keeper.state.schema import (
    APPLICATION_ID,
    CHANGES_V2,
    CHANGES_V3,
    CHANGES_V4,
    CHANGES_V5,
    CHANGES_V6,
    CHANGES_V7,
    CHANGES_V8,
    CHANGES_V9,
    CHANGES_V10,
    TABLES_V1,
)

MIGRATIONS = Migrations("keeper_state")


@MIGRATIONS(name="v1_tables")
def _v1_tables(db: Database) -> None:
    for statement in (*TABLES_V1, *VIEWS):
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")


@MIGRATIONS(name="v2_pauses")
def _v2_pauses(db: Database) -> None:
    for statement in CHANGES_V2:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 2")


@MIGRATIONS(name="v3_options")
def _v3_options(db: Database) -> None:
    for statement in CHANGES_V3:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 3")


@MIGRATIONS(name="v4_parameters")
def _v4_parameters(db: Database) -> None:
    for statement in CHANGES_V4:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 4")


@MIGRATIONS(name="v5_sources")
def _v5_sources(db: Database) -> None:
    for statement in CHANGES_V5:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 5")


@MIGRATIONS(name="v6_costs")
def _v6_costs(db: Database) -> None:
    for statement in CHANGES_V6:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 6")


@MIGRATIONS(name="v7_venues")
def _v7_venues(db: Database) -> None:
    for statement in CHANGES_V7:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 7")


@MIGRATIONS(name="v8_unified")
def _v8_unified(db: Database) -> None:
    for statement in CHANGES_V8:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 8")


@MIGRATIONS(name="v9_settlements")
def _v9_settlements(db: Database) -> None:
    for statement in CHANGES_V9:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 9")


@MIGRATIONS(name="v10_chains")
def _v10_chains(db: Database) -> None:
    for statement in CHANGES_V10:
        db.execute(statement)
    fault_point(FaultPoint.DURING_MIGRATION)
    db.execute("PRAGMA user_version = 10")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of a log, 0 for an empty file. Raises `LogUnreadable` for another database."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE tbl_name <> '_sqlite_migrations'"
    ).fetchone()
    if application == APPLICATION_ID and version > 0:
        return int(version)
    if tables == 0:
        return 0
    message = "this file is a database, but not a state log of this program"
    raise LogUnreadable(message)


def migrate(
    connection: sqlite3.Connection, path: Path, newest: int, migrations: Migrations = MIGRATIONS
) -> None:
    """Bring the log to version `newest`. An older log is first copied to ``<name>.v<old>``.

    Raises `LogTooNew` for a log of a later version; such a log is not touched.
    """
    version = version_of(connection)
    if version > newest:
        message = (
            f"{path} has schema version {version}, this program knows up to {newest}: use a newer program"
        )
        raise LogTooNew(message)
    if version == newest:
        return
    if version > 0:
        copy = path.with_name(f"{path.name}.v{version}")
        if not copy.exists():
            with sqlite3.connect(copy) as target:
                connection.backup(target)
            target.close()
    migrations.apply(Database(connection))
