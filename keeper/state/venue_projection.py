"""The rows of verdicts, endings and accounts at venues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.state.statements import Statement, insert

_SEEN = "health_wad, collateral_value, debt_value, obstacle, holdings, block_number, block_timestamp_s, at_ms"

DURABLE: Mapping[str, Sequence[Statement]] = {
    "venue_judged": (
        Statement(
            insert(
                "venue_verdicts",
                "verdict_id, seq, at_ms=:judged_at_ms, chain, venue, account_id, borrower, market, block_number, "
                "reason, detail, health_wad, collateral_value, debt_value, plan",
                "ON CONFLICT DO NOTHING",
            )
        ),
    ),
    "venue_ended": (
        Statement(
            insert(
                "venue_endings",
                "seq, at_ms, chain, venue, account_id, borrower, market, ending, detail, block_number, verdict_id, "
                "tx_hash, liquidator, debt_token, collateral_token, repaid, seized, bad_debt, expected_repaid, "
                "expected_seized",
            )
        ),
    ),
}

OBSERVED: Mapping[str, Sequence[Statement]] = {
    "venue_account_seen": (
        Statement(
            insert(
                "venue_accounts",
                f"chain, venue, borrower, market, account_id, {_SEEN}",
                "ON CONFLICT (chain, venue, borrower, market) DO UPDATE SET "
                + ", ".join(f"{name} = :{name}" for name in _SEEN.split(", ")),
            )
        ),
    ),
}
