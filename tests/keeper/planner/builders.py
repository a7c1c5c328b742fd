"""Hubs and inventories for tests, and a plan's execution by the hub's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from config.units import WAD
from keeper.domain.account import Account
from keeper.domain.health import UnifiedHealth
from keeper.domain.plan import Plan, Step
from keeper.margin.health import evaluate
from keeper.margin.parameters import RiskPolicy
from keeper.planner.effects import Effect, effect
from keeper.planner.facts import ChainInventory, GasCosts, Inventory, MarketFacts, TokenFacts, VenueFacts
from keeper.planner.ground import Ground, Prices
from keeper.planner.plan import move_of, plan
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, DECIMALS, KEEPER, POLICY, cut, token, usd

PENALTIES = {"USDC": 100, "ETH": 500, "WBTC": 600, "VAULT": 400}
GAS = GasCosts(*[usd("0.4")] * 5)


def venue(chain: str, **changes: Any) -> VenueFacts:
    tokens = tuple(
        TokenFacts(number, token(asset, chain), asset, DECIMALS[asset], PENALTIES[asset])
        for number, asset in enumerate(PENALTIES)
    )
    markets = (MarketFacts(0, "ETH-PERP", "ETH", 100), MarketFacts(1, "BTC-PERP", "WBTC", 100))
    facts = VenueFacts(
        chain=chain,
        close_factor_bps=5_000,
        full_close_health_wad=WAD * 95 // 100,
        cooldown_s=30,
        price_band_bps=150,
        insurance_share_bps=2_000,
        dust_value_wad=50 * WAD,
        claim_confirmations=2,
        pool_cash=10**13,
        tokens=tokens,
        markets=markets,
    )
    return replace(facts, **changes)


def venues(**changes: Any) -> dict[str, VenueFacts]:
    return {chain: venue(chain, **changes) for chain in CHAINS}


def inventory(stable: str = "10000000", gas: GasCosts = GAS, **others: str) -> Inventory:
    """Return a keeper with this much stable on every chain, or as named."""
    return Inventory(
        {
            chain: ChainInventory(chain, KEEPER, usd(others.get(chain, stable)) // 10**12, gas, 100 * WAD)
            for chain in CHAINS
        }
    )


def health_of(
    held: Account, at: Mapping[str, Price], policy: RiskPolicy = POLICY, **ages_ms: int
) -> UnifiedHealth:
    return evaluate(held, at, cut(**ages_ms), policy)


def plan_for(
    held: Account,
    at: Mapping[str, Price],
    *,
    facts: Mapping[str, VenueFacts] | None = None,
    means: Inventory | None = None,
    policy: RiskPolicy = POLICY,
    live: Sequence[Step] = (),
    **ages_ms: int,
) -> Plan:
    health = health_of(held, at, policy, **ages_ms)
    return plan(held, health, at, policy, facts or venues(), means or inventory(), live)


def executed(
    held: Account,
    steps: Sequence[Step],
    at: Mapping[str, Price],
    facts: Mapping[str, VenueFacts] | None = None,
) -> tuple[Account, list[Effect]]:
    """Return the account after the steps, in order, by the hub's arithmetic, and what each did."""
    facts = facts or venues()
    prices = Prices({asset: price.mid_wad for asset, price in at.items() if price.mid_wad}, facts)
    ground = Ground(held, {chain: its.pool_cash for chain, its in facts.items()})
    effects = []
    for step in steps:
        outcome = effect(ground, move_of(step), prices)
        assert isinstance(outcome, Effect), outcome
        effects.append(outcome)
        ground = outcome.ground
    return ground.account, effects
