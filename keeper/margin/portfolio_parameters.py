"""What the portfolio model supposes, as frozen integers: part of the risk policy and of its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.portfolio_settings import PortfolioAssetSettings, PortfolioSettings, VolatilityShock


@dataclass(frozen=True, slots=True)
class TailMove:
    """One more scenario: every price by `move_bps`, and the part of the loss that is covered."""

    move_bps: int
    shock: VolatilityShock
    cover_bps: int


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two assets move together. `first` is the smaller name."""

    first: str
    second: str
    correlation_bps: int


@dataclass(frozen=True, slots=True)
class UnderlyingRisk:
    """One underlying's price range, and what closing much of it costs.

    `depth_wad` USD can be sold within one percent (0: any amount); of a value above `concentration_above_wad`
    USD, `concentration_bps` more is needed.
    """

    price_range_bps: int
    depth_wad: int
    concentration_above_wad: int
    concentration_bps: int


@dataclass(frozen=True, slots=True)
class PortfolioRisk:
    """The scenarios and what is added to the worst; see `config.portfolio_settings` for the meaning of each."""

    price_range_bps: int = 1_500
    price_steps: int = 3
    volatility_up_bps: int = 4_000
    volatility_down_bps: int = 2_500
    volatility_term_bps: int = 0
    unshocked_volatility: bool = False
    extreme_multiple_bps: int = 20_000
    extreme_cover_bps: int = 3_500
    tails: tuple[TailMove, ...] = ()
    initial_scale_bps: int = 13_000
    short_option_bps: int = 100
    basis_bps: int = 50
    collateral_moves: bool = False
    highest_correlation_bps: int = 9_000
    correlations: tuple[Correlation, ...] = ()
    underlyings: Mapping[str, UnderlyingRisk] = field(default_factory=dict)

    @staticmethod
    def from_settings(settings: PortfolioSettings) -> PortfolioRisk:
        """Return the scenarios of these settings."""
        return PortfolioRisk(
            price_range_bps=settings.price_range_bps,
            price_steps=settings.price_steps,
            volatility_up_bps=settings.volatility_up_bps,
            volatility_down_bps=settings.volatility_down_bps,
            volatility_term_bps=settings.volatility_term_bps,
            unshocked_volatility=settings.unshocked_volatility,
            extreme_multiple_bps=settings.extreme_multiple_bps,
            extreme_cover_bps=settings.extreme_cover_bps,
            tails=tuple(TailMove(tail.move_bps, tail.shock, tail.cover_bps) for tail in settings.tails),
            initial_scale_bps=settings.initial_scale_bps,
            short_option_bps=settings.short_option_bps,
            basis_bps=settings.basis_bps,
            collateral_moves=settings.collateral_moves,
            highest_correlation_bps=settings.highest_correlation_bps,
            correlations=tuple(
                Correlation(min(pair.assets), max(pair.assets), pair.correlation_bps)
                for pair in settings.correlations
            ),
            underlyings={
                asset: _underlying(its, settings.price_range_bps) for asset, its in settings.assets.items()
            },
        )

    def underlying(self, asset: str) -> UnderlyingRisk:
        """Return what is supposed of an underlying: its own, or what holds for all."""
        return self.underlyings.get(asset) or UnderlyingRisk(self.price_range_bps, 0, 0, 0)

    def correlation_bps(self, first: str, second: str) -> int:
        """Return the correlation of two assets within the bound, zero if none is named."""
        pair = tuple(sorted((first, second)))
        named = (its.correlation_bps for its in self.correlations if (its.first, its.second) == pair)
        bound = self.highest_correlation_bps
        return max(-bound, min(bound, next(named, 0)))


def _underlying(settings: PortfolioAssetSettings, price_range_bps: int) -> UnderlyingRisk:
    concentrated = settings.concentration_bps if settings.concentration_above is not None else 0
    return UnderlyingRisk(
        settings.price_range_bps or price_range_bps,
        settings.depth or 0,
        settings.concentration_above or 0,
        concentrated,
    )
