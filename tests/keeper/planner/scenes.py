"""Small accounts in trouble, of every size, among fixed costs that matter: for plans against exhaustive search."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.units import WAD
from keeper.domain.account import Account, Leg
from keeper.domain.health import UnifiedHealth
from keeper.domain.plan import Plan
from keeper.margin.states import may_be_liquidated
from keeper.planner.facts import ChainInventory, GasCosts, Inventory, VenueFacts
from keeper.planner.plan import plan
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, KEEPER, POLICY, usd
from tests.keeper.planner.builders import health_of, venues
from tests.keeper.planner.exhaustive import Exhaustive
from tests.keeper.planner.troubled import troubled

MOST_OPTIONS = 5
"""Of an account that everything is tried on."""


@dataclass(frozen=True)
class Scene:
    held: Account
    at: Mapping[str, Price]
    health: UnifiedHealth
    facts: Mapping[str, VenueFacts]
    means: Inventory

    def plan(self) -> Plan:
        return plan(self.held, self.health, self.at, POLICY, self.facts, self.means)

    def exhaustive(self) -> Exhaustive:
        return Exhaustive(self.held, self.health, self.at, POLICY, self.facts, self.means)


def scene(seed: int) -> Scene | None:
    """Return an account that is certainly liquidatable and not bankrupt, if this seed gives one."""
    source = random.Random(seed)
    found, at = troubled(source)
    part = source.choice((1, 10, 50, 200))
    held = replace(found, legs=tuple(_smaller(leg, part) for leg in found.legs))
    health = health_of(held, at)
    profit_wad = source.choice((0, 0, -(10**24)))
    # A keeper that wants to be paid needs a pool that can lend the penalty.
    cash = source.choice((10**9, 10**10, 10**13) if profit_wad == 0 else (0, 10**9, 10**13))
    facts = venues(pool_cash=cash, close_factor_bps=source.choice((5_000, 10_000)))
    chains = {}
    for chain in CHAINS:
        gas = GasCosts(*[usd(source.choice(("0.2", "0.4", "4", "25")))] * 6)
        stable = usd(source.choice(("0", "300", "3000", "30000", "10000000"))) // 10**12
        chains[chain] = ChainInventory(chain, KEEPER, stable, gas, 10**6 * WAD)
    if not may_be_liquidated(health, POLICY) or health.equity.high < 0:
        return None
    return Scene(held, at, health, facts, Inventory(chains, profit_wad))


def _smaller(leg: Leg, part: int) -> Leg:
    return replace(
        leg,
        collateral=tuple(replace(its, amount=max(its.amount // part, 1)) for its in leg.collateral),
        debt=None if leg.debt is None else replace(leg.debt, amount=max(leg.debt.amount // part, 1)),
        positions=tuple(replace(its, size_wad=its.size_wad // part or 1) for its in leg.positions),
        claims=(),
    )
