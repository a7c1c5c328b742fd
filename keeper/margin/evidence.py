"""What the evidence allows: prices as boxes, legs as read, widened or missing.

Nothing that is not known is ever left out in silence: it is either a reason why the account
is unknown, or it widens the interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.units import BPS
from keeper.domain.account import Account, CutPoint, Leg
from keeper.margin.curves import Multipliers
from keeper.margin.parameters import LegAges, RiskPolicy
from keeper.margin.valuation import Box
from oracles.price import Price, PriceStatus


class LegAge(StrEnum):
    """Whether a chain's legs can be taken as read."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Readings:
    """How to read every chain's legs for the low and for the high end; mid is always as read."""

    low: Mapping[str, Multipliers]
    high: Mapping[str, Multipliers]

    @property
    def as_read(self) -> bool:
        """Whether both ends are what was read."""
        return not self.low and not self.high


def leg_age(ages: LegAges, age_ms: int) -> LegAge:
    """Return what a chain's legs are worth as evidence at this age of its newest block."""
    if age_ms <= ages.stale_after_ms:
        return LegAge.FRESH
    return LegAge.STALE if age_ms <= ages.unknown_after_ms else LegAge.MISSING


def ages_of(chains: Iterable[str], cut: Sequence[CutPoint], policy: RiskPolicy) -> dict[str, LegAge]:
    """Return the age class of each chain. One that the cut does not name, or the policy, is missing."""
    age_ms = {point.chain: point.age_ms for point in cut if point.chain in policy.chains}
    return {
        chain: leg_age(policy.chains[chain], age_ms[chain]) if chain in age_ms else LegAge.MISSING
        for chain in chains
    }


def readings(ages: Mapping[str, LegAge], uplift_bps: int) -> Readings:
    """Return how legs of these ages are read.

    A stale leg may by now hold `uplift_bps` more assets and owe as much less (high end), or the
    opposite (low end). Of a missing one nothing is left at the low end; at the high end it holds as
    much more and owes nothing.
    """
    low: dict[str, Multipliers] = {}
    high: dict[str, Multipliers] = {}
    for chain, age in ages.items():
        less_bps = max(BPS - uplift_bps, 0) if age is LegAge.STALE else 0
        if age is not LegAge.FRESH:
            low[chain] = Multipliers(less_bps, BPS + uplift_bps)
            high[chain] = Multipliers(BPS + uplift_bps, less_bps)
    return Readings(low, high)


def boxes(assets: Iterable[str], prices: Mapping[str, Price]) -> tuple[dict[str, Box], list[str]]:
    """Return the price box of each asset, and a reason for each that has none."""
    found: dict[str, Box] = {}
    reasons: list[str] = []
    for asset in sorted(set(assets)):
        price = prices.get(asset)
        box = None if price is None else price_box(price)
        if box is not None:
            found[asset] = box
        elif price is None:
            reasons.append(f"{asset} has no price")
        else:
            reasons.append(f"{asset} has no price: {price.reason or 'unavailable'}")
    return found, reasons


def price_box(price: Price) -> Box | None:
    """Return the interval of a price, or None if it is unavailable."""
    low, mid, high = price.low_wad, price.mid_wad, price.high_wad
    if price.status is PriceStatus.UNAVAILABLE or low is None or mid is None or high is None:
        return None
    return Box(low, mid, high)


def assets_of(account: Account, policy: RiskPolicy) -> Iterator[str]:
    """Yield each asset whose price matters to the account as it is or may be again, repeats and all."""
    for leg in account.possible_legs:
        yield from assets_of_leg(leg, policy)


def assets_of_leg(leg: Leg, policy: RiskPolicy) -> Iterator[str]:
    """Yield each asset whose price matters to the leg, that of an option's volatility included.

    Claims are in USD and need none of their own. Of an option in a market that the policy does not know
    only the underlying is named; it has no value anyway (`missing_parameters`).
    """
    for token in leg.collateral:
        yield token.asset
    if leg.debt is not None:
        yield leg.debt.asset
    for position in leg.positions:
        yield position.asset
    for option in leg.options:
        yield option.asset
        market = policy.option_markets.get(option.market)
        if market is not None:
            yield market.volatility


def time_of(cut: Sequence[CutPoint]) -> int | None:
    """Return the unix time, seconds, at which the cut is used: the latest that any of its blocks tells.

    Options are valued as of then. None without any block.
    """
    return max((point.timestamp + point.age_ms // 1000 for point in cut), default=None)
