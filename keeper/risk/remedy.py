"""What would help an account: how much to add or repay on each chain, by exact figures.

The shortfall is what certain health at a wanted level misses; one unit of value added helps by the collateral weight
of its asset, one repaid by the liability weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.units import BPS, WAD, mul_div_up
from keeper.domain.account import Leg
from keeper.margin.curves import SCALE
from keeper.margin.evidence import ages_of, assets_of, boxes, readings, time_of
from keeper.margin.health import valuation
from keeper.planner.facts import VenueFacts
from keeper.risk.watched import Watched


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to bring an account to the wanted health: `value_wad` USD of `asset`, deposited or repaid on a chain."""

    chain: str
    kind: str
    asset: str
    value_wad: int


def remedies(
    watched: Watched, row: int, health_wad: int, facts: Mapping[str, VenueFacts]
) -> tuple[Remedy, ...]:
    """Return the least amount on each chain that makes `health_wad` certain, the smallest first; none if it is.

    Per chain it is the asset that takes least: repaying debt there, if that is enough, or a deposit.
    """
    account = watched.accounts[row]
    found, _ = boxes(assets_of(account, watched.policy), watched.prices)
    chains = [leg.chain for leg in account.legs]
    ages = ages_of(chains, watched.cut, watched.policy)
    read = readings(ages, watched.policy.missing_leg_uplift_bps)
    value = valuation(account, found, read, watched.policy, at_s=time_of(watched.cut))
    missing = -(value.surplus_above(health_wad) // (SCALE * WAD))
    if missing <= 0:
        return ()
    legs = {leg.chain: leg for leg in account.legs}
    ways = [
        min(
            _ways(watched, venue, legs.get(chain), missing, health_wad),
            key=lambda way: way.value_wad,
            default=None,
        )
        for chain, venue in facts.items()
        if chain in legs
    ]
    return tuple(sorted((way for way in ways if way is not None), key=lambda way: (way.value_wad, way.chain)))


def _ways(
    watched: Watched, venue: VenueFacts, leg: Leg | None, missing: int, health_wad: int
) -> list[Remedy]:
    ways: list[Remedy] = []
    debt = leg.debt if leg is not None else None
    if debt is not None and debt.asset in watched.policy.assets:
        # A debt repaid no longer requires its cover, which counts `health_wad` times.
        weight = watched.policy.assets[debt.asset].liability_weight_bps * health_wad // WAD
        needed, owed = (
            mul_div_up(missing, BPS, weight),
            _worth(watched, debt.asset, debt.amount, debt.decimals),
        )
        if needed <= owed:
            ways.append(Remedy(venue.chain, "repay", debt.asset, needed))
    for token in venue.tokens:
        risk, price = watched.policy.assets.get(token.asset), watched.prices.get(token.asset)
        if risk is not None and risk.collateral_weight_bps and price is not None and price.low_wad:
            value = mul_div_up(missing, BPS, risk.collateral_weight_bps)
            # What counts is the low end of the price, what is paid its middle.
            paid = mul_div_up(value, price.mid_wad or price.low_wad, price.low_wad)
            ways.append(Remedy(venue.chain, "deposit", token.asset, paid))
    return ways


def _worth(watched: Watched, asset: str, amount: int, decimals: int) -> int:
    unit: int = 10**decimals
    return amount * (watched.prices[asset].low_wad or 0) // unit
