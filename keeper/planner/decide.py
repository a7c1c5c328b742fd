"""Deciding: one evaluation of one account, with everything it was made from.

Pure: the same inputs give the same decision, byte for byte, on any machine. The inputs of a
decision are recorded as canonical JSON, and `replay` runs the same code on that text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.canonical import canonical_json, digest
from keeper.domain.account import Account, CutPoint
from keeper.domain.decision import Decision
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.domain.plan import Plan, Step
from keeper.margin.evidence import assets_of
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import ACTIONABLE, next_state
from keeper.margin.unfinal import possible
from keeper.planner.codec import decode, encode, without_tree
from keeper.planner.facts import Inventory, VenueFacts
from keeper.planner.plan import plan
from keeper.planner.reasons import state_reason, unfinal_reason
from oracles.price import Price, PriceSet


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a decision is made from: only what concerns this account."""

    account: Account
    previous: AccountState | None
    price_set: str
    prices: Mapping[str, Price]
    cut: tuple[CutPoint, ...]
    policy: RiskPolicy
    facts: Mapping[str, VenueFacts]
    inventory: Inventory
    live: tuple[Step, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Result:
    """What is decided."""

    state: AccountState
    health: UnifiedHealth
    plan: Plan | None
    reason: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """An account's figures and the state they put it in: what is known of an account between decisions."""

    health: UnifiedHealth
    state: AccountState


def assess(
    account: Account,
    previous: AccountState | None,
    prices: PriceSet,
    cut: Sequence[CutPoint],
    policy: RiskPolicy,
) -> Assessment:
    """Return the account's health and state, without planning anything."""
    health = evaluate(account, prices.prices, cut, policy, price_set=prices.id)
    return Assessment(health, next_state(previous, health, policy))


def decide(
    account: Account,
    previous: AccountState | None,
    prices: PriceSet,
    cut: Sequence[CutPoint],
    policy: RiskPolicy,
    facts: Mapping[str, VenueFacts],
    inventory: Inventory,
    at_ms: int,
    live: Sequence[Step] = (),
) -> Decision | None:
    """Return the decision on `account`, or None when its state stays and nothing new is to be done.

    `previous` is the state last decided. `live` are the steps of earlier plans that may still be mined:
    they are not planned again, and what they will do is taken as done. A decision has a plan while the
    account may be liquidated, and where a claim of the keeper's can be taken.
    """
    inputs = _inputs(account, previous, prices, cut, policy, facts, inventory, live, at_ms)
    result = _result(inputs)
    if result.state is previous and (result.plan is None or not result.plan.steps):
        return None
    told = canonical_json(encode(inputs))
    answered = canonical_json(encode(result))
    return Decision(
        decision_id=digest([told, answered]),
        account_id=account.account_id,
        previous=previous,
        state=result.state,
        health=result.health,
        plan=result.plan,
        reason=result.reason,
        inputs=told,
        result=answered,
        at_ms=at_ms,
    )


def replay(inputs: str) -> str:
    """Run the decision again on its recorded inputs and return the result's canonical text.

    Raises ``ValueError`` (`Undecodable`, or of the JSON reader) if the text is not the inputs of a decision.
    """
    return canonical_json(encode(_result(decode(Inputs, json.loads(inputs)))))


def _inputs(
    account: Account,
    previous: AccountState | None,
    prices: PriceSet,
    cut: Sequence[CutPoint],
    policy: RiskPolicy,
    facts: Mapping[str, VenueFacts],
    inventory: Inventory,
    live: Sequence[Step],
    at_ms: int,
) -> Inputs:
    legs = [leg for its in possible(account) for leg in its.legs]
    chains = {leg.chain for leg in legs} | {claim.source_chain for leg in legs for claim in leg.claims}
    its_facts = {chain: facts[chain] for chain in sorted(chains & facts.keys())}
    assets = {
        *assets_of(account, policy),
        *(token.asset for venue in its_facts.values() for token in venue.tokens),
    }
    its_inventory = {chain: inventory.chains[chain] for chain in sorted(chains & inventory.chains.keys())}
    return Inputs(
        account=account,
        previous=previous,
        price_set=prices.id,
        prices={asset: without_tree(prices.prices[asset]) for asset in sorted(assets & prices.prices.keys())},
        cut=tuple(point for point in cut if point.chain in chains),
        policy=policy,
        facts=its_facts,
        inventory=Inventory(
            its_inventory,
            inventory.min_profit_wad,
            {asset: depth for asset, depth in sorted(inventory.depths_wad.items()) if asset in assets},
        ),
        live=tuple(live),
        at_ms=at_ms,
    )


def _result(inputs: Inputs) -> Result:
    health = evaluate(inputs.account, inputs.prices, inputs.cut, inputs.policy, price_set=inputs.price_set)
    state = next_state(inputs.previous, health, inputs.policy)
    found = plan(
        inputs.account,
        health,
        inputs.prices,
        inputs.policy,
        inputs.facts,
        inputs.inventory,
        inputs.live,
    )
    acts = state in ACTIONABLE or bool(found.steps)
    reason = state_reason(state, health) + unfinal_reason(inputs.account)
    return Result(
        state=state,
        health=health,
        plan=found if acts else None,
        reason=f"{reason} Plan: {found.reason}" if acts else reason,
    )
