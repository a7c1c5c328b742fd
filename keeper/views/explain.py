"""`keeper explain`: why an account was, or was not, liquidated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import pick, prose, show, show_json

if TYPE_CHECKING:
    from keeper.views.case import Case

_DECISION = (
    "decision_id",
    "at_ms",
    "previous",
    "state",
    "reason",
    "price_set",
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus") for end in ("low", "mid", "high")),
    "equity_mid_wad",
    "unknown_because",
    "cut",
)
_ACCOUNT = (
    "account_id",
    "owner",
    "subaccount",
    "state",
    *(f"{figure}_{end}_wad" for figure in ("health", "surplus", "equity") for end in ("low", "mid", "high")),
    "unknown_because",
    "price_set",
    "cut",
    "at_ms",
)
_STEP = (
    "number",
    "chain",
    "item",
    "asset",
    "size",
    "price_wad",
    "value_wad",
    "penalty_wad",
    "target_chain",
    "target_token",
    "claim",
    "reason",
)
_ATTESTATION = ("digest", "decision_id", "chain", "sequence", "asked_at_ms")
_ANSWER = ("attestor", "outcome", "reason", "at_ms")
_SETTLEMENT = (
    *("chain", "market", "series", "expiry_s", "size_wad", "settlement_wad", "value_wad", "reason", "state"),
)
_NOTICE = ("at_ms", "kind", "health_low_wad", "surplus_low_wad", "detail")


@click.command(name="explain", short_help="Why an account was, or was not, liquidated.")
@log_options
@click.argument("account")
@json_option
def command(config: Path, log: Path | None, account: str, *, as_json: bool) -> ExitCode:
    """Tell in one paragraph why ACCOUNT was or was not liquidated, then show the figures behind it.

    ACCOUNT is an account id or enough of its start to be the only one.
    """
    from keeper.views.case import read_case
    from keeper.views.details import details
    from keeper.views.telling import paragraph
    from keeper.views.venue_case import document, read_venue_case, sentences

    with open_log(log_path(config, log)) as reader:
        case = read_case(reader, account)
        at_venues = read_venue_case(reader, account if case is None else case.account["account_id"])
    if case is None and at_venues is None:
        raise CommandError(
            f"no single account begins with {account}",
            ExitCode.USAGE,
            "keeper accounts lists them; give more digits",
        )
    told = [] if at_venues is None else list(sentences(at_venues))
    if case is None:
        whose = "" if at_venues is None else f"{at_venues.account_id[:10]} of {at_venues.owner}"
        told = [f"Account {whose} has nothing at a margin hub.", *told]
    else:
        told = [paragraph(case), *told]
    if as_json:
        show_json(_document(case, told) | document(at_venues))
        return ExitCode.FINE
    for text in told:
        show(prose(text), "")
    if case is not None:
        show(*details(case))
    return ExitCode.FINE


def _document(case: Case | None, told: list[str]) -> dict[str, Any]:
    """Return what is known at the hubs; nothing but the words where there is nothing."""
    if case is None:
        nothing = {"verdict": None, "account": None, "decision": None, "plan": None}
        return {
            "paragraph": " ".join(told),
            **nothing,
            "attestations": [],
            "intents": [],
            "notices": [],
            "settlements": [],
        }
    from keeper.views.actions import ACTIONS
    from keeper.views.liquidations import describe

    decision = case.decision
    plan = None if decision is None else decision["plan"]
    return {
        "verdict": case.verdict.value,
        "paragraph": " ".join(told),
        "account": pick(case.account, _ACCOUNT),
        "decision": None if decision is None else pick(decision, _DECISION),
        "plan": None
        if plan is None
        else pick(plan, ("expected_health_wad", "penalty_wad", "reason", "rejected"))
        | {"whole_account": bool(plan["whole_account"])}
        | {"steps": [{"action": ACTIONS[step["action"]]} | pick(step, _STEP) for step in plan["steps"]]},
        "attestations": [
            {"action": ACTIONS[asked["action"]]}
            | pick(asked, _ATTESTATION)
            | {"answers": [pick(answer, _ANSWER) for answer in asked["answers"]]}
            for asked in case.attestations
        ],
        "intents": [describe(intent) for intent in case.intents],
        "notices": [pick(notice, _NOTICE) for notice in case.notices],
        "settlements": [pick(due, _SETTLEMENT) for due in case.settlements],
    }
