"""Settings of margin models: which subaccounts have which, and what the portfolio model supposes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.fields import AssetName, Bps, Count, LiabilityBps, UpliftBps, Wad
from config.section import Section

MoveBps = Annotated[int, Field(ge=-9_900, le=100_000, strict=True)]
CorrelationBps = Annotated[int, Field(ge=-10_000, le=10_000, strict=True)]
MultipleBps = Annotated[int, Field(ge=10_000, le=60_000, strict=True)]
RangeBps = Annotated[int, Field(ge=1, le=9_000, strict=True)]
Steps = Annotated[int, Field(ge=1, le=12, strict=True)]
FallBps = Annotated[int, Field(ge=0, le=9_500, strict=True)]


class ModelName(StrEnum):
    """How the requirement of positions is found: each by itself, or all by the worst scenario."""

    STANDARD = "standard"
    PORTFOLIO = "portfolio"


class VolatilityShock(StrEnum):
    """What a scenario does to implied volatility."""

    UP = "up"
    NONE = "none"
    DOWN = "down"


class ModelRangeSettings(Section):
    """Subaccounts, first and last included, that have a model. All others are standard."""

    model: ModelName
    first_subaccount: Count
    last_subaccount: Count


class TailSettings(Section):
    """One more scenario: a move of every price, a shock of volatility, and what part of the loss is to be covered."""

    move_bps: MoveBps
    shock: VolatilityShock = VolatilityShock.UP
    cover_bps: Bps = 3_500


class CorrelationSettings(Section):
    """How two assets move together. Pairs that are not named have none."""

    assets: Annotated[tuple[AssetName, ...], Field(min_length=2, max_length=2)]
    correlation_bps: CorrelationBps


class PortfolioAssetSettings(Section):
    """What is special to one underlying: its price range, and what closing a large position of it costs.

    `depth` is what can be sold within one percent of the price (USD). What is above `concentration_above`
    (USD) needs `concentration_bps` more.
    """

    price_range_bps: RangeBps | None = None
    depth: Wad | None = None
    concentration_above: Wad | None = None
    concentration_bps: Bps = 0


class PortfolioSettings(Section):
    """The scenarios of the portfolio model, in ``[risk.portfolio]``, and what is added to the worst.

    Prices move by `price_steps` equal steps to either end of `price_range_bps`; each with volatility up and
    down by these parts of itself (and unchanged, if `unshocked_volatility`). Short tenors are shocked more:
    times (30 days / tenor) to the power of `volatility_term_bps`. Then come two extremes of
    `extreme_multiple_bps` times the range, of whose loss `extreme_cover_bps` is covered, and the tails. With
    three steps and neither tails nor unshocked volatility these are the classic sixteen.
    """

    price_range_bps: RangeBps = 1_500
    price_steps: Steps = 3
    volatility_up_bps: UpliftBps = 4_000
    volatility_down_bps: FallBps = 2_500
    volatility_term_bps: Bps = 0
    unshocked_volatility: bool = False
    extreme_multiple_bps: MultipleBps = 20_000
    extreme_cover_bps: Bps = 3_500
    tails: tuple[TailSettings, ...] = ()
    initial_scale_bps: LiabilityBps = 13_000
    short_option_bps: Bps = 100
    basis_bps: Bps = 50
    collateral_moves: bool = False
    highest_correlation_bps: Bps = 9_000
    correlations: tuple[CorrelationSettings, ...] = ()
    assets: dict[AssetName, PortfolioAssetSettings] = Field(default_factory=dict)
