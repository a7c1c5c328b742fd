"""Which reader belongs to the settings of which on-chain source."""

from __future__ import annotations

from config.source_settings import (
    ChainlinkSourceSettings,
    Erc4626SourceSettings,
    OnChainSourceSettings,
    PythSourceSettings,
    UniswapV3SourceSettings,
)
from oracles.sources.chain import ChainReader
from oracles.sources.chainlink import ChainlinkSource
from oracles.sources.erc4626 import Erc4626Source
from oracles.sources.pyth import PythSource
from oracles.sources.uniswap_v3 import UniswapV3Source


def open_reader(source: OnChainSourceSettings) -> ChainReader:
    """Return a new reader of `source`."""
    match source:
        case ChainlinkSourceSettings():
            return ChainlinkSource(source)
        case Erc4626SourceSettings():
            return Erc4626Source(source)
        case UniswapV3SourceSettings():
            return UniswapV3Source(source)
        case PythSourceSettings():
            return PythSource(source)
