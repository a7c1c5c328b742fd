"""What a hub lets through now: close factor, dust, cooldown, price band, and chains that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from config.units import BPS, WAD, mul_div_down, mul_div_up
from keeper.domain.account import Leg
from keeper.domain.health import UnifiedHealth
from keeper.margin.evidence import LegAge, ages_of
from keeper.margin.parameters import RiskPolicy
from keeper.planner.effects import Move
from keeper.planner.facts import VenueFacts
from keeper.planner.ground import Prices
from oracles.median import distance_bps
from oracles.policy import are_apart


class Conditions:
    """The hubs' rules against one health and its cut. Reasons are empty where nothing stands in the way."""

    def __init__(self, health: UnifiedHealth, prices: Prices, policy: RiskPolicy) -> None:
        self.prices = prices
        self._cut = {point.chain: point for point in health.cut}
        self._ages: Mapping[str, LegAge] = ages_of(self._cut, health.cut, policy)
        self._band_bps = policy.price_band_bps
        self.dust_wad = policy.dust_value_wad
        # What attestors will put into the attestation: nothing required is as healthy as can be.
        self._attested_wad = health.health.high if health.health is not None else WAD

    def largest_step(
        self, venue: VenueFacts, held: int, price_wad: int, unit: int, *, small: bool = False
    ) -> int:
        """Return how much of `held` one step may take. All of it far under water, or where the rest would be dust."""
        factor_bps = venue.close_factor_bps // 2 if small else venue.close_factor_bps
        allowed = mul_div_down(held, factor_bps, BPS)
        if self._attested_wad < venue.full_close_health_wad:
            return held
        rest_wad = mul_div_up(held - allowed, price_wad, unit)
        return held if rest_wad <= venue.dust_value_wad else allowed

    def is_dust(self, venue: VenueFacts, rest: int, price_wad: int, unit: int) -> bool:
        """Whether what a step would leave is not worth leaving."""
        return rest > 0 and mul_div_up(rest, price_wad, unit) <= max(self.dust_wad, venue.dust_value_wad)

    def obstacle(self, leg: Leg, venue: VenueFacts, move: Move, *assets: str) -> str:
        """Say why no step can be taken on the leg's chain for these assets and this slot."""
        return (
            self.chain_obstacle(venue)
            or next(filter(None, (self.price_obstacle(venue, asset) for asset in assets)), "")
            or self._cooling(leg, venue, move)
        )

    def chain_obstacle(self, venue: VenueFacts) -> str:
        """Say why nothing can be done on a chain."""
        if venue.not_live:
            return f"{venue.chain} {venue.not_live}"
        point = self._cut.get(venue.chain)
        if point is None:
            return f"{venue.chain} was not read"
        if self._ages[venue.chain] is not LegAge.FRESH:
            return f"{venue.chain} was last read {point.age_ms // 1000} s ago"
        return ""

    def price_obstacle(self, venue: VenueFacts, asset: str) -> str:
        """Say why the hub's own price of an asset is not to be acted on."""
        held = venue.held_assets.get(asset, "")
        if held:
            return f"{asset} is {held}"
        mid_wad, own_wad = self.prices.mids_wad.get(asset), venue.hub_prices_wad.get(asset)
        if mid_wad is None:
            return f"{asset} has no price"
        band_bps = min(self._band_bps, venue.price_band_bps)
        if own_wad is not None and are_apart(own_wad, mid_wad, band_bps):
            off_bps = distance_bps(max(own_wad, mid_wad), min(own_wad, mid_wad))
            return (
                f"the hub's price of {asset} is {off_bps} bps off the reference, over the {band_bps} allowed"
            )
        return ""

    @staticmethod
    def sale_obstacle(venue: VenueFacts, asset: str) -> str:
        """Say why an asset is not to be taken."""
        held = venue.held_sales.get(asset, "")
        return f"{asset} would not pay: {held}" if held else ""

    def claim_obstacle(self, source_chain: str, opened_number: int, confirmations: int) -> str:
        """Say why a claim may still disappear from its source chain."""
        point = self._cut.get(source_chain)
        if point is None:
            return f"its source chain {source_chain} was not read"
        # The block it was opened in is its first confirmation.
        missing = opened_number + confirmations - 1 - point.number
        return f"its opening needs {missing} more blocks on {source_chain}" if missing > 0 else ""

    def expiry_obstacle(self, venue: VenueFacts, expiry_s: int) -> str:
        """Say why an option can not be closed any more: from its expiry on it is settled, by anyone."""
        point = self._cut[venue.chain]
        expired = point.timestamp + point.age_ms // 1000 >= expiry_s
        return "the option has expired and waits for its settlement" if expired else ""

    def _cooling(self, leg: Leg, venue: VenueFacts, move: Move) -> str:
        point = self._cut[venue.chain]
        now_s = point.timestamp + point.age_ms // 1000
        for taken in leg.steps_taken:
            wait_s = taken.at_s + venue.cooldown_s - now_s
            if (taken.action, taken.item) == (move.action, move.item) and wait_s > 0:
                return f"the hub's cooldown has {wait_s} s to go"
        return ""
