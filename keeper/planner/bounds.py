"""The largest steps an attestor finds right by its own view, to hold a keeper's request against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from chains.hub.attestation import Action
from config.units import BPS, mul_div_down
from keeper.domain.account import Account
from keeper.domain.health import UnifiedHealth
from keeper.margin.parameters import RiskPolicy
from keeper.margin.states import may_be_liquidated
from keeper.planner.appraisal import Appraiser, Standing
from keeper.planner.candidates import Candidate, reducing, seizing, writing_off
from keeper.planner.conditions import Conditions
from keeper.planner.effects import Effect, Move, effect
from keeper.planner.facts import VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.means import boundless
from keeper.planner.offers import FULL
from keeper.planner.option_marks import marks_of
from keeper.planner.rescue import Choice, Option, Rescue, dust_size
from keeper.planner.sizing import CLOSING, Workbench
from oracles.price import Price


class BoundKey(NamedTuple):
    """What a step is of. A REPAY_CROSS differs by its target, a SEIZE by its claim."""

    action: Action
    chain: str
    item: int
    target_chain: str | None = None
    target_token: str | None = None
    claim: str | None = None


def bounds(
    account: Account,
    health: UnifiedHealth,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    facts: Mapping[str, VenueFacts],
    live: Sequence[Move] = (),
    tolerance_bps: int = 0,
) -> dict[BoundKey, int]:
    """Return the largest size of every step that is right by this view; what is not there is not right.

    Each is what the step alone would need to bring the account to its target, or dust if that is more, within
    the hub's bounds, and all the hub allows where the account is to be closed whole. A close may be as large as it
    has to be where its pool has all the cash that its penalty and gain are paid from: what the same plan repays
    first fills it. SEIZE for a confirmed claim is right at any health that is known. Sizes are in the action's own unit.

    `live` are steps that were found right before and may still be mined: the account is taken as it will be after
    them, so that several steps are together no more than what is needed. They may have been larger than this
    view's own by `tolerance_bps`; so much less of them is counted.
    """
    if health.unknown_because:
        return {}
    appraiser = Appraiser(health, prices, policy)
    hub_prices = Prices(appraiser.mids_wad, facts, marks_of(account, prices, policy, health.cut))
    conditions = Conditions(health, hub_prices, policy)
    ground = Ground(account, {chain: venue.pool_cash for chain, venue in facts.items()})
    moves = [found.move for _, found in seizing(ground, conditions) if isinstance(found, Candidate)]
    if may_be_liquidated(health, policy):
        moves += [found.move for found in writing_off(ground, conditions) if isinstance(found, Candidate)]
        rescue = Rescue(Workbench(appraiser, hub_prices), conditions, policy.dust_value_wad, ())
        after = _after(ground, live, tolerance_bps, hub_prices)
        moves += _reductions(rescue, after, conditions, appraiser, health)
    largest: dict[BoundKey, int] = {}
    for move in moves:
        largest[key_of(move)] = max(move.size, largest.get(key_of(move), 0))
    return {key: size for key, size in largest.items() if size}


def key_of(move: Move) -> BoundKey:
    """Return what the move is of."""
    return BoundKey(move.action, move.chain, move.item, move.target_chain, move.target_token, move.claim)


def _reductions(
    rescue: Rescue, ground: Ground, conditions: Conditions, appraiser: Appraiser, health: UnifiedHealth
) -> list[Move]:
    before = appraiser.standing(ground.account)
    if before.shortfall <= 0:
        return []
    means = boundless(conditions.prices.facts)
    survey = rescue.survey(ground, before, means)
    if health.equity.high < 0 or rescue.only_toxic(survey):
        steps = reducing(ground, conditions, whole=True)
        return [found.move for found in steps if isinstance(found, Candidate)]
    sized = [_sized(rescue, ground, before, option, conditions) for option in survey.options]
    if any(leg.positions or leg.options for leg in ground.account.legs):
        full = Ground(ground.account, {chain: cash + FULL for chain, cash in ground.pool_cash.items()})
        closes = (
            option
            for option in rescue.survey(full, before, means).options
            if option.candidate.move.action in CLOSING
        )
        sized += [_sized(rescue, full, before, option, conditions) for option in closes]
    return [move for move in sized if move is not None]


def _sized(
    rescue: Rescue, ground: Ground, before: Standing, option: Option, conditions: Conditions
) -> Move | None:
    choice = rescue.sized(ground, before, option, boundless(conditions.prices.facts))
    return _or_dust(choice.trial.move, option, conditions) if isinstance(choice, Choice) else None


def _or_dust(move: Move, option: Option, conditions: Conditions) -> Move:
    """Return the move no smaller than dust, where it may be that large: below that a step may not pay for itself."""
    dust = dust_size(option.candidate, conditions.dust_wad)
    return replace(move, size=max(move.size, min(dust, option.trial.move.size)))


def _after(ground: Ground, live: Sequence[Move], tolerance_bps: int, prices: Prices) -> Ground:
    for move in live:
        size = mul_div_down(move.size, BPS, BPS + tolerance_bps)
        outcome = effect(ground, replace(move, size=size), prices)
        ground = outcome.ground if isinstance(outcome, Effect) else ground
    return ground
