"""The hubs as the planner knows them, from what was read of them: listings, limits, cash, their own prices."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from keeper.planner.facts import MarketFacts, OptionMarketFacts, TokenFacts, VenueFacts
from keeper.watch.evidence import Evidence
from oracles.policy import Outcome, Tier


def venue_facts(settings: Settings, evidence: Evidence) -> dict[str, VenueFacts]:
    """Return every configured chain's hub as of the evidence."""
    return {name: _venue(name, settings, evidence) for name in settings.chains}


def _venue(name: str, settings: Settings, evidence: Evidence) -> VenueFacts:
    hub, known, chain = evidence.facts[name], evidence.known[name], settings.chains[name]
    return VenueFacts(
        chain=name,
        close_factor_bps=hub.limits.close_factor_bps,
        full_close_health_wad=hub.limits.full_close_health,
        cooldown_s=hub.limits.cooldown_s,
        price_band_bps=hub.limits.price_band_bps,
        insurance_share_bps=hub.limits.insurance_share_bps,
        dust_value_wad=hub.limits.dust_value,
        claim_confirmations=chain.claim_confirmations,
        pool_cash=hub.pool_cash,
        tokens=tuple(
            TokenFacts(token.token_id, token.token, token.asset, token.decimals, token.penalty_bps)
            for token in known.tokens.values()
        ),
        markets=tuple(
            MarketFacts(market.hub_id, market.market, market.asset, hub.markets[market.hub_id].penalty_bps)
            for market in known.markets.values()
        ),
        option_markets=tuple(
            OptionMarketFacts(
                market.market,
                settings.option_markets[market.market].asset,
                market.spread_bps,
                market.penalty_bps,
                market.cap_bps,
            )
            for market in hub.option_markets
        ),
        not_live=_not_live(name, evidence),
        held_assets=_told(evidence.outcomes, name, Tier.HOLD_ASSET, "held: ") | evidence.pauses.on_assets(),
        small_assets=_told(evidence.outcomes, name, Tier.PROCEED_SMALL),
        held_sales=_told(evidence.sales, name, Tier.HOLD_NEW),
        small_sales=_told(evidence.sales, name, Tier.PROCEED_SMALL),
        hub_prices_wad=dict(evidence.hub_prices.get(name, {})),
    )


def _told(
    outcomes: Mapping[tuple[str, str], Outcome], name: str, tier: Tier, prefix: str = ""
) -> dict[str, str]:
    """Return the assets that have this tier on a chain, each with the reason."""
    return {
        asset: f"{prefix}{outcome.reason}"
        for (chain, asset), outcome in outcomes.items()
        if chain == name and outcome.tier is tier
    }


def _not_live(name: str, evidence: Evidence) -> str:
    """Say why no step can be taken on a chain."""
    if evidence.facts[name].paused:
        return "is held: the hub is paused"
    if not evidence.live(name):
        return f"is held: {evidence.statuses[name].reason or 'not live'}"
    sequencer = evidence.sequencers.get(name)
    if sequencer is not None and sequencer.up is not True:
        return f"is held: {sequencer.reason}"
    paused = evidence.pauses.on_chain(name)
    return f"is {paused}" if paused else ""
