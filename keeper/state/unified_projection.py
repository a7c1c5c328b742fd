"""The rows of accounts over hubs and venues together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.state.statements import Statement, insert

_FIGURES = (
    "surplus_low_wad, surplus_mid_wad, surplus_high_wad, health_low_wad, health_mid_wad, health_high_wad, "
    "equity_low_wad, equity_mid_wad, equity_high_wad, cut, price_set, unknown_because, venues"
)

DURABLE: Mapping[str, Sequence[Statement]] = {
    "unified_changed": (
        Statement(insert("unified_changes", f"seq, at_ms, account_id, owner, previous, state, {_FIGURES}")),
    ),
}

OBSERVED: Mapping[str, Sequence[Statement]] = {
    "unified_seen": (
        Statement(
            insert(
                "unified",
                f"account_id, owner, state, {_FIGURES}, at_ms",
                "ON CONFLICT (account_id) DO UPDATE SET "
                + ", ".join(f"{name} = :{name}" for name in f"owner, state, {_FIGURES}, at_ms".split(", ")),
            )
        ),
    ),
    "unified_gone": (Statement("DELETE FROM unified WHERE account_id = :account_id"),),
}
