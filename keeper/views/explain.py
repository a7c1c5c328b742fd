"""`keeper explain`: why an account was, or was not, liquidated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.views import figures
from keeper.views.exits import CommandError, ExitCode
from keeper.views.options import json_option, log_options, log_path, open_log
from keeper.views.output import pick, show, show_json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.tree import Tree

    from keeper.state.reader import Row
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
_NOTICE = ("at_ms", "kind", "health_low_wad", "surplus_low_wad", "detail")


@click.command(name="explain")
@log_options
@click.argument("account")
@json_option
def command(config: Path, log: Path | None, account: str, *, as_json: bool) -> ExitCode:
    """Tell in one paragraph why ACCOUNT was or was not liquidated, then show the figures behind it.

    ACCOUNT is an account id or enough of its start to be the only one.
    """
    from keeper.views.case import read_case
    from keeper.views.telling import paragraph

    with open_log(log_path(config, log)) as reader:
        case = read_case(reader, account)
    if case is None:
        raise CommandError(
            f"no single account begins with {account}",
            ExitCode.USAGE,
            "keeper accounts lists them; give more digits",
        )
    if as_json:
        show_json(_document(case, paragraph(case)))
    else:
        show(paragraph(case), "", *_details(case))
    return ExitCode.FINE


def _document(case: Case, told: str) -> dict[str, Any]:
    from keeper.views.actions import ACTIONS
    from keeper.views.liquidations import describe

    decision = case.decision
    plan = None if decision is None else decision["plan"]
    return {
        "verdict": case.verdict.value,
        "paragraph": told,
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
    }


def _details(case: Case) -> Iterator[RenderableType]:
    from rich.tree import Tree

    yield _legs(case)
    if case.decision is not None:
        yield _decision(case.decision)
    if case.prices is not None:
        from keeper.views.prices import why

        prices = {row["asset"]: row for row in case.prices["prices"]}
        tree = Tree(f"prices, set {figures.short(case.prices['price_set'])}")
        for asset in prices:
            tree.add(why(asset, prices, case.prices["as_of_ms"]))
        yield tree
    if case.attestations:
        yield _attestations(case)
    if case.intents:
        yield _intents(case)


def _legs(case: Case) -> Tree:
    from rich.tree import Tree

    tree = Tree(f"account {case.account['account_id']} of {case.account['owner'] or 'an unknown owner'}")
    for leg in case.legs:
        margin = "cross" if leg["cross_margin"] else "isolated"
        branch = tree.add(f"{leg['chain']}, {margin} margin, version {leg['version']}")
        for held in leg["collateral"]:
            amount = figures.quantity(int(held["amount"]), int(held["decimals"]), 6)
            branch.add(f"collateral {amount} {held['asset']}")
        if leg["debt"]:
            owed = leg["debt"]
            branch.add(
                f"debt {figures.quantity(int(owed['amount']), int(owed['decimals']), 2)} {owed['asset']}"
            )
        for position in leg["positions"]:
            size = figures.quantity(int(position["size_wad"]), 18, 6)
            entry = figures.price(int(position["entry_price_wad"]))
            branch.add(f"position {size} {position['asset']} ({position['market']}), entered at {entry}")
    return tree


def _decision(decision: Row) -> Tree:
    from rich.tree import Tree

    from keeper.views.actions import ACTIONS

    change = f"{decision['previous'] or 'new'} to {decision['state']}"
    tree = Tree(
        f"decision {figures.short(decision['decision_id'])} at {figures.utc(decision['at_ms'])} UTC: {change}"
    )
    tree.add(decision["reason"])
    health = " .. ".join(figures.health(decision[f"health_{end}_wad"]) for end in ("low", "mid", "high"))
    surplus = " .. ".join(figures.usd(decision[f"surplus_{end}_wad"]) for end in ("low", "mid", "high"))
    tree.add(f"health {health}; surplus {surplus} USD; equity {figures.usd(decision['equity_mid_wad'])} USD")
    plan = decision["plan"]
    if plan is not None:
        branch = tree.add(f"plan: {plan['reason']}")
        for step in plan["steps"]:
            action = ACTIONS[step["action"]].replace("_", " ")
            branch.add(f"{action} {step['size']} of {step['asset']} on {step['chain']}: {step['reason']}")
        for rejected in plan["rejected"]:
            branch.add(f"[dim]not {rejected}[/dim]")
    return tree


def _attestations(case: Case) -> Tree:
    from rich.tree import Tree

    from keeper.views.actions import ACTIONS

    tree = Tree("attestations")
    for asked in case.attestations:
        action = ACTIONS[asked["action"]].replace("_", " ")
        branch = tree.add(
            f"{action} on {asked['chain']}, sequence {asked['sequence']}, {figures.short(asked['digest'])}"
        )
        for answer in asked["answers"]:
            branch.add(
                f"{answer['attestor']} {answer['outcome']}"
                + (f": {answer['reason']}" if answer["reason"] else "")
            )
    return tree


def _intents(case: Case) -> Tree:
    from rich.tree import Tree

    from keeper.views.actions import ACTIONS

    tree = Tree("transactions")
    for intent in case.intents:
        action = ACTIONS[intent["action"]].replace("_", " ")
        state = intent["state"].replace("_", " ")
        reason = f": {intent['reason']}" if intent["reason"] else ""
        branch = tree.add(f"{action} on {intent['chain']}, nonce {intent['nonce']}: {state}{reason}")
        for attempt in intent["attempts"]:
            kind = "cancel" if attempt["is_cancel"] else "attempt"
            fee = figures.quantity(attempt["max_fee_per_gas_wei"], 9, 3)
            sent = (
                f"sent {figures.count(attempt['sends'], 'time')}, {attempt['last_send_class'] or 'no answer'}"
            )
            branch.add(f"{kind} {attempt['number']} {attempt['tx_hash']}, at most {fee} gwei, {sent}")
        for receipt in intent["receipts"]:
            place = f"block {receipt['block_number']:,} ({figures.short(receipt['block_hash'])})"
            fate = "" if receipt["canonical"] else ", no longer canonical"
            cost = figures.quantity(receipt["cost_wei"], 18, 8)
            branch.add(f"mined in {place}, status {receipt['status']}, cost {cost}{fate}")
    return tree
