"""Units as types: in what an asset may be priced, and between which two things a feed stands.

A feed is written ``base/quote``: how many `quote` one `base` is worth. It belongs to the
asset that names the other side as one of its units, and is inverted if it is written the
other way round. What belongs to no asset does not multiply out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.asset_settings import AssetSettings

UNIT = "USD"
"""What every path of prices ends at. It has no price of its own and is no asset."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One asset in one of its units: the pair of its feeds, and the inverse that they may also give."""

    asset: str
    unit: str
    pair: str = field(init=False)
    inverse: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pair", f"{self.asset}/{self.unit}")
        object.__setattr__(self, "inverse", f"{self.unit}/{self.asset}")

    def __str__(self) -> str:
        return self.pair


def units_of(asset: AssetSettings) -> tuple[str, ...]:
    """Return the units that an asset is priced in, the preferred one first."""
    return tuple(dict.fromkeys((asset.priced_in, *asset.also_priced_in)))


def edges_of(name: str, asset: AssetSettings) -> tuple[Edge, ...]:
    """Return one edge for each unit of an asset, the preferred one first."""
    return tuple(Edge(name, unit) for unit in units_of(asset))


def edge_of(pair: str, assets: Mapping[str, AssetSettings]) -> Edge | None:
    """Return the edge that a feed of `pair` speaks of, in either direction, or None if it is no one's."""
    base, _, quote = pair.partition("/")
    for asset, unit in ((base, quote), (quote, base)):
        if asset in assets and unit in units_of(assets[asset]):
            return Edge(asset, unit)
    return None
