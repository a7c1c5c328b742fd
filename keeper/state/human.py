"""Views for people: the same rows with decimals, UTC text and sums, cut (never rounded) by text alone."""

# ruff: noqa: S608 - the statements are put together from names in this file
from __future__ import annotations


def decimal_sql(column: str, decimals: int = 18, places: int = 4) -> str:
    """Return SQL that writes the integer text of `column` as a decimal cut to `places`. NULL stays NULL."""
    digits = f"ltrim({column}, '-')"
    zeros = "0" * (decimals + 1)
    padded = f"substr('{zeros}', 1, max(0, {decimals + 1} - length({digits}))) || {digits}"
    sign = f"CASE WHEN substr({column}, 1, 1) = '-' THEN '-' ELSE '' END"
    whole = f"substr({padded}, 1, length({padded}) - {decimals})"
    fraction = f"substr({padded}, length({padded}) - {decimals - 1}, {places})"
    return f"({sign} || {whole} || '.' || {fraction})"


def time_sql(column: str) -> str:
    """Return SQL that writes UTC milliseconds as text."""
    return f"strftime('%Y-%m-%d %H:%M:%f', {column} / 1000.0, 'unixepoch')"


ACTION_SQL = (
    "CASE action WHEN 1 THEN 'close' WHEN 2 THEN 'repay' WHEN 3 THEN 'repay_cross' "
    "WHEN 4 THEN 'seize' WHEN 5 THEN 'write_off' ELSE action END"
)

VIEWS = (
    f"""CREATE VIEW accounts_readable AS SELECT health.account_id, owner, subaccount, state,
        {decimal_sql("health_low_wad")} AS health_low, {decimal_sql("health_mid_wad")} AS health_mid,
        {decimal_sql("health_high_wad")} AS health_high, {decimal_sql("surplus_mid_wad", places=2)} AS surplus_usd,
        {decimal_sql("equity_mid_wad", places=2)} AS equity_usd, unknown_because,
        {time_sql("health.at_ms")} AS at_utc
        FROM health LEFT JOIN accounts ON accounts.account_id = health.account_id""",
    f"""CREATE VIEW prices_readable AS SELECT {time_sql("as_of_ms")} AS as_of_utc, asset, status, reason,
        {decimal_sql("low_wad", places=6)} AS low, {decimal_sql("mid_wad", places=6)} AS mid,
        {decimal_sql("high_wad", places=6)} AS high, used || '/' || seen AS quotes_used, via_asset,
        prices.price_set FROM prices JOIN price_sets ON price_sets.price_set = prices.price_set""",
    f"""CREATE VIEW quotes_readable AS SELECT {time_sql("received_at_ms")} AS received_utc, asset, source,
        source_group, pair, used, reason, {decimal_sql("value_wad", places=6)} AS value, failure, detail,
        price_set FROM quotes""",
    f"""CREATE VIEW decisions_readable AS SELECT seq, {time_sql("at_ms")} AS at_utc, account_id,
        coalesce(previous, 'new') || ' -> ' || state AS change, reason,
        {decimal_sql("health_low_wad")} AS health_low, {decimal_sql("health_high_wad")} AS health_high,
        {decimal_sql("surplus_mid_wad", places=2)} AS surplus_usd, unknown_because, decision_id FROM decisions""",
    f"""CREATE VIEW steps_readable AS SELECT decision_id, number, {ACTION_SQL} AS action, chain, asset, size,
        {decimal_sql("value_wad", places=2)} AS value_usd, {decimal_sql("penalty_wad", places=2)} AS penalty_usd,
        target_chain, reason FROM steps""",
    f"""CREATE VIEW intents_readable AS SELECT {time_sql("created_at_ms")} AS created_utc, chain,
        {ACTION_SQL} AS action, account_id, position_key, nonce, state, blocked, cancelling, reason,
        {decimal_sql("value_wad", places=2)} AS value_usd,
        (SELECT count(*) FROM attempts WHERE attempts.intent_id = intents.intent_id) AS attempts,
        block_number, {time_sql("moved_at_ms")} AS moved_utc, intent_id FROM intents""",
    f"""CREATE VIEW attempts_readable AS SELECT {time_sql("signed_at_ms")} AS signed_utc, chain_id, nonce, number,
        CASE is_cancel WHEN 1 THEN 'cancel' ELSE 'work' END AS purpose, reason,
        {decimal_sql("max_fee_per_gas_wei", 9)} AS max_fee_gwei,
        {decimal_sql("max_priority_fee_per_gas_wei", 9)} AS tip_gwei, sends, last_send_class, tx_hash,
        intent_id FROM attempts""",
    f"""CREATE VIEW spending AS SELECT receipts.tx_hash, receipts.intent_id, intents.chain, intents.chain_id,
        attempts.sender, intents.contract AS target, intents.account_id, attempts.is_cancel, receipts.status,
        receipts.cost_wei, {decimal_sql("receipts.cost_wei", places=8)} AS cost, receipts.seen_at_ms,
        {time_sql("receipts.seen_at_ms")} AS at_utc
        FROM receipts JOIN attempts ON attempts.tx_hash = receipts.tx_hash
        JOIN intents ON intents.intent_id = receipts.intent_id WHERE receipts.canonical = 1""",
    f"""CREATE VIEW claims_readable AS SELECT {time_sql("opened_at_ms")} AS opened_utc, claim, state, account_id,
        source_chain, target_chain, target_token, {decimal_sql("value_wad", places=2)} AS value_usd,
        {time_sql("moved_at_ms")} AS moved_utc FROM claims""",
    f"""CREATE VIEW attestations_readable AS SELECT {time_sql("asked_at_ms")} AS asked_utc, chain, account_id,
        {ACTION_SQL} AS action, sequence,
        (SELECT count(*) FROM attestation_answers a WHERE a.digest = attestations.digest
            AND a.outcome = 'signed') AS signed,
        (SELECT group_concat(a.attestor || ': ' || a.reason, '; ') FROM attestation_answers a
            WHERE a.digest = attestations.digest AND a.outcome <> 'signed') AS refusals, digest
        FROM attestations""",
    f"""CREATE VIEW alerts_readable AS SELECT {time_sql("opened_at_ms")} AS opened_utc, severity, title, detail,
        advice, count, {time_sql("last_at_ms")} AS last_utc, {time_sql("closed_at_ms")} AS closed_utc,
        close_reason FROM alerts""",
    f"""CREATE VIEW journal_readable AS SELECT seq, {time_sql("at_ms")} AS at_utc, kind,
        substr(body, 1, 200) AS body_start, hash FROM journal""",
)
