"""Unified health of one account over one consistent cut and one set of prices.

    A = sum(w_i * q_i * P_i)  +  sum(v * max(uPnL_k, 0))
    R = sum(l_j * d_j * P_j)  +  sum(max(-uPnL_k, 0))  +  MM
    surplus = A - R           health = A / R
    equity  = sum(q_i * P_i) + sum(uPnL_k) - sum(d_j * P_j)

over all legs, each figure as an interval over everything the evidence allows. Pending claims
come off the token they will be paid from. Rounding is against liquidation: only the low ends
are rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeper.domain.account import Account, CutPoint
from keeper.domain.health import Interval, UnifiedHealth
from keeper.margin.curves import SCALE, curves, missing_parameters
from keeper.margin.evidence import LegAge, Readings, ages_of, assets_of, boxes, readings
from keeper.margin.model import Kind
from keeper.margin.parameters import RiskPolicy
from keeper.margin.valuation import Box, Valuation
from oracles.price import Price

NOTHING = Interval(0, 0, 0)


def evaluate(
    account: Account,
    prices: Mapping[str, Price],
    cut: Sequence[CutPoint],
    policy: RiskPolicy,
    *,
    price_set: str = "",
) -> UnifiedHealth:
    """Return the account's figures, USD wad.

    `cut` has the block each chain was read at, and the result names those of the account's legs and of the
    sources of its pending claims. A block's age decides how the chain's legs are read. Where a
    price, a parameter or the meaning of a token is missing, the figures are zero and `unknown_because`
    says why. A missing leg makes the account unknown too, unless the best case for it could not
    bring the surplus to zero. Legs with nothing in them need no evidence.
    """
    chains = [leg.chain for leg in account.legs if not leg.is_empty]
    concerned = {*chains, *(claim.source_chain for leg in account.legs for claim in leg.claims)}
    its_cut = tuple(sorted((p for p in cut if p.chain in concerned), key=lambda point: point.chain))
    box_by_asset, reasons = boxes(assets_of(account, policy), prices)
    reasons += missing_parameters(account, policy)
    reasons += [reason for leg in account.legs for reason in leg.unreadable]
    if reasons:
        return _unknown(account, its_cut, price_set, reasons)
    ages = ages_of(chains, cut, policy)
    value = valuation(account, box_by_asset, readings(ages, policy.missing_leg_uplift_bps), policy)
    surplus = value.surplus()
    assets, required = value.mid(Kind.MAINTENANCE)
    return UnifiedHealth(
        account_id=account.account_id,
        surplus=surplus,
        initial_surplus=value.surplus(Kind.INITIAL),
        health=value.health(surplus),
        equity=value.equity(),
        assets_mid=-(-assets // SCALE),
        requirement_mid=required // SCALE,
        maintenance_mid=value.position_requirement_mid() // SCALE,
        cut=its_cut,
        price_set=price_set,
        unknown_because=() if surplus.high < 0 else _missing_legs(ages, its_cut),
    )


def valuation(
    account: Account, box_by_asset: Mapping[str, Box], read: Readings, policy: RiskPolicy
) -> Valuation:
    """Return the account's curves over the prices, read as `read` says."""
    mid = curves(account.legs, policy, {})
    if read.as_read:
        return Valuation(mid, mid, mid, box_by_asset)
    low, high = curves(account.legs, policy, read.low), curves(account.legs, policy, read.high)
    return Valuation(low, mid, high, box_by_asset)


def _missing_legs(ages: Mapping[str, LegAge], cut: Sequence[CutPoint]) -> tuple[str, ...]:
    age_ms = {point.chain: point.age_ms for point in cut}
    return tuple(
        f"{chain}: last read {age_ms[chain] // 1000} s ago" if chain in age_ms else f"{chain}: not read"
        for chain, age in sorted(ages.items())
        if age is LegAge.MISSING
    )


def _unknown(
    account: Account, cut: tuple[CutPoint, ...], price_set: str, reasons: Sequence[str]
) -> UnifiedHealth:
    return UnifiedHealth(
        account_id=account.account_id,
        surplus=NOTHING,
        initial_surplus=NOTHING,
        health=None,
        equity=NOTHING,
        assets_mid=0,
        requirement_mid=0,
        maintenance_mid=0,
        cut=cut,
        price_set=price_set,
        unknown_because=tuple(reasons),
    )
