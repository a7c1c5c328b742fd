"""Whether an owner may add risk: unified initial margin after what they ask for.

Only legs with cross margin back each other. A leg without it stands alone: what it is short
of counts against the whole, what it has over does not count for it.

What is not final yet on other chains may be gone when the risk is there, so the worst of what they may come to
again counts. On the chain of the action itself it does not matter: undone, its version would not fit any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chains.hub.attestation import Action
from config.units import WAD, mul_div_down, mul_div_up
from keeper.domain.account import Account, CutPoint, Leg, OptionPosition
from keeper.domain.health import Interval
from keeper.margin.curves import missing_parameters
from keeper.margin.evidence import LegAge, Readings, ages_of, assets_of, boxes, readings, time_of
from keeper.margin.health import valuation
from keeper.margin.model import Kind
from keeper.margin.parameters import RiskPolicy
from keeper.margin.unfinal import possible
from keeper.margin.valuation import HEALTH_CAP, Box
from keeper.planner.facts import VenueFacts
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
from keeper.planner.hub_arithmetic import profit_and_loss, realise
from keeper.planner.option_steps import option_traded
from oracles.price import Price


@dataclass(frozen=True, slots=True)
class RiskAction:
    """What an owner asks for on one chain's hub: WITHDRAW, BORROW, TRADE, UNLINK or OPTION_TRADE.

    Fields as in an attestation. An OPTION_TRADE says which series, and at which price it is to be traded.
    """

    action: Action
    chain: str
    item: int
    size: int
    option: OptionPosition | None = None
    price_wad: int = 0


@dataclass(frozen=True, slots=True)
class InitialMargin:
    """Unified initial margin after an action, USD wad, at its worst where the action leaves a choice.

    `health_wad` is the low end of initial health, at least one exactly when `allowed`. `refused` says
    why the action can not be judged or done at all; the figures are then zero.
    """

    surplus: Interval
    health_wad: int
    refused: str = ""

    @property
    def allowed(self) -> bool:
        """Whether initial margin certainly holds afterwards."""
        return not self.refused and self.surplus.low >= 0


def initial_after(
    account: Account,
    action: RiskAction,
    prices: Mapping[str, Price],
    cut: Sequence[CutPoint],
    policy: RiskPolicy,
    facts: Mapping[str, VenueFacts],
) -> InitialMargin:
    """Return unified initial margin if the hub did what is asked for, up to its whole size.

    A TRADE or an OPTION_TRADE may go either way: both are tried, and since the margin surplus bends downward in the size,
    the worse of the two ends is the worst of all between. It is done at the hub's own price where that was
    read, else at the middle of the reference price.
    """
    reason = _unknown(account, prices, cut, policy)
    if reason:
        return _refused(reason)
    known = {asset: box for asset, box in boxes(prices, prices)[0].items() if asset in policy.assets}
    hub_prices = Prices({asset: box.mid_wad for asset, box in known.items()}, facts)
    after = _after(account, action, hub_prices)
    if isinstance(after, str):
        return _refused(after)
    # A trade may bring an option that nothing was known of before.
    reason = next(filter(None, (_unknown(its, prices, cut, policy) for its in after)), "")
    if reason:
        return _refused(reason)
    chains = _chains(account)
    read = readings(ages_of(chains, cut, policy), policy.missing_leg_uplift_bps)
    at_s = time_of([point for point in cut if point.chain in chains])
    outcomes = (
        _initial(its, known, read, policy, at_s) for each in after for its in _possible(each, action.chain)
    )
    return min(outcomes, key=lambda its: its.surplus.low)


def _possible(after: Account, chain: str) -> Iterator[Account]:
    """Yield what the account may come to if other chains than that of the action are undone."""
    return possible(replace(after, unfinal=tuple(each for each in after.unfinal if each.leg.chain != chain)))


def _chains(account: Account) -> list[str]:
    return list(dict.fromkeys(leg.chain for leg in account.possible_legs if not leg.is_empty))


def _unknown(
    account: Account, prices: Mapping[str, Price], cut: Sequence[CutPoint], policy: RiskPolicy
) -> str:
    """Say what evidence is missing. Unlike for liquidation there is no best case: risk is added on full sight."""
    reasons = boxes(assets_of(account, policy), prices)[1]
    reasons += missing_parameters(account, policy)
    reasons += [reason for leg in account.possible_legs for reason in leg.unreadable]
    if not reasons:
        ages = ages_of(_chains(account), cut, policy)
        reasons += [f"{chain} is not read any more" for chain, age in ages.items() if age is LegAge.MISSING]
    return "; ".join(reasons)


def _after(account: Account, action: RiskAction, prices: Prices) -> list[Account] | str:
    """Return what the account may be after the action, or why the hub would refuse it."""
    venue = prices.facts.get(action.chain)
    ground = Ground(account, {chain: its.pool_cash for chain, its in prices.facts.items()})
    leg = ground.leg(action.chain)
    if venue is None or leg is None:
        return f"nothing is known of the account on {action.chain}"
    if not leg.cross_margin:
        return f"the leg on {action.chain} has no cross margin: its hub judges by itself"
    if not prices.known(action.chain, venue.stable.asset):
        return f"{venue.stable.asset} has no price"
    legs: list[Leg | str]
    match action.action:
        case Action.WITHDRAW:
            legs = [_withdrawn(leg, venue, action)]
        case Action.BORROW:
            legs = [with_debt(leg, venue.stable, debt_of(leg) + action.size)]
        case Action.TRADE:
            legs = [traded(leg, venue, action.item, delta, prices) for delta in (action.size, -action.size)]
        case Action.OPTION_TRADE if action.option is not None:
            legs = [
                option_traded(leg, venue, action.option, delta, action.price_wad, prices)
                for delta in (action.size, -action.size)
            ]
        case Action.UNLINK:
            legs = [replace(leg, cross_margin=False)]
        case _:
            return f"{action.action.name} adds no risk"
    refusal = next((its for its in legs if isinstance(its, str)), None)
    if refusal is not None:
        return refusal
    return [ground.with_leg(its).account for its in legs if isinstance(its, Leg)]


def _withdrawn(leg: Leg, venue: VenueFacts, action: RiskAction) -> Leg | str:
    token = venue.token_number(action.item)
    if token is None or balance_of(leg, token) < action.size:
        return "there is not so much to withdraw"
    return with_balance(leg, token, balance_of(leg, token) - action.size)


def traded(leg: Leg, venue: VenueFacts, market_id: int, delta_wad: int, prices: Prices) -> Leg | str:
    """Return the leg after a trade with the pool, by the hub's arithmetic, or why it would be refused."""
    market = venue.market_number(market_id)
    if market is None or not prices.known(venue.chain, market.asset):
        return f"market {market_id} on {venue.chain} is not known or has no price"
    price_wad = prices.at(venue.chain, market.asset)
    position = position_of(leg, market)
    size_wad, entry_wad = (position.size_wad, position.entry_price_wad) if position is not None else (0, 0)
    added, held = abs(delta_wad), abs(size_wad)
    if held == 0 or (size_wad > 0) == (delta_wad > 0):
        cost = held * entry_wad + added * price_wad
        divide = mul_div_up if delta_wad > 0 else mul_div_down
        entry_wad = divide(cost, 1, held + added) if held + added else 0
    else:
        closed = -delta_wad if added < held else size_wad
        settled = realise(
            leg,
            venue.stable,
            prices.at(venue.chain, venue.stable.asset),
            venue.pool_cash,
            result=profit_and_loss(closed, entry_wad, price_wad),
        )
        if settled is None:
            return f"the pool on {venue.chain} can not pay the gain"
        leg, entry_wad = settled.leg, entry_wad if added < held else price_wad
    return with_position(leg, market, size_wad + delta_wad, entry_wad)


def _initial(
    account: Account, known: Mapping[str, Box], read: Readings, policy: RiskPolicy, at_s: int | None
) -> InitialMargin:
    linked = tuple(leg for leg in account.legs if leg.cross_margin)
    value = valuation(replace(account, legs=linked), known, read, policy, at_s=at_s)
    surplus = value.surplus(Kind.INITIAL)
    health = value.health(surplus, Kind.INITIAL)
    for leg in account.legs:
        if not leg.cross_margin:
            alone = valuation(replace(account, legs=(leg,)), known, read, policy, at_s=at_s)
            own = alone.surplus(Kind.INITIAL)
            surplus = Interval(
                surplus.low + min(own.low, 0), surplus.mid + min(own.mid, 0), surplus.high + min(own.high, 0)
            )
    low_wad = health.low if health is not None else HEALTH_CAP
    return InitialMargin(surplus, max(low_wad, WAD) if surplus.low >= 0 else min(low_wad, WAD - 1))


def _refused(reason: str) -> InitialMargin:
    return InitialMargin(Interval(0, 0, 0), 0, reason)
