"""Margin worked out a second time, plainly: doubles, a library's option prices, every scenario in full.

Nothing of `keeper.margin` but the parameters is used, so that an error there can not hide here.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

import QuantLib

from config.canonical import digest
from config.portfolio_settings import ModelName, VolatilityShock
from config.units import BPS, WAD
from keeper.domain.account import Account, OptionPosition
from keeper.margin.parameters import ModelRange, OptionMarketRisk, RiskPolicy
from keeper.margin.portfolio_parameters import Correlation, PortfolioRisk, UnderlyingRisk
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, POLICY, account, asset_risk, leg, position, price, prices

AT_S = 1_700_000_001
"""What the cut of `builders` tells: its blocks are a second old."""
DAY_S, YEAR_S = 86_400, 31_536_000
PORTFOLIO_SUBACCOUNT = 7

OPTIONS = {
    "ETH-OPTIONS": OptionMarketRisk("ETH", "ETHVOL"),
    "BTC-OPTIONS": OptionMarketRisk("WBTC", "BTCVOL", rate_bps=300),
}
PORTFOLIO = PortfolioRisk(
    correlations=(Correlation("ETH", "WBTC", 8_000),),
    underlyings={"ETH": UnderlyingRisk(1_600, 400_000 * WAD, 250_000 * WAD, 300)},
)
RISK = replace(
    POLICY,
    assets={**POLICY.assets, "ETHVOL": asset_risk(0), "BTCVOL": asset_risk(0)},
    option_markets=OPTIONS,
    models=(ModelRange(PORTFOLIO_SUBACCOUNT, PORTFOLIO_SUBACCOUNT, ModelName.PORTFOLIO),),
    portfolio=PORTFOLIO,
)
PLAIN = replace(RISK, portfolio=replace(PORTFOLIO, underlyings={}, short_option_bps=0, basis_bps=0))
"""Scenarios only: nothing is added to the worst loss."""


def option(kind: str, strike: int, days: float, size: float, market: str = "ETH-OPTIONS") -> OptionPosition:
    expiry_s = AT_S + int(days * DAY_S)
    series = digest([market, kind, strike, expiry_s])
    size_wad = round(size * 10**6) * 10**12
    return OptionPosition(
        market, series, OPTIONS[market].asset, kind == "call", strike * WAD, expiry_s, size_wad
    )


def quotes(half_width_bps: int = 0, volatility_bps: int | None = None, **mids: str) -> dict[str, Price]:
    """Prices as in `builders`, and volatilities of 60 % and 50 % with an interval of their own."""
    wide = half_width_bps if volatility_bps is None else volatility_bps
    at = prices(half_width_bps, **mids)
    return {**at, "ETHVOL": price("ETHVOL", 6 * WAD // 10, wide), "BTCVOL": price("BTCVOL", WAD // 2, wide)}


def under_portfolio(held: Account) -> Account:
    return replace(held, subaccount=PORTFOLIO_SUBACCOUNT)


@dataclass(frozen=True)
class Margin:
    """USD. `maintenance` is what positions require by themselves; `scan` the worst covered loss."""

    assets: float
    required: float
    equity: float
    maintenance: float
    scan: float

    @property
    def surplus(self) -> float:
        return self.assets - self.required


def option_price(
    its: OptionPosition, forward: float, volatility: float, policy: RiskPolicy, at_s: int = AT_S
) -> float:
    tenor = max(its.expiry_s - at_s, 0) / YEAR_S
    strike = its.strike_wad / WAD
    kind = QuantLib.Option.Call if its.is_call else QuantLib.Option.Put
    discount = 2.718281828459045 ** (-policy.option_markets[its.market].rate_bps / BPS * tenor)
    value: float = QuantLib.blackFormula(kind, strike, forward, volatility * sqrt(tenor), discount)
    return value


def margin(held: Account, at: Mapping[str, float], policy: RiskPolicy, *, initial: bool = False) -> Margin:
    """Return the margin of an account without claims at one point of prices and volatilities."""
    assets = required = equity = 0.0
    for its in held.legs:
        for token in its.collateral:
            value, risk = token.amount / 10**token.decimals * at[token.asset], policy.assets[token.asset]
            weight_bps = risk.initial_collateral_weight_bps if initial else risk.collateral_weight_bps
            assets += value * weight_bps / BPS
            equity += value
        if its.debt:
            value, risk = (
                its.debt.amount / 10**its.debt.decimals * at[its.debt.asset],
                policy.assets[its.debt.asset],
            )
            weight_bps = risk.initial_liability_weight_bps if initial else risk.liability_weight_bps
            required += value * weight_bps / BPS
            equity -= value
    results = [
        its.size_wad / WAD * (at[its.asset] - its.entry_price_wad / WAD)
        for leg_ in held.legs
        for its in leg_.positions
    ]
    marks = [its.size_wad / WAD * _mark(its, at, policy) for leg_ in held.legs for its in leg_.options]
    equity += sum(results) + sum(marks)
    gain_weight = policy.gain_weight_bps / BPS
    if policy.model_of(held.subaccount) is ModelName.STANDARD:
        assets += gain_weight * sum(max(its, 0) for its in results)
        required += sum(max(-its, 0) for its in results)
        more_assets, owed, maintenance = _standard(held, at, policy, initial=initial)
        return Margin(assets + more_assets, required + owed + maintenance, equity, maintenance, 0)
    net = sum(results) + sum(marks)
    scan = max(0.0, *scenario_losses(held, at, policy))
    scale = policy.portfolio.initial_scale_bps / BPS if initial else 1
    maintenance = (scan + contingencies(held, at, policy)) * scale
    return Margin(
        assets + gain_weight * max(net, 0), required + max(-net, 0) + maintenance, equity, maintenance, scan
    )


def scenario_losses(held: Account, at: Mapping[str, float], policy: RiskPolicy) -> list[float]:
    """Return every scenario's covered loss by pricing every position anew."""
    risk = policy.portfolio
    underlyings = underlyings_of(held)
    found = [0.0]
    for move, shock, cover in _moves(underlyings, risk):
        gained = 0.0
        for leg_ in held.legs:
            for perp in leg_.positions:
                gained += perp.size_wad / WAD * at[perp.asset] * move[perp.asset]
            for its in leg_.options:
                forward = at[its.asset] * (1 + move[its.asset])
                volatility = at[policy.option_markets[its.market].volatility] * shock
                gained += (
                    its.size_wad
                    / WAD
                    * (option_price(its, forward, volatility, policy) - _mark(its, at, policy))
                )
        found.append(-gained * cover)
    return found


def contingencies(held: Account, at: Mapping[str, float], policy: RiskPolicy) -> float:
    """Return the minimum of short options, the basis of offsets, and what closing costs."""
    risk, total = policy.portfolio, 0.0
    for asset in underlyings_of(held):
        series: dict[str, tuple[float, bool]] = {}
        places: dict[tuple[str, str], float] = {}
        perps = 0.0
        for leg_ in held.legs:
            for perp in leg_.positions:
                if perp.asset == asset:
                    perps += perp.size_wad / WAD
                    places[leg_.chain, perp.market] = (
                        places.get((leg_.chain, perp.market), 0) + perp.size_wad / WAD
                    )
            for its in leg_.options:
                if its.asset == asset and its.expiry_s > AT_S:
                    size = its.size_wad / WAD
                    series[its.series] = (series.get(its.series, (0, True))[0] + size, its.is_call)
                    place = (leg_.chain, its.market)
                    places[place] = places.get(place, 0) + (size if its.is_call else -size)
        shorts = sum(-size for size, _ in series.values() if size < 0)
        offset = min(
            sum(size for size in places.values() if size > 0),
            sum(-size for size in places.values() if size < 0),
        )
        calls = sum(size for size, is_call in series.values() if is_call)
        puts = sum(size for size, is_call in series.values() if not is_call)
        value = max(abs(perps + calls), abs(perps - puts)) * at[asset]
        total += (shorts * risk.short_option_bps + offset * risk.basis_bps) / BPS * at[asset]
        its_risk = risk.underlying(asset)
        depth = its_risk.depth_wad / WAD
        for number in range(10) if depth else ():
            rest = value - number * depth
            part = rest if number == 9 else min(rest, depth)
            total += max(part, 0) * (number + 0.5) / 100
        total += max(value - its_risk.concentration_above_wad / WAD, 0) * its_risk.concentration_bps / BPS
    return total


def underlyings_of(held: Account) -> list[str]:
    perps = {its.asset for leg_ in held.legs for its in leg_.positions}
    return sorted(perps | {its.asset for leg_ in held.legs for its in leg_.options})


def _mark(its: OptionPosition, at: Mapping[str, float], policy: RiskPolicy) -> float:
    return option_price(its, at[its.asset], at[policy.option_markets[its.market].volatility], policy)


def _standard(
    held: Account, at: Mapping[str, float], policy: RiskPolicy, *, initial: bool
) -> tuple[float, float, float]:
    assets = owed = maintenance = 0.0
    for leg_ in held.legs:
        for perp in leg_.positions:
            left, border = abs(perp.size_wad) / WAD * at[perp.asset], 0.0
            tiers = policy.markets[perp.market].tiers
            for tier in tiers:
                part = left if tier is tiers[-1] else min(left, tier.up_to_wad / WAD - border)
                maintenance += part * (tier.initial_bps if initial else tier.maintenance_bps) / BPS
                left, border = left - part, tier.up_to_wad / WAD
        for its in leg_.options:
            market, size, mark = policy.option_markets[its.market], its.size_wad / WAD, _mark(its, at, policy)
            if size > 0:
                weight_bps = market.initial_long_weight_bps if initial else market.long_weight_bps
                assets += size * mark * weight_bps / BPS
                continue
            owed -= size * mark
            if its.expiry_s > AT_S:
                most, least = market.short_maintenance_bps, market.least_short_maintenance_bps
                if initial:
                    most, least = market.short_initial_bps, market.least_short_initial_bps
                forward, strike = at[its.asset], its.strike_wad / WAD
                away = max(strike - forward if its.is_call else forward - strike, 0)
                maintenance -= size * max(most / BPS * forward - away, least / BPS * forward)
    return assets, owed, maintenance


def _moves(underlyings: list[str], risk: PortfolioRisk) -> list[tuple[dict[str, float], float, float]]:
    up, down = 1 + risk.volatility_up_bps / BPS, 1 - risk.volatility_down_bps / BPS
    steps = [
        (step / risk.price_steps, shock, 1.0)
        for step in range(-risk.price_steps, risk.price_steps + 1)
        for shock in (up, down, *((1.0,) if risk.unshocked_volatility else ()))
    ]
    extreme = risk.extreme_multiple_bps / BPS
    steps += [(share, 1.0, risk.extreme_cover_bps / BPS) for share in (extreme, -extreme)]
    far = {asset: risk.underlying(asset).price_range_bps / BPS for asset in underlyings}
    found = []
    for share, shock, cover in steps:
        found.append(({asset: share * far[asset] for asset in underlyings}, shock, cover))
        for leading in underlyings if len(underlyings) > 1 else ():
            rho = {asset: risk.correlation_bps(leading, asset) / BPS for asset in underlyings}
            others = [asset for asset in underlyings if asset != leading]
            expected = {asset: share * far[asset] * rho[asset] for asset in others}
            found.append(({leading: share * far[leading], **expected}, shock, cover))
            apart = {asset: sqrt((1 - rho[asset]) / 2) for asset in others}
            against = {asset: -share * far[asset] * apart[asset] for asset in others}
            found.append(({leading: share * far[leading] * max(apart.values()), **against}, shock, cover))
    for tail in risk.tails:
        shock = {VolatilityShock.UP: up, VolatilityShock.DOWN: down, VolatilityShock.NONE: 1.0}[tail.shock]
        found.append((dict.fromkeys(underlyings, tail.move_bps / BPS), shock, tail.cover_bps / BPS))
    return found


def random_book(source: random.Random, number: int = 0) -> Account:
    """Return an account of options and perpetuals on two chains, hedged, spread and naked."""
    legs = []
    for chain in source.sample(CHAINS[:2], source.choice((1, 2, 2))):
        options = []
        for _ in range(source.choice((0, 1, 2, 4))):
            market = source.choice(("ETH-OPTIONS", "ETH-OPTIONS", "BTC-OPTIONS"))
            middle = 2_000 if market == "ETH-OPTIONS" else 60_000
            strike = int(middle * source.choice((0.7, 0.9, 1, 1.05, 1.3)))
            size = source.choice((-1, 1)) * source.choice((1, 2, 5)) * (1 if middle == 2_000 else 0.05)
            kind = source.choice(("call", "put"))
            options.append(option(kind, strike, source.choice((0, 0.05, 7, 30, 200)), size, market))
        perps = []
        for market in source.sample(("ETH-PERP", "BTC-PERP"), source.choice((0, 1, 1, 2))):
            size = source.choice((-5, -1, 2, 6)) * (1 if market == "ETH-PERP" else 0.04)
            entry = (2_000 if market == "ETH-PERP" else 60_000) * source.uniform(0.85, 1.2)
            perps.append(position(f"{size:.3f}".replace("-0.", "-0."), f"{entry:.2f}", market))
        tokens = {
            asset: str(source.randrange(1, 9)) for asset in source.sample(("ETH",), source.randrange(2))
        }
        tokens["USDC"] = str(source.randrange(1, 20_000))
        owes = str(source.choice((0, source.randrange(1, 12_000))))
        legs.append(replace(leg(chain, tokens=tokens, owes=owes, positions=perps), options=tuple(options)))
    return account(*legs, account_id=f"0x{number:064x}")


def points(
    at: Mapping[str, Price], source: random.Random, inside: int, corners: int = 32
) -> list[dict[str, float]]:
    """Return points of the box: corners of it in what moves most, then some inside."""
    ends = {asset: ((its.low_wad or 0) / WAD, (its.high_wad or 0) / WAD) for asset, its in at.items()}
    middle = {asset: (low + high) / 2 for asset, (low, high) in ends.items()}
    moving = ("USDC", "ETH", "ETHVOL", "WBTC", "BTCVOL")
    found = [
        {**middle, **dict(zip(moving, corner, strict=True))}
        for corner in source.sample([*itertools.product(*(ends[asset] for asset in moving))], corners)
    ]
    return found + [
        {asset: source.uniform(low, high) for asset, (low, high) in ends.items()} for _ in range(inside)
    ]
