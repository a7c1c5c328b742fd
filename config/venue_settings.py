"""Settings of protocols of others on a chain, and of the contract that liquidates there."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from config.fields import Address, AssetName, Bps, Count, Decimals, Hash32, Positive, Wad
from config.section import Section
from config.units import WAD


class VenueKind(StrEnum):
    """Which protocol a venue is."""

    AAVE_V3 = "aave_v3"
    MORPHO_BLUE = "morpho_blue"


class VenueTokenSettings(Section):
    """A token that venues of this chain hold and the asset it stands for; those of the hub need no second mention."""

    address: Address
    asset: AssetName
    decimals: Decimals


class VenueSettings(Section):
    """One protocol on this chain. `address` is Aave's pool, or Morpho itself.

    `from_block` is where its logs begin. `market_ids` are those of Morpho's markets that are followed; Aave
    has none. `price_decimals` are those of the dollar in the prices of Aave's oracle.
    """

    kind: VenueKind
    address: Address
    from_block: Count = 0
    market_ids: tuple[Hash32, ...] = ()
    price_decimals: Decimals = 8


class SwapPoolSettings(Section):
    """A pool of Uniswap v3 that the executor may swap by. `fee_pips` is its fee tier: 500 is 0.05 percent."""

    address: Address
    base_token: Address
    quote_token: Address
    fee_pips: Positive = 500


class InventorySettings(Section):
    """A token of the signer's own that may be spent on repaying. Below `low_funds`, in whole units, a person is told."""

    token: Address
    low_funds: Wad = 0


class ExecutorSettings(Section):
    """The contract that liquidates at venues, owned by the chain's signer, and how it is paid for.

    A repayment comes from `inventory` if one of its tokens is owed, or from a pool in the same transaction. `flash` off
    means inventory only. `least_profit` is in USD, after gas. Of a quoted profit `profit_kept_bps` must be left
    on chain, or the transaction reverts. `resale_bps` is what is lost where collateral that was kept is sold later.
    `patience_blocks` is how long an account is left alone after a setback that time may mend.
    """

    address: Address
    flash: bool = True
    least_profit: Wad = 5 * WAD
    profit_kept_bps: Bps = 5_000
    resale_bps: Bps = 50
    deadline_blocks: Positive = 20
    patience_blocks: Positive = 25
    max_offers_per_block: Positive = 32
    pools: tuple[SwapPoolSettings, ...] = Field(default=())
    inventory: tuple[InventorySettings, ...] = Field(default=())
