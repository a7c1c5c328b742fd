"""Unified health of one account over one consistent cut and one set of prices.

    A = sum(w_i * q_i * P_i)  +  sum(v * max(uPnL_k, 0))
    R = sum(l_j * d_j * P_j)  +  sum(max(-uPnL_k, 0))  +  MM
    surplus = A - R           health = A / R
    equity  = sum(q_i * P_i) + sum(uPnL_k) - sum(d_j * P_j)

(`keeper.margin.standard_sheet` and `keeper.margin.portfolio_sheet` say what options and scenarios add)
over all legs, each figure as an interval over everything the evidence allows. Pending claims
come off the token they will be paid from. Rounding is against liquidation: only the low ends
are rounded down.

What is not final yet counts against the account for the low ends and for it for the high ends: each is the least or the
most over everything that the account may be again (`keeper.margin.unfinal`); the middle is as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from config.portfolio_settings import ModelName
from config.units import BPS
from keeper.domain.account import Account, CutPoint
from keeper.domain.health import Interval, UnifiedHealth
from keeper.margin.curves import SCALE, curves, missing_parameters
from keeper.margin.evidence import LegAge, Readings, ages_of, assets_of, boxes, readings, time_of
from keeper.margin.model import Kind
from keeper.margin.parameters import RiskPolicy
from keeper.margin.portfolio_sheet import PortfolioSheet
from keeper.margin.sheet import Sheet
from keeper.margin.standard_sheet import StandardSheet
from keeper.margin.surface_valuation import SurfaceValuation
from keeper.margin.unfinal import possible
from keeper.margin.valuation import HEALTH_CAP, Box, Valuation
from oracles.price import Price

NOTHING = Interval(0, 0, 0)
_WITHOUT_LIMIT = Interval(HEALTH_CAP, HEALTH_CAP, HEALTH_CAP)
"""Health where nothing is required, beside one where something is."""

_Sheets: TypeAlias = tuple[Sheet, Sheet, Sheet]


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
    states = list(possible(account))
    legs = [leg for its in states for leg in its.legs]
    chains = list(dict.fromkeys(leg.chain for leg in legs if not leg.is_empty))
    concerned = {*chains, *(claim.source_chain for leg in legs for claim in leg.claims)}
    its_cut = tuple(sorted((p for p in cut if p.chain in concerned), key=lambda point: point.chain))
    box_by_asset, reasons = boxes(assets_of(account, policy), prices)
    reasons += missing_parameters(account, policy)
    reasons += list(dict.fromkeys(reason for leg in account.possible_legs for reason in leg.unreadable))
    if reasons:
        return _unknown(account, its_cut, price_set, reasons)
    at_s = time_of(its_cut)
    if at_s is None and any(leg.options for leg in legs):
        return _unknown(account, its_cut, price_set, ["no block tells how long its options run"])
    ages = ages_of(chains, cut, policy)
    read = readings(ages, policy.missing_leg_uplift_bps)
    now, *earlier = (valuation(its, box_by_asset, read, policy, at_s=at_s) for its in states)
    found = _Figures.of(now)
    for value in earlier:
        found = found.widened(_Figures.of(value))
    assets, required = now.mid(Kind.MAINTENANCE)
    return UnifiedHealth(
        account_id=account.account_id,
        surplus=found.surplus,
        initial_surplus=found.initial_surplus,
        health=found.health,
        equity=found.equity,
        assets_mid=-(-assets // SCALE),
        requirement_mid=required // SCALE,
        maintenance_mid=now.position_requirement_mid() // SCALE,
        cut=its_cut,
        price_set=price_set,
        unknown_because=() if found.surplus.high < 0 else _missing_legs(ages, its_cut),
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    surplus: Interval
    initial_surplus: Interval
    health: Interval | None
    equity: Interval

    @staticmethod
    def of(value: Valuation | SurfaceValuation) -> _Figures:
        surplus = value.surplus()
        return _Figures(surplus, value.surplus(Kind.INITIAL), value.health(surplus), value.equity())

    def widened(self, other: _Figures) -> _Figures:
        """Return figures that hold for both; the middle is this one's."""
        health = None
        if self.health is not None or other.health is not None:
            health = _widened(self.health or _WITHOUT_LIMIT, other.health or _WITHOUT_LIMIT)
        return _Figures(
            _widened(self.surplus, other.surplus),
            _widened(self.initial_surplus, other.initial_surplus),
            health,
            _widened(self.equity, other.equity),
        )


def _widened(first: Interval, other: Interval) -> Interval:
    return Interval(min(first.low, other.low), first.mid, max(first.high, other.high))


def valuation(
    account: Account,
    box_by_asset: Mapping[str, Box],
    read: Readings,
    policy: RiskPolicy,
    *,
    at_s: int | None = None,
) -> Valuation | SurfaceValuation:
    """Return the account over the prices, read as `read` says, under the model of its subaccount.

    `at_s` is the unix time that options are valued as of. Raises ``ValueError`` if it is missing and needed.
    """
    has_options = any(leg.options for leg in account.legs)
    if has_options and at_s is None:
        raise ValueError("options are valued as of a time")
    if policy.model_of(account.subaccount) is ModelName.PORTFOLIO:
        return SurfaceValuation(*_portfolio_sheets(account, read, policy, at_s or 0), box_by_asset)
    if has_options:
        return SurfaceValuation(*_standard_sheets(account, read, policy, at_s or 0), box_by_asset)
    mid = curves(account.legs, policy, {})
    if read.as_read:
        return Valuation(mid, mid, mid, box_by_asset)
    low, high = curves(account.legs, policy, read.low), curves(account.legs, policy, read.high)
    return Valuation(low, mid, high, box_by_asset)


def _standard_sheets(account: Account, read: Readings, policy: RiskPolicy, at_s: int) -> _Sheets:
    mid = StandardSheet(account, policy, {}, at_s)
    if read.as_read:
        return mid, mid, mid
    return (
        StandardSheet(account, policy, read.low, at_s),
        mid,
        StandardSheet(account, policy, read.high, at_s),
    )


def _portfolio_sheets(account: Account, read: Readings, policy: RiskPolicy, at_s: int) -> _Sheets:
    mid = PortfolioSheet(account, policy, {}, at_s)
    if read.as_read:
        return mid, mid, mid
    chains = [leg.chain for leg in account.legs if leg.positions or leg.options]
    more = max([BPS, *(read.low[chain].liabilities_bps for chain in chains if chain in read.low)])
    less = min([BPS, *(read.high[chain].liabilities_bps for chain in chains if chain in read.high)])
    return (
        PortfolioSheet(account, policy, read.low, at_s, more),
        mid,
        PortfolioSheet(account, policy, read.high, at_s, less),
    )


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
