"""One account at many prices at once, in doubles: for what people read and for scans. It decides nothing.

The formulas are those of `keeper.margin.curves`, `keeper.margin.standard_sheet` and `keeper.margin.portfolio_sheet`,
as read. Prices are arrays of any one shape by asset, USD per whole unit; volatilities are among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from config.portfolio_settings import ModelName
from config.units import BPS, WAD
from keeper.domain.account import Account
from keeper.margin.black76 import YEAR_S
from keeper.margin.black76_arrays import prices
from keeper.margin.curves import SCALE, Curve, curves
from keeper.margin.exposure import Exposure, exposures
from keeper.margin.model import UNITS, Kind, TierSchedule
from keeper.margin.parameters import RiskPolicy
from keeper.margin.scenarios import MOVE, scenarios
from keeper.margin.sheet import Holding, holdings, payoffs

Floats: TypeAlias = npt.NDArray[np.float64]
Prices: TypeAlias = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class QuickMargin:
    """Weighted assets, requirement, net liquidation value, and what positions require for being open, USD."""

    assets: Floats
    required: Floats
    equity: Floats
    maintenance: Floats


class QuickAccount:
    """An account as of `at_s`. Raises ``KeyError`` for what the policy does not know."""

    def __init__(self, account: Account, policy: RiskPolicy, at_s: int) -> None:
        self._policy = policy
        self._portfolio = policy.model_of(account.subaccount) is ModelName.PORTFOLIO
        legs = [replace(leg, positions=()) for leg in account.legs] if self._portfolio else account.legs
        self._curves: dict[str, Curve] = curves(legs, policy, {})
        self._holdings = list(holdings(account.legs, policy, {}, at_s))
        self._payoffs = list(payoffs(account.legs, policy, {}))
        self._perpetuals = [position for leg in account.legs for position in leg.positions]
        self._exposures = exposures(account, policy.portfolio, at_s) if self._portfolio else {}
        self._scenarios = scenarios(list(self._exposures), policy.portfolio) if self._portfolio else []

    def margin(self, at: Prices) -> QuickMargin:
        """Return the figures at these prices."""
        assets = required = equity = maintenance = np.float64(0) + 0 * next(iter(at.values()))
        for asset, curve in self._curves.items():
            its_assets, its_required, its_equity, its_maintenance = _of_curve(curve, at[asset])
            assets, required, equity = assets + its_assets, required + its_required, equity + its_equity
            maintenance = maintenance + its_maintenance
        marks = [its.units / UNITS * self._price(its, at) for its in self._holdings]
        for payoff in self._payoffs:
            value = payoff.value / (UNITS * WAD)
            if self._portfolio:
                marks.append(value + 0 * assets)
            elif value > 0:
                assets, equity = assets + value * (payoff.market.long_weight_bps / BPS), equity + value
            else:
                required, equity = required - value, equity + value
        if self._portfolio:
            return self._netted(at, assets, required, equity, marks)
        for its, mark in zip(self._holdings, marks, strict=True):
            equity = equity + mark
            if its.units > 0:
                assets = assets + mark * (its.market.long_weight_bps / BPS)
            else:
                minimum = _short_minimum(its, at[its.option.asset])
                required, maintenance = required - mark + minimum, maintenance + minimum
        return QuickMargin(assets, required, equity, maintenance)

    def _netted(
        self, at: Prices, assets: Floats, required: Floats, equity: Floats, marks: Sequence[Floats]
    ) -> QuickMargin:
        net = sum(marks, 0 * assets)
        for perpetual in self._perpetuals:
            net = net + perpetual.size_wad / WAD * (at[perpetual.asset] - perpetual.entry_price_wad / WAD)
        worst = 0 * assets
        for scenario in self._scenarios:
            moves = {asset: move / MOVE for asset, move in scenario.moves.items()}
            gained = 0 * assets
            for perpetual in self._perpetuals:
                gained = gained + perpetual.size_wad / WAD * at[perpetual.asset] * moves[perpetual.asset]
            for its, mark in zip(self._holdings, marks, strict=False):
                shocked = its.contract.part(scenario.shock) / MOVE
                moved = self._price(its, at, moves[its.option.asset], shocked)
                gained = gained + its.units / UNITS * moved - mark
            if self._policy.portfolio.collateral_moves:
                for asset, move in moves.items():
                    curve = self._curves.get(asset)
                    if curve is not None:
                        gained = gained + (curve.assets - curve.owed) / SCALE * at[asset] * move
            worst = np.maximum(worst, -gained * (scenario.cover_bps / BPS))
        for asset, exposure in self._exposures.items():
            worst = worst + _charge(exposure, at[asset])
        gain_weight = self._policy.gain_weight_bps / BPS
        return QuickMargin(
            assets + gain_weight * np.maximum(net, 0),
            required + np.maximum(-net, 0) + worst,
            equity + net,
            worst,
        )

    def _price(self, its: Holding, at: Prices, move: float = 0.0, shocked: float = 1.0) -> Floats:
        return prices(
            its.contract.is_call,
            at[its.option.asset] * (1 + move),
            its.contract.strike_wad / WAD,
            at[its.market.volatility] * shocked,
            its.contract.tenor_s / YEAR_S,
            its.contract.rate_bps / BPS,
        )


def _of_curve(curve: Curve, price: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return (weighted assets, requirement, equity, margin of positions)."""
    assets, required = curve.assets / SCALE * price, curve.owed / SCALE * price
    equity, margin = (curve.held - curve.debts) / SCALE * price, 0 * price
    for token in curve.claimed:
        left = np.maximum(token.amount / (UNITS * BPS) * price - token.claims / (UNITS * BPS * WAD), 0)
        assets, equity = assets + left * (token.weight_bps / BPS), equity + left
    for position in curve.positions:
        size = position.size / UNITS
        result = size * (price - position.entry_price_wad / WAD)
        assets = assets + np.maximum(result, 0) * (curve.gain_weight_bps / BPS)
        required, equity = required + np.maximum(-result, 0), equity + result
        charge = position.charge
        if isinstance(charge, TierSchedule):
            margin = margin + _tiered(charge, abs(size) * price)
    return assets, required + margin, equity, margin


def _tiered(schedule: TierSchedule, notional: Floats) -> Floats:
    total, before = 0 * notional, 0
    for step in schedule.steps[Kind.MAINTENANCE]:
        beyond = np.maximum(notional - step.border / (UNITS * WAD), 0)
        total = total + beyond * ((step.bps - before) / BPS)
        before = step.bps
    return total


def _short_minimum(its: Holding, price: Floats) -> Floats:
    market, strike = its.market, its.option.strike_wad / WAD
    if its.contract.tenor_s == 0:
        return 0 * price
    away = np.maximum(strike - price if its.option.is_call else price - strike, 0)
    most = market.short_maintenance_bps / BPS * price - away
    least = market.least_short_maintenance_bps / BPS * price
    minimum: Floats = -its.units / UNITS * np.maximum(most, least)
    return minimum


def _charge(exposure: Exposure, price: Floats) -> Floats:
    value = exposure.size / UNITS * price
    total: Floats = exposure.flat / (UNITS * BPS) * price
    for border_wad, bps in exposure.steps:
        total = total + np.maximum(value - border_wad / WAD, 0) * (bps / BPS)
    return total
