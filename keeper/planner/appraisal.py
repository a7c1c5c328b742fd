"""How far an account is from its target, for the accounts a plan passes through.

The same evidence (prices, ages, policy) as the health it started from, so that the figures of
before and after can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.units import WAD
from keeper.domain.account import Account
from keeper.domain.health import Interval, UnifiedHealth
from keeper.margin.curves import SCALE
from keeper.margin.evidence import Readings, ages_of, price_box, readings, time_of
from keeper.margin.health import valuation
from keeper.margin.parameters import RiskPolicy
from keeper.margin.valuation import Box
from oracles.price import Price


@dataclass(frozen=True, slots=True)
class Standing:
    """An account against its target health, at the low end.

    `shortfall` is what is missing to be certainly there (not positive when it is): exact, USD wad times
    `EXACT`. `health` is None when nothing is required.
    """

    shortfall: int
    health: Interval | None

    def is_worse_than(self, before: Standing) -> bool:
        """Whether health is lower than before, at the low end or in the middle."""
        if self.health is None:
            return False
        if before.health is None:
            return True
        return self.health.low < before.health.low or self.health.mid < before.health.mid


EXACT = SCALE * WAD


class Appraiser:
    """Values accounts under one set of evidence. `mids_wad` are the middle prices of every priced asset."""

    def __init__(self, health: UnifiedHealth, prices: Mapping[str, Price], policy: RiskPolicy) -> None:
        self._policy = policy
        self._boxes: dict[str, Box] = {}
        for asset, price in prices.items():
            box = price_box(price)
            if box is not None:
                self._boxes[asset] = box
        self.mids_wad = {asset: box.mid_wad for asset, box in self._boxes.items()}
        self._readings = _readings(health, policy)
        self._at_s = time_of(health.cut)

    def standing(self, account: Account) -> Standing:
        """Return where the account stands. Raises ``KeyError`` for an asset without a price."""
        value = valuation(account, self._boxes, self._readings, self._policy, at_s=self._at_s)
        return Standing(
            -value.surplus_above(self._policy.target_health_wad),
            value.health(value.surplus()),
        )


def _readings(health: UnifiedHealth, policy: RiskPolicy) -> Readings:
    chains = [point.chain for point in health.cut]
    return readings(ages_of(chains, health.cut, policy), policy.missing_leg_uplift_bps)
