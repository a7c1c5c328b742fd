"""An account under a margin model as sums that can be bounded: what each underlying adds, row by row.

A figure is, over one or more cases, the largest of the least over the case's rows of a sum over underlyings.
Rows are what the worst is taken of (scenarios); whether gains count in part or losses in full is a row each
too, since for a net result N the smaller of v N and N is both. Only where a gain counts for more than a
requirement (a health below v) it is the larger, hence the cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from config.portfolio_settings import VolatilityShock
from config.units import BPS
from keeper.domain.account import Leg, OptionPosition
from keeper.margin.curves import AS_READ, SCALE, Multipliers
from keeper.margin.model import Kind
from keeper.margin.parameters import OptionMarketRisk, RiskPolicy
from keeper.margin.scenarios import MOVE, shocked_volatility
from keeper.margin.surface import Bundle, Contract, Plain, Term

FINE = MOVE * BPS * BPS
"""What values of `keeper.margin.curves` are multiplied with here, so that scenarios need no division."""
QUANTUM = SCALE * FINE
"""What a USD wad is here."""

Row: TypeAlias = "Mapping[str, tuple[Plain, Sequence[Term]]]"


@dataclass(frozen=True, slots=True)
class Cases:
    """A figure: the largest over `rows` of the least over each of these, plus what does not depend on the row."""

    still: Mapping[str, Plain]
    rows: Sequence[Sequence[Row]]


class Sheet(Protocol):
    """An account's legs, read in one way, under one model."""

    @property
    def assets(self) -> Sequence[str]:
        """Every asset that has a part in the account."""

    def bundles(self, asset: str) -> Sequence[Bundle]:
        """Return the options on an underlying."""

    def kinks(self, asset: str) -> Iterable[int]:
        """Return the prices, rounded down, where what is straight otherwise bends."""

    def margin(self, kind: Kind, assets_weight: int, required_weight: int) -> Cases:
        """Return weighted assets * `assets_weight` - requirement * `required_weight`."""

    def maintenance(self) -> Cases:
        """Return minus what positions require for being open."""

    def equity(self) -> Cases:
        """Return assets minus liabilities, unweighted."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An option position as it counts. `units` is its signed size in `model.UNITS`."""

    option: OptionPosition
    contract: Contract
    market: OptionMarketRisk
    units: int
    counts: Multipliers


@dataclass(frozen=True, slots=True)
class Payoff:
    """What an option came to, USD wad in `model.UNITS`, negative if owed: no price moves it any more."""

    asset: str
    market: OptionMarketRisk
    value: int
    counts: Multipliers


def payoffs(
    legs: Iterable[Leg], policy: RiskPolicy, multipliers: Mapping[str, Multipliers]
) -> Iterator[Payoff]:
    """Yield the options of `legs` whose underlying's price at expiry is fixed. They wait for their settlement."""
    for leg in legs:
        counts = multipliers.get(leg.chain, AS_READ)
        for option in leg.options:
            if option.settlement_wad is not None:
                value = option.size_wad * 10**18 * payoff_wad(option, option.settlement_wad)
                yield Payoff(option.asset, policy.option_markets[option.market], value, counts)


def payoff_wad(option: OptionPosition, underlying_wad: int) -> int:
    """Return what exercising one contract gives, USD wad."""
    away_wad = underlying_wad - option.strike_wad
    return max(away_wad if option.is_call else -away_wad, 0)


def holdings(
    legs: Iterable[Leg], policy: RiskPolicy, multipliers: Mapping[str, Multipliers], at_s: int
) -> Iterator[Holding]:
    """Yield the options of `legs` as of `at_s`, but for those of `payoffs`.

    One that expired and is not fixed yet still moves: its chain's first price from then on is what it will come to.
    """
    for leg in legs:
        counts = multipliers.get(leg.chain, AS_READ)
        for option in leg.options:
            if option.settlement_wad is not None:
                continue
            market = policy.option_markets[option.market]
            tenor_s = max(option.expiry_s - at_s, 0)
            contract = Contract(
                option.is_call,
                option.strike_wad,
                tenor_s,
                market.rate_bps,
                _shocked(policy, tenor_s),
            )
            yield Holding(option, contract, market, option.size_wad * 10**18, counts)


@dataclass(slots=True)
class Sides:
    """Options on one underlying by volatility: held and owed, as bundles. `name` keeps kinds of bundles apart."""

    name: str
    held: dict[str, dict[Contract, int]] = field(default_factory=dict)
    owed: dict[str, dict[Contract, int]] = field(default_factory=dict)

    def add(self, volatility: str, contract: Contract, units: int) -> None:
        """Add a signed number of contracts."""
        side = self.held if units > 0 else self.owed
        its = side.setdefault(volatility, {})
        its[contract] = its.get(contract, 0) + abs(units)

    def netted(self) -> Sides:
        """Return the same with what is held and owed of one series set off."""
        found = Sides(self.name)
        for volatility in sorted({*self.held, *self.owed}):
            held, owed = self.held.get(volatility, {}), self.owed.get(volatility, {})
            for contract in dict.fromkeys((*held, *owed)):
                units = held.get(contract, 0) - owed.get(contract, 0)
                if units:
                    found.add(volatility, contract, units)
        return found

    def bundles(self) -> list[Bundle]:
        """Return a bundle for each side and volatility."""
        return [
            Bundle(f"{self.name}{sign}{volatility}", volatility, tuple(contracts.items()))
            for sign, side in (("+", self.held), ("-", self.owed))
            for volatility, contracts in side.items()
        ]

    def terms(
        self, held: int, owed: int, move: int = 0, shock: VolatilityShock = VolatilityShock.NONE
    ) -> list[Term]:
        """Return the terms that count what is held `held` times and what is owed `owed` times."""
        return [
            Term(weight, f"{self.name}{sign}{volatility}", move, shock)
            for weight, sign, side in ((held, "+", self.held), (-owed, "-", self.owed))
            if weight
            for volatility in side
        ]


def _shocked(policy: RiskPolicy, tenor_s: int) -> tuple[int, int, int]:
    up, none, down = (shocked_volatility(policy.portfolio, shock, tenor_s) for shock in VolatilityShock)
    return up, none, down
