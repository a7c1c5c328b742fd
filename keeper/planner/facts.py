"""What the planner is told: each hub's bounds and penalties, and what the keeper has to work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chains.hub.attestation import Action
from keeper.domain.account import LEFT_OUT_IF_EMPTY


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A collateral token of a hub. `penalty_bps` is paid on top of what is repaid with it."""

    token_id: int
    token: str
    asset: str
    decimals: int
    penalty_bps: int


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """A market of a hub. `penalty_bps` is paid on the notional that is closed."""

    hub_id: int
    market: str
    asset: str
    penalty_bps: int


@dataclass(frozen=True, slots=True)
class OptionMarketFacts:
    """A market of a hub's option desk.

    `spread_bps` (of a trade) and `penalty_bps` (of a liquidation) are parts of the underlying's price, each at most
    `cap_bps` of the option's.
    """

    market: str
    asset: str
    spread_bps: int
    penalty_bps: int
    cap_bps: int


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """One chain's margin hub: its limits, listings and pool, and whether steps can be taken there now.

    `not_live` says why not, and is empty when they can. `pool_cash` is raw stable. `hub_prices_wad` are
    the hub's own prices by asset, where they were read: a step is planned at them, and held while
    they are out of the band. `held_assets` are assets that nothing is to be done with, each with the reason, and
    `small_assets` those of which a step may be half as large as the hub allows. `held_sales` and `small_sales` say the
    same of steps that take such an asset, since it is to be sold.
    """

    chain: str
    close_factor_bps: int
    full_close_health_wad: int
    cooldown_s: int
    price_band_bps: int
    insurance_share_bps: int
    dust_value_wad: int
    claim_confirmations: int
    pool_cash: int
    tokens: tuple[TokenFacts, ...]
    markets: tuple[MarketFacts, ...] = ()
    not_live: str = ""
    hub_prices_wad: Mapping[str, int] = field(default_factory=dict)
    held_assets: Mapping[str, str] = field(default_factory=dict)
    small_assets: Mapping[str, str] = field(default_factory=dict, metadata={LEFT_OUT_IF_EMPTY: True})
    held_sales: Mapping[str, str] = field(default_factory=dict, metadata={LEFT_OUT_IF_EMPTY: True})
    small_sales: Mapping[str, str] = field(default_factory=dict, metadata={LEFT_OUT_IF_EMPTY: True})
    option_markets: tuple[OptionMarketFacts, ...] = ()

    @property
    def stable(self) -> TokenFacts:
        """The token that debts are in: the hub's number 0."""
        return next(token for token in self.tokens if token.token_id == 0)

    def token_at(self, address: str) -> TokenFacts | None:
        """Return the token with this address."""
        return next((token for token in self.tokens if token.token == address), None)

    def token_number(self, token_id: int) -> TokenFacts | None:
        """Return the token with this number."""
        return next((token for token in self.tokens if token.token_id == token_id), None)

    def market_number(self, hub_id: int) -> MarketFacts | None:
        """Return the market with this number."""
        return next((market for market in self.markets if market.hub_id == hub_id), None)


@dataclass(frozen=True, slots=True)
class GasCosts:
    """What one transaction of each kind is expected to cost, USD wad, fees of a layer below included."""

    close_wad: int
    repay_wad: int
    repay_cross_wad: int
    seize_wad: int
    write_off_wad: int
    option_close_wad: int = 0

    def of(self, action: Action) -> int:
        """Return the cost of a liquidation step."""
        return {
            Action.CLOSE: self.close_wad,
            Action.REPAY: self.repay_wad,
            Action.REPAY_CROSS: self.repay_cross_wad,
            Action.SEIZE: self.seize_wad,
            Action.WRITE_OFF: self.write_off_wad,
            Action.OPTION_CLOSE: self.option_close_wad,
        }[action]


@dataclass(frozen=True, slots=True)
class ChainInventory:
    """What the keeper has on one chain: who it sends as, raw stable to repay with, and gas money left, USD wad."""

    chain: str
    sender: str
    stable: int
    gas: GasCosts
    spending_left_wad: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the keeper has, by chain, and the least a step must earn over its gas (USD wad; may be negative).

    `depths_wad` are what can be sold of an asset within one percent of its price, USD wad; an asset that is
    not there is sold at its price.
    """

    chains: Mapping[str, ChainInventory]
    min_profit_wad: int = 0
    depths_wad: Mapping[str, int] = field(default_factory=dict)
