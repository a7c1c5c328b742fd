"""Sentences with numbers, for the log and for the people who read it."""

from __future__ import annotations

from itertools import groupby

from chains.hub.attestation import Action
from config.units import format_decimal, format_wad
from keeper.domain.account import Account, EarlierLeg, Leg
from keeper.domain.health import AccountState, Interval, UnifiedHealth
from keeper.margin.unfinal import counted
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


def unfinal_reason(account: Account) -> str:
    """Say what of the account is not final yet, empty if all is."""
    told = []
    for chain, its in groupby(counted(account.unfinal), key=lambda earlier: earlier.leg.chain):
        now = next((leg for leg in account.legs if leg.chain == chain), None)
        states = [f"{_undoing(each.blocks)} {_changes(now, each)}" for each in its]
        told.append(f"on {chain} {', '.join(states)}")
    return f" Not final yet, so counted both ways: {'; '.join(told)}." if told else ""


def _undoing(blocks: int) -> str:
    return "its newest block undone gives" if blocks == 1 else f"its newest {blocks} blocks undone give"


def _changes(now: Leg | None, earlier: EarlierLeg) -> str:
    """Say what would be otherwise."""
    told = []
    tokens = {held.token: held for held in (*(now.collateral if now else ()), *earlier.leg.collateral)}
    for address, token in sorted(tokens.items()):
        was, its = (_balance(leg, address) for leg in (earlier.leg, now))
        if was != its:
            told.append(f"{units(was, token.decimals)} {token.asset} instead of {units(its, token.decimals)}")
    debts = [leg.debt if leg is not None else None for leg in (earlier.leg, now)]
    known = next((debt for debt in debts if debt is not None), None)
    if debts[0] != debts[1] and known is not None:
        was, its = (debt.amount if debt is not None else 0 for debt in debts)
        told.append(
            f"a debt of {units(was, known.decimals)} {known.asset} instead of {units(its, known.decimals)}"
        )
    if (now.positions if now else ()) != earlier.leg.positions:
        told.append("other positions")
    if (now.options if now else ()) != earlier.leg.options:
        told.append("other options")
    if earlier.not_opened:
        told.append(f"fewer claims by {len(earlier.not_opened)}")
    if earlier.not_paid:
        told.append(f"more claims by {len(earlier.not_paid)}")
    return " and ".join(told) or "another leg"


def _balance(leg: Leg | None, token: str) -> int:
    return sum(held.amount for held in (leg.collateral if leg is not None else ()) if held.token == token)


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
