"""Thresholds and size tiers: what must lie above what."""

from __future__ import annotations

from collections.abc import Iterator

from config.errors import Remark
from config.risk_settings import MarketSettings, RiskSettings
from config.settings import Settings
from config.units import WAD, format_decimal


def check_risk(settings: Settings) -> Iterator[Remark]:
    """Yield what is wrong with the thresholds of health and the tiers of markets."""
    yield from _thresholds(settings.risk)
    listed = {market.market for chain in settings.chains.values() for market in chain.markets}
    for name, market in settings.markets.items():
        if market.asset not in settings.assets:
            advice = f"add [assets.{market.asset}], or name one of: {', '.join(settings.assets)}"
            yield Remark(("markets", name, "asset"), "E312", f"there is no asset {market.asset}", advice)
        if name not in listed:
            message = f"no chain lists the market {name}"
            yield Remark(
                ("markets", name), "W516", message, "add it to [[chains.NAME.markets]], or remove it"
            )
        yield from _tiers(name, market)


def _thresholds(risk: RiskSettings) -> Iterator[Remark]:
    target = format_decimal(risk.target_health, 18)
    call = format_decimal(risk.margin_call_health, 18)
    clear = format_decimal(risk.margin_call_clear_health, 18)
    if risk.target_health <= WAD:
        message = f"{target} is not above 1: an account would be liquidatable right after its liquidation"
        yield Remark(("risk", "target_health"), "E508", message, 'set it above 1, say "1.05"')
    if risk.margin_call_health <= WAD:
        message = f"{call} is not above 1: the notice would come after the liquidation"
        yield Remark(("risk", "margin_call_health"), "E509", message, 'set it above 1, say "1.10"')
    if risk.margin_call_clear_health < risk.margin_call_health:
        message = f"{clear} is below margin_call_health, {call}"
        advice = "a margin call clears above where it starts: set it a little higher than margin_call_health"
        yield Remark(("risk", "margin_call_clear_health"), "E510", message, advice)
    elif risk.margin_call_clear_health == risk.margin_call_health:
        message = "a margin call starts and clears at the same health: notices would come and go"
        yield Remark(("risk", "margin_call_clear_health"), "W511", message, "set it a little higher")
    if risk.target_health > risk.margin_call_clear_health:
        message = f"{target} is above margin_call_clear_health, {clear}: more is liquidated than any notice asks for"
        advice = 'set it between 1 and margin_call_health, say "1.05"'
        yield Remark(("risk", "target_health"), "W512", message, advice)


def _tiers(name: str, market: MarketSettings) -> Iterator[Remark]:
    up_to = maintenance = initial = 0
    for number, tier in enumerate(market.tiers):
        at = ("markets", name, "tiers", number)
        if tier.up_to_value <= up_to:
            message = f"{format_decimal(tier.up_to_value, 18)} is not above {format_decimal(up_to, 18)}, where it starts"
            advice = "write the tiers in rising order of up_to_value (USD)"
            yield Remark((*at, "up_to_value"), "E503", message, advice)
        if tier.initial_bps < tier.maintenance_bps:
            message = f"{tier.initial_bps} is below maintenance_bps, {tier.maintenance_bps}"
            advice = "opening must need at least what keeping needs: set it above maintenance_bps"
            yield Remark((*at, "initial_bps"), "E504", message, advice)
        if tier.maintenance_bps == 0:
            message = "0: a position of this size would need no margin at all"
            yield Remark((*at, "maintenance_bps"), "E505", message, "set it, in basis points: 500 is 5 %")
        if tier.maintenance_bps < maintenance or tier.initial_bps < initial:
            key = "maintenance_bps" if tier.maintenance_bps < maintenance else "initial_bps"
            message = "a larger position would need a smaller part of its value than a smaller one"
            yield Remark((*at, key), "E507", message, "let the fractions rise, or stay, from tier to tier")
        up_to, maintenance, initial = tier.up_to_value, tier.maintenance_bps, tier.initial_bps
