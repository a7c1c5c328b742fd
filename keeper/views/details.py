"""The figures behind a case, as trees: what `keeper explain` shows below its paragraph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.tree import Tree

from keeper.views import figures
from keeper.views.actions import ACTIONS
from keeper.views.price_tree import grow, headline

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeper.state.reader import Row
    from keeper.views.case import Case


def details(case: Case) -> Iterator[RenderableType]:
    """Return trees of the legs, the decision, the prices, the attestations and the transactions."""
    yield _legs(case)
    if case.decision is not None:
        yield _decision(case.decision)
    if case.prices is not None:
        yield _prices(case.prices, case.assets)
    if case.attestations:
        yield _attestations(case)
    if case.intents:
        yield _intents(case)
    if case.settlements:
        yield _settlements(case)


def _legs(case: Case) -> Tree:
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
        for option in leg.get("options", ()):
            branch.add(_option(option))
    return tree


def _option(option: Row) -> str:
    size = figures.quantity(int(option["size_wad"]), 18, 6)
    kind = "call" if option["is_call"] else "put"
    strike, expiry = figures.price(int(option["strike_wad"])), figures.utc(int(option["expiry_s"]) * 1000)
    told = f"option {size} {option['asset']} {kind} at {strike}, expiring {expiry} UTC ({option['market']})"
    came_to = option.get("settlement_wad")
    return (
        told if came_to is None else f"{told}, came to {figures.price(int(came_to))} and waits to be settled"
    )


def _decision(decision: Row) -> Tree:
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
            branch.add(f"{action} on {step['chain']}: {step['reason']}")
        for rejected in plan["rejected"]:
            branch.add(f"not {rejected}")
    return tree


def _prices(newest: Row, wanted: set[str]) -> Tree:
    prices = {row["asset"]: row for row in newest["prices"]}
    tree = Tree(f"prices, set {figures.short(newest['price_set'])}")
    for asset in sorted(wanted & prices.keys()):
        price = prices[asset]
        grow(tree.add(headline(price)), asset, prices, newest["as_of_ms"])
    return tree


def _attestations(case: Case) -> Tree:
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


def _settlements(case: Case) -> Tree:
    tree = Tree("expired options")
    for due in case.settlements:
        state = (due["state"] or "not sent").replace("_", " ")
        tree.add(f"on {due['chain']}: {due['reason']} ({state})")
    return tree


def _intents(case: Case) -> Tree:
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
