"""From a chain's own words to a leg: addresses and numbers become assets and markets.

What the configuration does not know is named in `Leg.unreadable`: an account with it is
unknown, never smaller than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chains.hub.options import OptionHeld
from keeper.book.catalogue import KnownChain, KnownOptionMarket
from keeper.book.chain_ledger import ClaimSeen, Expiry
from keeper.book.leg_state import LegState
from keeper.domain.account import Collateral, Debt, Leg, OptionPosition, PendingClaim, Position, StepTaken


def leg(
    known: KnownChain,
    state: LegState,
    claims: Sequence[PendingClaim],
    unreadable: Sequence[str],
    settlements: Mapping[Expiry, int] | None = None,
) -> Leg:
    """Return the leg of `state`, with the claims that will be paid from it. Everything is in a fixed order.

    `settlements` are what underlyings came to at expiries, USD wad.
    """
    reasons = list(unreadable)
    collateral: list[Collateral] = []
    for address, amount in sorted(state.collateral.items()):
        token = known.tokens.get(address)
        if token is None:
            reasons.append(f"{known.chain}: {amount} raw of {address}, which is not configured")
        else:
            collateral.append(Collateral(address, token.asset, token.decimals, amount))
    positions: list[Position] = []
    for hub_id, (size_wad, entry_price_wad) in sorted(state.positions.items()):
        market = known.markets.get(hub_id)
        if market is None:
            reasons.append(
                f"{known.chain}: a position of {size_wad} wad in market {hub_id}, which is not configured"
            )
        else:
            positions.append(Position(market.market, hub_id, market.asset, size_wad, entry_price_wad))
    options: list[OptionPosition] = []
    for series, held in sorted(state.options.items()):
        option_market = known.option_markets.get(held.market)
        if option_market is None:
            reasons.append(
                f"{known.chain}: {held.size_wad} wad of option {series} in market {held.market}, "
                "which is not configured"
            )
        else:
            came_to = (settlements or {}).get((held.market, held.expiry_s))
            options.append(_option(option_market, held, came_to))
    stable = known.stable
    return Leg(
        chain=known.chain,
        version=state.version,
        cross_margin=state.cross_margin,
        collateral=tuple(collateral),
        debt=Debt(stable.asset, stable.decimals, state.debt) if state.debt else None,
        positions=tuple(positions),
        claims=tuple(sorted(claims, key=lambda claim: claim.claim)),
        last_sequence=state.last_sequence,
        steps_taken=tuple(
            StepTaken(action, item, at_s) for (action, item), at_s in sorted(state.steps_taken.items())
        ),
        unreadable=tuple(sorted(reasons)),
        options=tuple(options),
    )


def _option(market: KnownOptionMarket, held: OptionHeld, settlement_wad: int | None) -> OptionPosition:
    return OptionPosition(
        market=market.market,
        series=held.series,
        asset=market.asset,
        is_call=held.is_call,
        strike_wad=held.strike_wad,
        expiry_s=held.expiry_s,
        size_wad=held.size_wad,
        settlement_wad=settlement_wad,
    )


def pending_claim(seen: ClaimSeen, source: str, target: KnownChain) -> PendingClaim | None:
    """Return the claim as a liability of its target leg, or None if that chain's token is not known."""
    token = target.tokens.get(seen.target_token)
    if token is None:
        return None
    return PendingClaim(
        seen.claim,
        source,
        seen.target_token,
        token.asset,
        seen.value_wad,
        token.penalty_bps,
        seen.beneficiary,
        seen.number,
    )


def unreadable_claim(seen: ClaimSeen) -> str:
    """Say that a claim on something unknown is pending."""
    return (
        f"claim {seen.claim} on token {seen.target_token} of chain id {seen.target_chain_id}, "
        "which is not configured"
    )
