"""Figures that people read of accounts with options or under scenarios: in doubles, at mid prices, as read.

Nothing is straight here, so a crossing is looked for on ever finer grids of the price, and where it is nearest to
today's price is as exact as the coarsest grid lets it be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from config.portfolio_settings import ModelName
from config.units import WAD
from keeper.domain.account import Account, OptionPosition, Position
from keeper.margin.black76 import YEAR_S
from keeper.margin.black76_arrays import greeks
from keeper.margin.curves import missing_parameters
from keeper.margin.evidence import assets_of, boxes
from keeper.margin.parameters import RiskPolicy
from keeper.margin.quick import Floats, Prices, QuickAccount, QuickMargin
from keeper.margin.sheet import payoff_wad
from oracles.price import Price

_POINTS = 1_200
_FARTHEST = 1e4
_ROUNDS = 3
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a figure changes sign as one price moves and the others are held, USD wad; None if it never does.

    `below` is the first such price under today's (rounded down), `above` the first over it (rounded up).
    A long account has one below, a short one above, an account hedged with options of both kinds both.
    """

    below_wad: int | None
    above_wad: int | None


class Sought(Enum):
    """Which figure crosses zero."""

    SURPLUS = "surplus"
    EQUITY = "equity"


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """An option of an account at mid prices, per contract, USD.

    `vega` is for one point (1 %) of volatility, `theta` for one day.
    """

    chain: str
    option: OptionPosition
    price: float
    delta: float
    gamma: float
    vega: float
    theta: float


def is_curved(account: Account, policy: RiskPolicy) -> bool:
    """Whether the account's figures bend everywhere: it has options, or scenarios decide."""
    if policy.model_of(account.subaccount) is not ModelName.STANDARD:
        return True
    return any(leg.options for leg in account.legs)


def option_quotes(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy, at_s: int
) -> list[OptionQuote] | None:
    """Return price and Greeks of every option; None if anything is unknown."""
    mids = _mids(account, prices, policy)
    if mids is None:
        return None
    found = []
    for leg in account.legs:
        for option in leg.options:
            if option.settlement_wad is not None:
                came_to = payoff_wad(option, option.settlement_wad) / WAD
                found.append(OptionQuote(leg.chain, option, came_to, 0.0, 0.0, 0.0, 0.0))
                continue
            market = policy.option_markets[option.market]
            its = greeks(
                option.is_call,
                mids[option.asset],
                option.strike_wad / WAD,
                mids[market.volatility],
                max(option.expiry_s - at_s, 0) / YEAR_S,
                market.rate_bps / 10_000,
            )
            found.append(
                OptionQuote(
                    leg.chain,
                    option,
                    float(its.price),
                    float(its.delta),
                    float(its.gamma),
                    float(its.vega) / 100,
                    float(its.theta) * _DAY_S / YEAR_S,
                )
            )
    return found


def curved_crossing(
    account: Account,
    asset: str,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
    at_s: int | None,
    sought: Sought,
) -> Crossing | None:
    """Return where the figure is zero as `asset` moves alone; None if anything is unknown."""
    mids = _mids(account, prices, policy)
    if mids is None or at_s is None:
        return None
    quick, now = QuickAccount(account, policy, at_s), mids.get(asset)
    if now is None:
        return Crossing(None, None)

    def figure(at: Floats) -> Floats:
        found = quick.margin({name: at if name == asset else mid + 0 * at for name, mid in mids.items()})
        return found.assets - found.required if sought is Sought.SURPLUS else found.equity

    below = _root(figure, now * np.geomspace(1, 1 / _FARTHEST, _POINTS), float(now))
    above = _root(figure, now * np.geomspace(1, _FARTHEST, _POINTS), float(now))
    return Crossing(
        None if below is None else int(below * WAD), None if above is None else int(above * WAD) + 1
    )


def curved_leverage_wad(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy, at_s: int | None
) -> int | None:
    """Return (debts + notional of perpetuals + delta notional of options) / equity, wad."""
    mids = _mids(account, prices, policy)
    if mids is None or at_s is None:
        return None
    quotes = option_quotes(account, prices, policy, at_s) or []
    exposure = 0.0
    for leg in account.legs:
        if leg.debt is not None:
            exposure += leg.debt.amount / 10**leg.debt.decimals * float(mids[leg.debt.asset])
        exposure += sum(abs(its.size_wad) / WAD * float(mids[its.asset]) for its in leg.positions)
    exposure += sum(
        abs(its.option.size_wad / WAD * its.delta) * float(mids[its.option.asset]) for its in quotes
    )
    equity = float(_margin(account, policy, at_s, mids).equity)
    return int(exposure / equity * WAD) if equity > 0 else None


def marginal_requirement(
    account: Account, prices: Mapping[str, Price], policy: RiskPolicy, at_s: int
) -> list[tuple[str, Position | OptionPosition, float]] | None:
    """Return each position's chain, itself, and by how much the requirement of positions falls without it, USD.

    Negative for a hedge. None if anything is unknown.
    """
    mids = _mids(account, prices, policy)
    if mids is None:
        return None
    whole = float(_margin(account, policy, at_s, mids).maintenance)
    found: list[tuple[str, Position | OptionPosition, float]] = []
    for number, leg in enumerate(account.legs):
        positions: list[Position | OptionPosition] = [*leg.positions, *leg.options]
        for its in positions:
            without = replace(
                leg,
                positions=tuple(each for each in leg.positions if each is not its),
                options=tuple(each for each in leg.options if each is not its),
            )
            rest = replace(account, legs=(*account.legs[:number], without, *account.legs[number + 1 :]))
            found.append((leg.chain, its, whole - float(_margin(rest, policy, at_s, mids).maintenance)))
    return found


def _margin(account: Account, policy: RiskPolicy, at_s: int, mids: Prices) -> QuickMargin:
    return QuickAccount(account, policy, at_s).margin(mids)


def _mids(account: Account, prices: Mapping[str, Price], policy: RiskPolicy) -> dict[str, Floats] | None:
    found, reasons = boxes(assets_of(account, policy), prices)
    unreadable = any(leg.unreadable for leg in account.legs)
    if reasons or unreadable or any(missing_parameters(account, policy)) or not found:
        return None
    return {asset: np.array(box.mid_wad / WAD) for asset, box in found.items()}


def _root(figure: Callable[[Floats], Floats], grid: Floats, now: float) -> float | None:
    """Return where the sign first changes along the grid, which begins at `now`."""
    sign = figure(np.array(now)) >= 0
    for _ in range(_ROUNDS):
        changed = np.flatnonzero((figure(grid) >= 0) != sign)
        if not len(changed):
            return None
        first = int(changed[0])
        if first == 0:
            return float(grid[0])
        grid = np.linspace(grid[first - 1], grid[first], _POINTS)
    return float(grid[-1])
