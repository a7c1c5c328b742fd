"""`keeper liquidations`: what was sent to the chains, what became of it and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.views import figures
from keeper.views.actions import ACTIONS
from keeper.views.exits import ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import pick, show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.state.reader import Row

_INTENT = (
    "intent_id",
    "decision_id",
    "chain",
    "chain_id",
    "account_id",
    "position_key",
    "item",
    "sequence",
    "value_wad",
    "sender",
    "nonce",
    "state",
    "blocked",
    "reason_class",
    "reason",
    "block_number",
    "created_at_ms",
    "moved_at_ms",
)
_ATTEMPT = ("tx_hash", "number", "max_fee_per_gas_wei", "sends", "last_send_class")
_RECEIPT = ("tx_hash", "block_number", "block_hash", "status", "gas_used", "cost_wei", "canonical")


@click.command(name="liquidations", short_help="What was sent, what became of it, what it cost.")
@log_options
@click.option("--account", metavar="ACCOUNT", help="Only of this account (the start of its id is enough).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@json_option
def command(config: Path, log: Path | None, account: str | None, limit: int, *, as_json: bool) -> ExitCode:
    """List liquidation steps, newest first: sent, mined, skipped, and what each cost."""
    with open_log(log_path(config, log)) as reader:
        account_id = None
        if account is not None:
            found = reader.account(account)
            account_id = account if found is None else found["account_id"]
        intents = reader.intents(account_id=account_id, limit=limit)
    if as_json:
        show_json({"liquidations": [describe(intent) for intent in intents]})
    else:
        show(_table(intents) if intents else "nothing was sent")
    return ExitCode.FINE


def describe(intent: Row) -> dict[str, Any]:
    """Return an intent with its attempts and receipts as JSON can hold them."""
    return pick(intent, _INTENT) | {
        "action": ACTIONS[intent["action"]],
        "attempts": [
            pick(row, _ATTEMPT) | {"is_cancel": bool(row["is_cancel"])} for row in intent["attempts"]
        ],
        "receipts": [pick(row, _RECEIPT) for row in intent["receipts"]],
    }


def _table(intents: list[Row]) -> RenderableType:
    from rich.table import Table

    table = Table(
        "time UTC",
        "account",
        "action",
        "chain",
        "value USD",
        "state",
        "block",
        "cost",
        "transaction",
        box=None,
    )
    for intent in intents:
        mined = next((row for row in intent["receipts"] if row["canonical"]), None)
        table.add_row(
            figures.utc(intent["created_at_ms"]),
            figures.short(intent["account_id"]),
            ACTIONS[intent["action"]].replace("_", " "),
            intent["chain"],
            figures.usd(intent["value_wad"]),
            intent["state"].replace("_", " ")
            + (f": {intent['reason']}" if intent["state"] == "skipped" else ""),
            "-" if mined is None else f"{mined['block_number']:,}",
            "-" if mined is None else figures.quantity(mined["cost_wei"], 18, 8),
            "-" if mined is None else mined["tx_hash"],
        )
    return table
