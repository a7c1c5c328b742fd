"""The accounts that a question is asked of, with the evidence of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.units import WAD
from keeper.domain.account import Account, CutPoint
from keeper.margin.parameters import RiskPolicy
from keeper.risk.arrays import Floats
from oracles.price import Price


@dataclass(frozen=True, slots=True)
class Watched:
    """The accounts that a question is asked of, with the evidence of one moment. All are known and priced.

    The cut has every chain as just read: the question is what prices would do.
    """

    accounts: tuple[Account, ...]
    prices: Mapping[str, Price]
    cut: tuple[CutPoint, ...]
    policy: RiskPolicy

    def mids(self, assets: Sequence[str]) -> Floats:
        """Return mid prices, USD; nan for an asset without one, which no account here holds."""
        found = [self.prices[asset].mid_wad if asset in self.prices else None for asset in assets]
        return np.array([np.nan if mid is None else mid / WAD for mid in found], dtype=np.float64)
