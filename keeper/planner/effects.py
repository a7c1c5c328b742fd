"""What a liquidation step does to an account, by the hub's own rules and arithmetic.

The planner sizes steps by trying them here; attestors and tests fold whole plans through it.
Whether a step is allowed now (cooldown, close factor) is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from chains.hub.attestation import Action
from config.units import BPS, WAD, mul_div_down
from keeper.domain.account import Leg, PendingClaim
from keeper.planner.facts import TokenFacts, VenueFacts
from keeper.planner.ground import (
    Ground,
    Prices,
    balance_of,
    debt_of,
    position_of,
    with_balance,
    with_debt,
    with_position,
)
from keeper.planner.hub_arithmetic import (
    amount_down,
    amount_up,
    profit_and_loss,
    realise,
    value_down,
    value_up,
    with_penalty,
    without_penalty,
)
from keeper.planner.option_steps import option_closed


@dataclass(frozen=True, slots=True)
class Move:
    """A step without its reasons. Fields as in `keeper.domain.plan.Step`."""

    action: Action
    chain: str
    item: int
    size: int
    target_chain: str | None = None
    target_token: str | None = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a move does. `size` is what the hub takes of the size asked for.

    `value_wad` is what is closed, repaid, seized or written off; `penalty_wad` what the account pays on
    top. `outlay` is the raw stable the liquidator pays and `earned_wad` what it is left with over that.
    """

    ground: Ground
    size: int
    value_wad: int
    penalty_wad: int
    outlay: int
    earned_wad: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The hub would not do it, and why."""

    reason: str


Outcome: TypeAlias = Effect | Refusal


def effect(ground: Ground, move: Move, prices: Prices) -> Outcome:
    """Return what `move` does to the account, or why the hub would refuse it."""
    leg = ground.leg(move.chain)
    venue = prices.facts.get(move.chain)
    if leg is None or venue is None:
        return Refusal(f"nothing is known on {move.chain}")
    if not prices.known(move.chain, venue.stable.asset):
        return Refusal(f"{venue.stable.asset} has no price")
    match move.action:
        case Action.CLOSE:
            return _close(ground, leg, venue, move, prices)
        case Action.REPAY:
            return _repay(ground, leg, venue, move, prices)
        case Action.REPAY_CROSS:
            return _repay_cross(ground, leg, venue, move, prices)
        case Action.SEIZE:
            return _seize(ground, leg, venue, move, prices)
        case Action.WRITE_OFF:
            return _write_off(ground, leg, venue, move, prices)
        case Action.OPTION_CLOSE:
            return _close_option(ground, leg, venue, move, prices)
    return Refusal(f"{move.action.name} is not a step of a liquidation")


def _close(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    market = venue.market_number(move.item)
    position = None if market is None else position_of(leg, market)
    if market is None or position is None:
        return Refusal("no position")
    price_wad = prices.at(move.chain, market.asset)
    stable_price_wad = prices.at(move.chain, venue.stable.asset)
    size = min(move.size, abs(position.size_wad))
    closed = size if position.size_wad > 0 else -size
    value_wad = mul_div_down(size, price_wad, WAD)
    settled = realise(
        leg,
        venue.stable,
        stable_price_wad,
        ground.pool_cash[move.chain],
        result=profit_and_loss(closed, position.entry_price_wad, price_wad),
        penalty_wad=mul_div_down(value_wad, market.penalty_bps, BPS),
    )
    if size == 0 or settled is None:
        return Refusal("size" if size == 0 else "the pool can not pay the gain")
    after = with_position(settled.leg, market, position.size_wad - closed, position.entry_price_wad)
    kept = mul_div_down(settled.penalty, venue.insurance_share_bps, BPS)
    return Effect(
        ground.with_leg(after, settled.pool_cash),
        size,
        value_wad,
        value_down(settled.penalty, venue.stable, stable_price_wad),
        0,
        value_down(settled.penalty - kept, venue.stable, stable_price_wad),
    )


def _repay(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    token, stable = venue.token_number(move.item), venue.stable
    if token is None:
        return Refusal("no such token")
    price_wad, stable_price_wad = prices.at(move.chain, token.asset), prices.at(move.chain, stable.asset)
    debt, balance = debt_of(leg), balance_of(leg, token)
    size = min(move.size, debt)
    value_wad = value_down(size, stable, stable_price_wad)
    seized = amount_down(with_penalty(value_wad, token.penalty_bps), token, price_wad)
    if seized > balance:
        seized = balance
        backed_wad = without_penalty(value_up(seized, token, price_wad), token.penalty_bps)
        value_wad = min(value_wad, backed_wad)
        size = min(size, amount_up(value_wad, stable, stable_price_wad))
    if size == 0 or seized == 0:
        return Refusal("size")
    after = with_balance(with_debt(leg, stable, debt - size), token, balance - seized)
    received = seized - _kept(seized, token, value_wad, price_wad, venue)
    return Effect(
        ground.with_leg(after, ground.pool_cash[move.chain] + size),
        size,
        value_wad,
        mul_div_down(value_wad, token.penalty_bps, BPS),
        size,
        value_down(received, token, price_wad) - value_up(size, stable, stable_price_wad),
    )


def _repay_cross(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    stable = venue.stable
    target_chain, target_token = move.target_chain, move.target_token
    target = prices.facts.get(target_chain) if target_chain is not None else None
    token = target.token_at(target_token) if target is not None and target_token is not None else None
    if target is None or token is None:
        return Refusal("no such target")
    backing = ground.leg(target.chain)
    if backing is None or not backing.cross_margin:
        return Refusal(f"the leg on {target.chain} does not back other chains")
    size = min(move.size, debt_of(leg))
    value_wad = value_down(size, stable, prices.at(move.chain, stable.asset))
    if value_wad == 0:
        return Refusal("size")
    paid = ground.with_leg(with_debt(leg, stable, debt_of(leg) - size), ground.pool_cash[move.chain] + size)
    claim = PendingClaim(
        claim=f"{move.chain} to {target.chain}",
        source_chain=move.chain,
        token=token.token,
        asset=token.asset,
        value_wad=value_wad,
        penalty_bps=token.penalty_bps,
        beneficiary="",
        opened_number=0,
    )
    # Read again: where the target is the same chain, its debt has just changed.
    target_leg = paid.leg(target.chain) or backing
    penalty_wad = mul_div_down(value_wad, token.penalty_bps, BPS)
    return Effect(
        paid.with_leg(replace(target_leg, claims=(*target_leg.claims, claim))),
        size,
        value_wad,
        penalty_wad,
        size,
        mul_div_down(penalty_wad, BPS - target.insurance_share_bps, BPS),
    )


def _seize(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    token = venue.token_number(move.item)
    claim = next((claim for claim in leg.claims if claim.claim == move.claim), None)
    if token is None or claim is None or claim.token != token.token:
        return Refusal("no such claim")
    if not leg.cross_margin:
        return Refusal("the leg does not back other chains any more")
    price_wad = prices.at(move.chain, token.asset)
    balance = balance_of(leg, token)
    owed = amount_down(with_penalty(claim.value_wad, token.penalty_bps), token, price_wad)
    seized = min(owed, move.size, balance)
    if seized == 0:
        return Refusal("size")
    received = seized - _kept(seized, token, claim.value_wad, price_wad, venue)
    after = replace(
        with_balance(leg, token, balance - seized),
        claims=tuple(its for its in leg.claims if its.claim != claim.claim),
    )
    value_wad = min(claim.value_wad, without_penalty(value_down(seized, token, price_wad), token.penalty_bps))
    return Effect(
        ground.with_leg(after),
        seized,
        value_wad,
        mul_div_down(value_wad, token.penalty_bps, BPS),
        0,
        value_down(received, token, price_wad),
    )


def _write_off(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    if leg.collateral or leg.positions or leg.options:
        return Refusal("the leg has more than debt")
    size = min(move.size, debt_of(leg))
    if size == 0:
        return Refusal("size")
    after = with_debt(leg, venue.stable, debt_of(leg) - size)
    value_wad = value_down(size, venue.stable, prices.at(move.chain, venue.stable.asset))
    return Effect(ground.with_leg(after), size, value_wad, 0, 0, 0)


def _close_option(ground: Ground, leg: Leg, venue: VenueFacts, move: Move, prices: Prices) -> Outcome:
    closed = option_closed(leg, venue, move.item, move.size, ground.pool_cash[move.chain], prices)
    if isinstance(closed, str):
        return Refusal(closed)
    stable_price_wad = prices.at(move.chain, venue.stable.asset)
    kept = mul_div_down(closed.penalty, venue.insurance_share_bps, BPS)
    return Effect(
        ground.with_leg(closed.leg, closed.pool_cash),
        closed.size,
        closed.value_wad,
        value_down(closed.penalty, venue.stable, stable_price_wad),
        0,
        value_down(closed.penalty - kept, venue.stable, stable_price_wad),
    )


def _kept(seized: int, token: TokenFacts, value_wad: int, price_wad: int, venue: VenueFacts) -> int:
    """Return the insurance fund's share: of what exceeds the value, so that a capped seizure first pays the rest."""
    base = min(seized, amount_up(value_wad, token, price_wad))
    return mul_div_down(seized - base, venue.insurance_share_bps, BPS)
