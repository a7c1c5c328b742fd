"""The estimators of every asset, fed by price sets, and what they answer within the operator's bounds.

What is measured can be steered by whoever moves a price. So no answer leaves the bounds of the
configuration (`config.estimate_settings`), and of the two measures of volatility the larger counts: the
average that remembers every jump that stays, and the robust one that does not forget the calm between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.asset_settings import AssetSettings
from config.estimate_settings import EstimateSettings
from oracles.estimates.depth import DepthMeter
from oracles.estimates.ewma import Ewma
from oracles.estimates.realised import Realised
from oracles.estimates.samples import Return, Sampler
from oracles.price import PriceSet

FEWEST_SAMPLES = 10
"""Below as many returns nothing is known: the answer is the upper bound."""


@dataclass(frozen=True, slots=True)
class VolatilityEstimate:
    """The volatility of an asset, a fraction per year, within the operator's bounds.

    `ewma_wad` and `realised_wad` are what was measured, before bounds; None before there is enough of it.
    """

    asset: str
    annualised_wad: int
    samples: int
    as_of_ms: int
    ewma_wad: int | None = None
    realised_wad: int | None = None


@dataclass(frozen=True, slots=True)
class DepthEstimate:
    """What can be sold of an asset within one percent of its price, USD wad; None where nothing is configured."""

    asset: str
    depth_wad: int | None
    as_of_ms: int


class _Estimator:
    """One asset's state: three numbers, `realised.WINDOW` returns, one mean width."""

    def __init__(self, settings: EstimateSettings) -> None:
        half_life_ms = round(settings.half_life_s * 1_000)
        self.settings = settings
        self.sampler = Sampler(round(settings.sample_s * 1_000))
        self.ewma = Ewma(half_life_ms)
        self.realised = Realised()
        self.depth = DepthMeter(half_life_ms)
        self.samples = 0
        self.as_of_ms = 0

    def add(self, one: Return) -> None:
        """Take a return."""
        self.ewma.add(one)
        self.realised.add(one)
        self.samples += 1

    def volatility_wad(self) -> int:
        """Return the larger measure within the bounds; without enough samples the upper one."""
        lowest, highest = self.settings.lowest_volatility, self.settings.highest_volatility
        if self.samples < FEWEST_SAMPLES:
            return highest
        measured = max(self.ewma.annualised_wad() or 0, self.realised.annualised_wad() or 0)
        return min(max(measured, lowest), highest)


class Estimates:
    """Estimates of all configured assets. Memory per asset is fixed."""

    def __init__(self, assets: Mapping[str, AssetSettings]) -> None:
        self._of = {asset: _Estimator(settings.estimates) for asset, settings in assets.items()}

    def reloaded(self, assets: Mapping[str, AssetSettings]) -> Estimates:
        """Return the estimates of another configuration; what was measured of an asset stays where it is measured alike."""
        found = Estimates(assets)
        for asset, its in found._of.items():
            before = self._of.get(asset)
            if before is not None and before.settings == its.settings:
                found._of[asset] = before
        return found

    def observe(self, prices: PriceSet) -> None:
        """Feed a published price set. Assets that are not configured are passed over. Where time went back, a sample begins."""
        for asset, price in prices.prices.items():
            its = self._of.get(asset)
            if its is None:
                continue
            its.as_of_ms = prices.as_of_ms
            its.depth.take(price, prices.as_of_ms)
            if (one := its.sampler.take(price, prices.as_of_ms)) is not None:
                its.add(one)

    def volatility(self, asset: str) -> VolatilityEstimate:
        """Return the estimate of an asset. Raises ``KeyError`` if it is not configured."""
        its = self._of[asset]
        return VolatilityEstimate(
            asset,
            its.volatility_wad(),
            its.samples,
            its.as_of_ms,
            its.ewma.annualised_wad(),
            its.realised.annualised_wad(),
        )

    def depths_wad(self) -> dict[str, int]:
        """Return the depth of every asset that has one configured, USD wad."""
        found = {asset: self.depth(asset).depth_wad for asset in self._of}
        return {asset: depth_wad for asset, depth_wad in found.items() if depth_wad is not None}

    def depth(self, asset: str) -> DepthEstimate:
        """Return what can be sold of an asset. Raises ``KeyError`` if it is not configured."""
        its, settings = self._of[asset], self._of[asset].settings
        if settings.depth is None:
            return DepthEstimate(asset, None, its.as_of_ms)
        depth_wad = its.depth.depth_wad(settings.depth, settings.lowest_depth, settings.quiet_width_bps)
        return DepthEstimate(asset, depth_wad, its.as_of_ms)
