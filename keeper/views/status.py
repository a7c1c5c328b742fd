"""`keeper status`: is it at work, what does it see, and does anybody have to do something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.runtime.clock import now_ms
from keeper.views import figures
from keeper.views.exits import ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.views.standing import Standing


@click.command(name="status", short_help="Is it at work, what does it see, does anybody have to act?")
@log_options
@json_option
def command(config: Path, log: Path | None, *, as_json: bool) -> ExitCode:
    """Show whether the daemon is at work, what it sees and what needs attention.

    Exits 0 if all is fine, 2 if something is degraded, 3 if no daemon is at work, 4 if a person is needed.
    """
    from keeper.views.standing import read_standing

    with open_log(log_path(config, log)) as reader:
        standing = read_standing(reader, now_ms())
    if as_json:
        show_json(standing.facts | {"exit_code": int(standing.code)})
    else:
        show(*render(standing))
    return standing.code


def render(standing: Standing) -> list[RenderableType]:
    """Return the standing as text and tables."""
    facts = standing.facts
    parts: list[RenderableType] = [_headline(facts), "", _chains(facts["chains"]), ""]
    if facts["endpoints"]:
        parts += [_endpoints(facts["endpoints"]), ""]
    parts += _totals(facts)
    if facts["worst"]:
        parts += ["", _worst(facts["worst"])]
    if facts["live_intents"]:
        parts += ["", _intents(facts["live_intents"])]
    for alert in facts["alerts"]:
        parts += [
            "",
            f"{alert['severity']}: {alert['title']} ({alert['count']} times)",
            f"  {alert['detail']}",
        ]
        parts += [f"  do: {alert['advice']}"] if alert["advice"] else []
    parts += ["", *(f"- {reason.text}" for reason in standing.reasons)] if standing.reasons else []
    return parts


def _totals(facts: dict[str, Any]) -> list[str]:
    prices = facts["prices"]
    passes = ", ".join(f"on {its['chain']} up to {its['last_block']:,}" for its in facts["log_passes"])
    statuses = ", ".join(f"{prices[status]} {status}" for status in ("ok", "degraded", "unavailable"))
    sources = f"{prices['sources_used']} of {prices['sources']} sources used"
    accounts = ", ".join(f"{number:,} {_words(state)}" for state, number in facts["accounts"].items())
    return [
        f"prices    {statuses}; {sources}; {figures.span(prices['age_ms'])} old",
        f"accounts  {accounts}",
        *([f"logs      read a second time {passes}"] if passes else []),
        f"acted     {figures.count(facts['decisions'], 'decision')}; intents: {_counts(facts['intents'])}",
    ]


def _headline(facts: dict[str, Any]) -> str:
    run = facts["run"]
    state = facts["state"].replace("_", " ")
    if run is None:
        return f"{state}, mode {facts['mode']}"
    return (
        f"{state}, mode {facts['mode']}, process {run['pid']}, since {figures.utc(run['started_at_ms'])} UTC"
    )


def _chains(chains: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table("chain", "id", "state", "since", "head", "age", "", box=None, pad_edge=False)
    for chain in chains:
        head = "-" if chain["head_number"] is None else f"{chain['head_number']:,}"
        table.add_row(
            chain["chain"],
            str(chain["chain_id"]),
            _words(chain["state"]),
            "-" if chain["since_ms"] is None else figures.utc(chain["since_ms"]),
            head,
            figures.span(chain["age_ms"]),
            chain["detail"],
        )
    return table


def _endpoints(endpoints: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table("chain", "endpoint", "standing", "height", "it can", "", box=None, pad_edge=False)
    for endpoint in endpoints:
        table.add_row(
            endpoint["chain"],
            endpoint["name"],
            endpoint["standing"],
            "-" if endpoint["height"] is None else f"{endpoint['height']:,}",
            figures.told_abilities(endpoint["abilities"]),
            endpoint["reason"],
        )
    return table


def _worst(accounts: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table("least healthy", "state", "health", "surplus USD", box=None, pad_edge=False)
    for account in accounts:
        health, surplus = account["health_mid_wad"], account["surplus_mid_wad"]
        table.add_row(
            figures.short(account["account_id"]),
            _words(account["state"]),
            figures.health(None if health is None else int(health)),
            figures.usd(int(surplus)),
        )
    return table


def _intents(intents: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table("live intent", "chain", "account", "position", "nonce", "state", box=None, pad_edge=False)
    for intent in intents:
        table.add_row(
            figures.short(intent["intent_id"]),
            intent["chain"],
            figures.short(intent["account_id"]),
            intent["position_key"],
            str(intent["nonce"]),
            intent["state"] + (f" (blocked: {intent['blocked']})" if intent["blocked"] else ""),
        )
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {_words(state)}" for state, number in sorted(counts.items())) or "none"


def _words(state: str) -> str:
    return state.replace("_", " ")
