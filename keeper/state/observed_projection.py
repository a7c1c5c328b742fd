"""From an observation's body to its rows: per kind, the statements that keep the tables in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.state.statements import Statement, insert

_HEALTH_COLUMNS = (
    "state, surplus_low_wad, surplus_mid_wad, surplus_high_wad, initial_surplus_low_wad, initial_surplus_mid_wad, "
    "initial_surplus_high_wad, health_low_wad, health_mid_wad, health_high_wad, equity_low_wad, equity_mid_wad, "
    "equity_high_wad, assets_mid_wad, requirement_mid_wad, maintenance_mid_wad, cut, price_set, unknown_because, at_ms"
)
_SOURCE_COLUMNS = "circuit, failures_in_a_row, quotes, changes, failed, report, at_ms"
_STATUS_COLUMNS = "state, detail, head_number, head_hash, head_timestamp_s, received_at_ms, since_ms, at_ms"
_RANGE_COLUMNS = "first_block, last_block, logs, at_ms"
_ENDPOINT_COLUMNS = "name, standing, reason, height, failures, abilities, at_ms"


def _replace(columns: str) -> str:
    return ", ".join(f"{name.strip()} = :{name.strip()}" for name in columns.split(","))


OBSERVED: Mapping[str, Sequence[Statement]] = {
    "head_seen": (
        Statement(
            insert(
                "heads",
                "chain, number, hash, parent_hash, timestamp_s, base_fee_wei, canonical, seen_at_ms=:at_ms",
                "ON CONFLICT (chain, hash) DO UPDATE SET canonical = :canonical",
            )
        ),
    ),
    "chain_status_seen": (
        Statement(
            insert(
                "chain_status",
                f"chain, {_STATUS_COLUMNS}",
                f"ON CONFLICT (chain) DO UPDATE SET {_replace(_STATUS_COLUMNS)}",
            )
        ),
    ),
    "log_pass_seen": (
        Statement(
            insert(
                "log_passes",
                f"chain, {_RANGE_COLUMNS}",
                f"ON CONFLICT (chain) DO UPDATE SET {_replace(_RANGE_COLUMNS)}",
            )
        ),
    ),
    "endpoint_seen": (
        Statement(
            insert(
                "endpoints",
                f"chain, number, {_ENDPOINT_COLUMNS}",
                f"ON CONFLICT (chain, number) DO UPDATE SET {_replace(_ENDPOINT_COLUMNS)}",
            )
        ),
    ),
    "price_set_seen": (
        Statement(
            insert(
                "price_sets",
                "price_set, as_of_ms, seen_at_ms=:at_ms",
                "ON CONFLICT (price_set) DO UPDATE SET seen_at_ms = :at_ms",
            )
        ),
        Statement(
            insert(
                "prices",
                "price_set=:parent_price_set, asset, status, reason, low_wad, mid_wad, high_wad, oldest_ms, via_asset, "
                "used, seen, holds, paths",
                "ON CONFLICT DO NOTHING",
            ),
            each="prices",
        ),
        Statement(
            insert(
                "quotes",
                "price_set=:parent_price_set, asset, number, source, source_group, pair, used, reason, value_wad, "
                "failure, detail, source_time_ms, received_at_ms, changed_at_ms, weight, confidence_wad",
                "ON CONFLICT DO NOTHING",
            ),
            each="quotes",
        ),
    ),
    "source_seen": (
        Statement(
            insert(
                "sources",
                f"source, {_SOURCE_COLUMNS}",
                f"ON CONFLICT DO UPDATE SET {_replace(_SOURCE_COLUMNS)}",
            )
        ),
    ),
    "health_seen": (
        Statement(
            insert(
                "health",
                f"account_id, {_HEALTH_COLUMNS}",
                f"ON CONFLICT (account_id) DO UPDATE SET {_replace(_HEALTH_COLUMNS)}",
            )
        ),
    ),
    "legs_seen": (
        Statement(
            insert(
                "accounts",
                "account_id, owner, subaccount, at_ms",
                "ON CONFLICT (account_id) DO UPDATE SET at_ms = :at_ms",
            )
        ),
        Statement("DELETE FROM legs WHERE account_id = :account_id"),
        Statement(
            insert(
                "legs",
                "account_id=:parent_account_id, chain, version, cross_margin, collateral, debt, positions, claims, "
                "options, at_ms",
            ),
            each="legs",
        ),
    ),
    "alert_repeated": (
        Statement(
            "UPDATE alerts SET count = count + 1, last_at_ms = :at_ms "
            "WHERE dedupe_key = :dedupe_key AND closed_at_ms IS NULL"
        ),
    ),
}
