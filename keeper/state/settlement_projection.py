"""The rows of settlements that were due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.state.statements import Statement, insert

DURABLE: Mapping[str, Sequence[Statement]] = {
    "settlement_due": (
        Statement(
            insert(
                "settlements",
                "settlement_id, seq, at_ms, chain, market, expiry_s, account_id, series, size_wad, settlement_wad, "
                "value_wad, round_id, block_number, reason",
                "ON CONFLICT DO NOTHING",
            )
        ),
    ),
}
