"""Sentences with numbers, for the log and for the people who read it."""

from __future__ import annotations

from chains.hub.attestation import Action
from config.units import format_decimal, format_wad
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.planner.effects import Move
from keeper.planner.facts import VenueFacts

VERBS = {
    Action.CLOSE: "close the {asset} position on {chain}",
    Action.REPAY: "repay debt on {chain} for its {asset}",
    Action.REPAY_CROSS: "repay debt on {chain} for {asset} on {target}",
    Action.SEIZE: "take {asset} on {chain} for a claim",
    Action.WRITE_OFF: "write off debt on {chain}",
    Action.OPTION_CLOSE: "close the option on {asset} on {chain}",
}


def describe(move: Move, asset: str) -> str:
    """Name a step without its size."""
    return VERBS[move.action].format(asset=asset, chain=move.chain, target=move.target_chain)


def sized(move: Move, size: int, asset: str, venue: VenueFacts) -> str:
    """Say what a step does, with the size the hub will take."""
    stable = f"{units(size, venue.stable.decimals)} {venue.stable.asset}"
    match move.action:
        case Action.CLOSE:
            return f"Closes {units(size, 18)} {asset} of the position on {move.chain}"
        case Action.OPTION_CLOSE:
            return f"Closes {units(size, 18)} of the option on {asset} on {move.chain}"
        case Action.REPAY:
            return f"Repays {stable} on {move.chain} for {asset} there"
        case Action.REPAY_CROSS:
            return f"Repays {stable} on {move.chain} for {asset} on {move.target_chain}"
        case Action.SEIZE:
            token = venue.token_number(move.item)
            return f"Takes {units(size, token.decimals if token else 0)} {asset} on {move.chain} for a claim"
        case _:
            return f"Writes off {stable} on {move.chain}"


def usd(value_wad: int) -> str:
    """Write a USD wad with two places and separators, cut, not rounded."""
    whole, _, cents = format_wad(abs(value_wad), 2).partition(".")
    sign = "-" if value_wad < 0 else ""
    return f"{sign}{int(whole):,}.{cents} USD"


def units(amount: int, decimals: int) -> str:
    """Write a raw amount in whole units, cut to six places, without trailing zeros."""
    whole, _, rest = format_decimal(amount, decimals, min(decimals, 6)).partition(".")
    rest = rest.rstrip("0")
    return f"{int(whole):,}.{rest}" if rest else f"{int(whole):,}"


def ratio(health_wad: int) -> str:
    """Write a health with four places."""
    return format_wad(health_wad, 4)


def span(health: Interval | None) -> str:
    """Write a health interval."""
    if health is None:
        return "without any requirement"
    low, high = ratio(health.low), ratio(health.high)
    return low if low == high else f"between {low} and {high}"


def state_reason(state: AccountState, health: UnifiedHealth) -> str:
    """Say why the account is in this state, with the figures that put it there."""
    figures = (
        f"health is {span(health.health)}: weighted assets of {usd(health.assets_mid)} against a requirement of"
        f" {usd(health.requirement_mid)}"
    )
    match state:
        case AccountState.UNKNOWN:
            return "Unknown, so neither healthy nor liquidatable: " + "; ".join(health.unknown_because) + "."
        case AccountState.BANKRUPT:
            return f"Bankrupt: equity is at best {usd(health.equity.high)}; {figures}."
        case AccountState.LIQUIDATABLE:
            if health.surplus.high < 0:
                return f"Liquidatable: {figures}, short by at least {usd(-health.surplus.high)}."
            return f"Liquidatable, by the likely reading: {figures}, short by {usd(-health.surplus.mid)} in the middle."
        case AccountState.AT_RISK:
            return f"At risk: {figures}; one end of the evidence is below 1, the other is not."
        case AccountState.MARGIN_CALL:
            return f"Margin call: {figures}."
        case AccountState.HEALTHY:
            return f"Healthy: {figures}."
