"""Judging one borrower: by the venue's own rule whether it can be liquidated, by ours whether it should be.

Pure, in exact integers: the same inputs give the same verdict, byte for byte, on any machine. Cheap questions
come first, so that what can not be liquidated, is held or is dust never costs a request.
"""

from __future__ import annotations

import json
from typing import Any

from chains.venues.executor.codec import NO_POOL
from chains.venues.venue import Blocked, VenueHealth
from config.canonical import canonical_json, digest
from config.units import WAD, format_wad
from keeper.planner.codec import decode, encode
from keeper.venues.inputs import Inputs
from keeper.venues.kinds import KINDS, Kind
from keeper.venues.pricing import outcomes
from keeper.venues.profit import best_case_wad, gas_wad, least_kept, most_cost_wei, profit, worth_up
from keeper.venues.verdict import OF_OBSTACLE, Found, Plan, Reason, Verdict
from keeper.venues.ways import Way, ways


def judge(inputs: Inputs, at_ms: int) -> Verdict:
    """Return the verdict on a borrower. Raises ``ValueError`` for a state that is not of its kind."""
    found = find(inputs)
    told, answered = canonical_json(encode(inputs)), canonical_json(encode(found))
    return Verdict(
        verdict_id=digest([told, answered]),
        chain=inputs.chain,
        venue=inputs.venue,
        account_id=inputs.account_id,
        borrower=inputs.borrower,
        block_number=inputs.block_number,
        found=found,
        inputs=told,
        result=answered,
        at_ms=at_ms,
    )


def replay(inputs: str) -> str:
    """Judge again on recorded inputs and return the result's canonical text. Raises ``ValueError``."""
    return canonical_json(encode(find(decode(Inputs, json.loads(inputs)))))


def find(inputs: Inputs, state: Any = None) -> Found:  # noqa: ANN401 - each kind has its own
    """Return what the inputs give. `state` is what `Inputs.state` says, where that is not written out yet."""
    kind = KINDS[inputs.kind]
    state = kind.read(inputs.state) if state is None else state
    health = kind.arithmetic.health(state, inputs.borrower, inputs.at_s)
    reason, detail, plan = _reason(inputs, kind, state, health)
    return Found(reason, detail, health.health_wad, health.collateral_value, health.debt_value, plan)


def open_ways(inputs: Inputs, state: object) -> tuple[Way, ...]:
    """Return the ways to pay, in a fixed order. Those by a pool are what quotes are wanted of."""
    if inputs.means is None:
        return ()
    venue = KINDS[inputs.kind].arithmetic
    return tuple(ways(venue, state, inputs.borrower, inputs.means, inputs.at_s, inputs.deadline_s))


def _reason(
    inputs: Inputs,
    kind: Kind,
    state: Any,  # noqa: ANN401 - each kind has its own
    health: VenueHealth,
) -> tuple[Reason, str, Plan | None]:
    if health.health_wad is not None and health.health_wad >= WAD:
        return Reason.HEALTHY, "", None
    best = kind.arithmetic.best(state, inputs.borrower, inputs.at_s)
    if isinstance(best, Blocked):
        return OF_OBSTACLE[best.obstacle], _blocked(best, inputs), None
    if inputs.live:
        return Reason.LIVE, "its liquidation is on its way", None
    if inputs.held or not inputs.chain_health.live:
        return Reason.ON_HOLD, inputs.held or inputs.chain_health.reason, None
    unknown = next(
        (each for each in (best.debt_asset, best.collateral_asset) if each not in inputs.tokens), None
    )
    if unknown is not None:
        return Reason.NO_ASSET, f"nothing says what {unknown} stands for", None
    for asset, outcome in outcomes(inputs, kind.prices(state, inputs.terms.price_decimals)):
        if asset in inputs.held_assets:
            return Reason.ON_HOLD, f"{asset} is {inputs.held_assets[asset]}", None
        reference = inputs.prices.get(asset)
        if outcome.tier.holds and (reference is None or reference.mid_wad is None):
            return Reason.NO_REFERENCE, f"{asset}: {outcome.reason}", None
        if outcome.tier.holds:
            return Reason.PRICE_HELD, f"{asset}: {outcome.reason}", None
    before = inputs.setback
    has_sunk = before is not None and health.health_wad is not None and health.health_wad < before.sunk_wad
    if before is not None and not has_sunk and inputs.block_number < before.until_block:
        return Reason.WAITING, f"until block {before.until_block}: {before.reason}", None
    return _worth(inputs, open_ways(inputs, state))


def _blocked(blocked: Blocked, inputs: Inputs) -> str:
    token = inputs.tokens.get(blocked.asset or "")
    name = token.asset if token is not None else blocked.asset
    return f"{blocked.obstacle}: {name}" if name else str(blocked.obstacle)


def _worth(inputs: Inputs, found: tuple[Way, ...]) -> tuple[Reason, str, Plan | None]:
    """Weigh what it would bring: first without a swap, which nothing can better, then by its quotes."""
    if inputs.means is None:
        return Reason.NO_MEANS, "no executor is configured", None
    if not found:
        return Reason.NO_MEANS, "neither inventory nor a pool of its tokens", None
    cases = [best_case_wad(inputs, way) for way in found]
    if any(case is None for case in cases):
        return Reason.NO_REFERENCE, "no reference price of what would be repaid or seized", None
    most, cost = max(case for case in cases if case is not None), gas_wad(inputs)
    if most < inputs.terms.least_profit_wad + cost:
        detail = f"it would bring {format_wad(most)} USD at most, gas is {format_wad(cost)}"
        return Reason.DUST, detail, None
    if inputs.quotes is None and any(way.pool != NO_POOL for way in found):
        return Reason.QUOTE, "", None
    return _quoted(inputs, found)


def _quoted(inputs: Inputs, found: tuple[Way, ...]) -> tuple[Reason, str, Plan | None]:
    quotes = {quote.pool: quote for quote in inputs.quotes or ()}
    kept = {pool: quote.kept for pool, quote in quotes.items() if not quote.failure}
    plans = [
        _plan(inputs, way, way.liquidation.seize if way.pool == NO_POOL else kept[way.pool])
        for way in found
        if way.pool == NO_POOL or way.pool in kept
    ]
    sound = [plan for plan in plans if plan is not None]
    if not sound:
        said = "; ".join(dict.fromkeys(quote.failure for quote in quotes.values() if quote.failure))
        if "profit" in said or "depth" in said:
            return Reason.NOT_PROFITABLE, f"the swap takes more than is seized: {said}", None
        return Reason.REFUSED, said or "nothing was answered", None
    best = max(sound, key=lambda plan: plan.profit_wad)
    if best.profit_wad < inputs.terms.least_profit_wad:
        detail = f"it would bring {format_wad(best.profit_wad)} USD, less than {format_wad(inputs.terms.least_profit_wad)}"
        return Reason.NOT_PROFITABLE, detail, None
    return Reason.SEND, f"it brings {format_wad(best.profit_wad)} USD", best


def _plan(inputs: Inputs, way: Way, kept: int) -> Plan | None:
    left = profit(inputs, way, kept)
    if left is None:
        return None
    return Plan(
        liquidation=way.liquidation,
        pool=way.pool,
        room=way.room,
        kept=kept,
        least_kept=least_kept(inputs, left, kept),
        value_wad=worth_up(inputs, way.liquidation.debt_asset, way.liquidation.repay) or 0,
        profit_wad=left.net_wad,
        most_cost_wei=most_cost_wei(inputs, left),
        deadline_s=inputs.deadline_s,
    )
