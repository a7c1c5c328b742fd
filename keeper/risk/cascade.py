"""Cascades: liquidations sell, sales move prices, prices trigger more liquidations, until it is quiet.

Each round runs the planner itself over every account that may be liquidated at the round's prices, carries its
steps out by the hubs' arithmetic, and lets what was sold move prices. Rounds are as far apart as a hub's
cooldown. It is assumed that every liquidator has the means, that hubs are live and at the reference price, and that
who seizes collateral, or takes over a position, sells it at once: the worst that can be, not the likeliest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from chains.hub.attestation import Action
from config.units import BPS, WAD, mul_div_down
from keeper.domain.account import Account
from keeper.domain.plan import Step
from keeper.margin.evidence import price_box
from keeper.margin.health import evaluate
from keeper.margin.states import ACTIONABLE, next_state
from keeper.planner.effects import Effect, Refusal, effect
from keeper.planner.facts import ChainInventory, GasCosts, Inventory, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.option_marks import marks_of
from keeper.planner.plan import move_of, plan
from keeper.risk.depth import moves_bps
from keeper.risk.exposures import Exposures
from keeper.risk.stress import Shock, moved, short
from keeper.risk.watched import Watched

MOST_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Round:
    """One round: how many accounts were acted on, of them for the first time, what was sold, and where prices are.

    `moves_bps` are from the prices before the shock; `sold_wad` by asset, negative for what was bought.
    """

    accounts: int
    new_accounts: int
    steps: int
    sold_wad: Mapping[str, int]
    moves_bps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cascade:
    """A shock and what came of it. `triggered` are accounts that the shock alone would have left alone.

    `bad_debt_wad` is what was written off and what is left uncovered at the last prices; `settled` is false
    where the most rounds were not enough.
    """

    shock: Shock
    rounds: tuple[Round, ...]
    struck: tuple[str, ...]
    triggered: tuple[str, ...]
    sold_wad: Mapping[str, int]
    moves_bps: Mapping[str, int]
    penalties_wad: int
    bad_debt_wad: int
    settled: bool


@dataclass(slots=True)
class _Running:
    """What changes from round to round."""

    accounts: dict[str, Account]
    cash: dict[str, int]
    sold_wad: dict[str, int] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    penalties_wad: int = 0
    written_off_wad: int = 0


def cascade(
    watched: Watched,
    facts: Mapping[str, VenueFacts],
    depth_wad: Mapping[str, int | None],
    shock: Shock,
    via: Mapping[str, str] | None = None,
) -> Cascade:
    """Return the rounds after a shock. `depth_wad` is what of each asset can be sold within one percent, USD wad.

    `via` names the asset that another is priced in: where that one falls, the other falls with it.
    """
    venues = {
        chain: replace(
            its,
            not_live="",
            hub_prices_wad={},
            held_assets={},
            small_assets={},
            held_sales={},
            small_sales={},
        )
        for chain, its in facts.items()
    }
    running = _Running(
        {account.account_id: account for account in watched.accounts},
        {chain: its.pool_cash for chain, its in venues.items()},
    )
    rounds: list[Round] = []
    struck: tuple[str, ...] = ()
    prices = moved(watched.prices, shock.moves_bps)
    impact: dict[str, int] = {}
    settled = False
    while not settled and len(rounds) < MOST_ROUNDS:
        before = set(running.touched)
        accounts, steps, sold = _round(running, replace(watched, prices=prices), venues)
        struck = struck if before else tuple(running.touched)
        settled = steps == 0
        for asset, value_wad in sold.items():
            running.sold_wad[asset] = running.sold_wad.get(asset, 0) + value_wad
        impact = _carried(moves_bps(running.sold_wad, depth_wad), via or {})
        total = _together(shock.moves_bps, impact)
        prices = moved(watched.prices, total)
        if not settled:
            rounds.append(Round(accounts, len(running.touched) - len(before), steps, sold, total))
    return Cascade(
        shock=shock,
        rounds=tuple(rounds),
        struck=struck,
        triggered=tuple(each for each in running.touched if each not in set(struck)),
        sold_wad=dict(running.sold_wad),
        moves_bps=_together(shock.moves_bps, impact),
        penalties_wad=running.penalties_wad,
        bad_debt_wad=running.written_off_wad + _uncovered(running, replace(watched, prices=prices)),
        settled=settled,
    )


def _round(
    running: _Running, watched: Watched, venues: Mapping[str, VenueFacts]
) -> tuple[int, int, dict[str, int]]:
    """Plan and carry out one round at these prices; return accounts acted on, steps, and values sold by asset."""
    accounts = list(running.accounts.values())
    exposures = Exposures.of(accounts, watched.policy)
    mids = {asset: box.mid_wad for asset, price in watched.prices.items() if (box := price_box(price))}
    acted = taken = 0
    sold: dict[str, int] = {}
    for row in short(exposures, watched.mids(exposures.assets)):
        account = accounts[row]
        steps = _steps(account, watched, venues, running.cash)
        marks = marks_of(account, watched.prices, watched.policy, watched.cut) if steps else {}
        done = _carry_out(account, steps, Prices(mids, venues, marks), running, sold)
        taken += done
        acted += bool(done)
    return acted, taken, sold


def _steps(
    account: Account, watched: Watched, venues: Mapping[str, VenueFacts], cash: Mapping[str, int]
) -> Sequence[Step]:
    health = evaluate(account, watched.prices, watched.cut, watched.policy)
    claimed = any(leg.claims for leg in account.legs)
    if not claimed and next_state(None, health, watched.policy) not in ACTIONABLE:
        return ()
    facts = {chain: replace(its, pool_cash=cash[chain]) for chain, its in venues.items()}
    return plan(account, health, watched.prices, watched.policy, facts, _anyone(venues)).steps


def _carry_out(
    account: Account, steps: Sequence[Step], at: Prices, running: _Running, sold: dict[str, int]
) -> int:
    """Apply the steps to the account; return how many the hubs would have taken."""
    ground, done = Ground(account, running.cash), 0
    for step in steps:
        outcome = effect(ground, move_of(step), at)
        if isinstance(outcome, Refusal):
            continue
        for asset, value_wad in _sales(ground, step, outcome, at):
            sold[asset] = sold.get(asset, 0) + value_wad
        running.penalties_wad += outcome.penalty_wad
        running.written_off_wad += outcome.value_wad if step.action is Action.WRITE_OFF else 0
        ground, done = outcome.ground, done + 1
    running.accounts[account.account_id] = ground.account
    running.cash.update(ground.pool_cash)
    if done:
        running.touched[account.account_id] = None
    return done


def _sales(ground: Ground, step: Step, outcome: Effect, at: Prices) -> list[tuple[str, int]]:
    """Return what a step brings to market, by asset: seized collateral, and positions the pool has taken over."""
    venue = at.facts[step.chain]
    if step.action is Action.CLOSE:
        market = venue.market_number(step.item)
        leg = ground.leg(step.chain)
        if market is None or leg is None:
            return []
        long = any(its.hub_id == step.item and its.size_wad > 0 for its in leg.positions)
        return [(market.asset, outcome.value_wad if long else -outcome.value_wad)]
    if step.action in {Action.REPAY, Action.SEIZE}:
        token = venue.token_number(step.item)
        if token is None or token.asset == venue.stable.asset:
            return []
        return [(token.asset, mul_div_down(outcome.value_wad, BPS + token.penalty_bps, BPS))]
    return []


def _uncovered(running: _Running, watched: Watched) -> int:
    total = 0
    for account in running.accounts.values():
        if account.account_id in running.touched:
            equity = evaluate(account, watched.prices, watched.cut, watched.policy).equity.mid
            total += max(-equity, 0)
    return total


def _together(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Return two moves one after the other, basis points by asset."""
    return {
        asset: (BPS + first.get(asset, 0)) * (BPS + second.get(asset, 0)) // BPS - BPS
        for asset in {**first, **second}
    }


def _carried(impact: Mapping[str, int], via: Mapping[str, str]) -> dict[str, int]:
    """Return the moves with those of what an asset is priced in, and of what that is priced in, on top."""
    found = dict(impact)
    for asset in via:
        above = asset
        for _ in via:
            above = via.get(above, "")
            if above in impact:
                found |= _together({asset: found.get(asset, 0)}, {asset: impact[above]})
    return found


def _anyone(venues: Mapping[str, VenueFacts]) -> Inventory:
    """Return the means of all liquidators together: enough of everything, at no cost."""
    free = GasCosts(0, 0, 0, 0, 0)
    plenty = 10**12 * WAD
    return Inventory(
        {chain: ChainInventory(chain, "", plenty, free, plenty) for chain in venues}, min_profit_wad=-plenty
    )
