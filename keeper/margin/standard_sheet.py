"""The standard model of an account with options: each option by itself.

A long option counts with its market's weight. A short one is owed at its price, and needs of the underlying's
price a fraction less what it is out of the money, but at least another one, as on the larger option venues.
One whose price at expiry is fixed counts with what it came to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from config.units import BPS
from keeper.domain.account import Account
from keeper.margin.curves import Curve, Multipliers, curves
from keeper.margin.model import Kind
from keeper.margin.parameters import OptionMarketRisk, RiskPolicy
from keeper.margin.sheet import FINE, Cases, Holding, Payoff, Row, Sides, holdings, payoffs
from keeper.margin.surface import Bundle, Plain, Term


class StandardSheet:
    """An account's legs with options, read in one way, as of `at_s`."""

    def __init__(
        self, account: Account, policy: RiskPolicy, multipliers: Mapping[str, Multipliers], at_s: int
    ) -> None:
        self._curves = curves(account.legs, policy, multipliers)
        self._holdings: dict[str, list[Holding]] = {}
        for holding in holdings(account.legs, policy, multipliers, at_s):
            self._holdings.setdefault(holding.option.asset, []).append(holding)
        self._payoffs: dict[str, list[Payoff]] = {}
        for payoff in payoffs(account.legs, policy, multipliers):
            self._payoffs.setdefault(payoff.asset, []).append(payoff)
        self._sides = {
            asset: {name: _side(name, its) for name in ("maintenance", "initial", "full")}
            for asset, its in self._holdings.items()
        }

    @property
    def assets(self) -> Sequence[str]:
        """Every asset that has a part in the account."""
        return sorted({*self._curves, *self._holdings, *self._payoffs})

    def bundles(self, asset: str) -> Sequence[Bundle]:
        """Return the options on an underlying, weighted for each kind of margin and in full."""
        return [bundle for side in self._sides.get(asset, {}).values() for bundle in side.bundles()]

    def kinks(self, asset: str) -> Iterable[int]:
        """Return the prices, rounded down, where what is straight otherwise bends."""
        curve = self._curves.get(asset)
        if curve is not None:
            yield from curve.kinks()
        for holding in self._holdings.get(asset, ()):
            if holding.units < 0:
                yield from _kinks(holding)

    def margin(self, kind: Kind, assets_weight: int, required_weight: int) -> Cases:
        """Return weighted assets * `assets_weight` - requirement * `required_weight`."""
        name = "maintenance" if kind is Kind.MAINTENANCE else "initial"

        def plain(asset: str) -> Plain:
            curve, its = self._curves.get(asset), self._holdings.get(asset, ())
            received, owed = self._settled(asset, name)

            def value(price_wad: int) -> int:
                assets, required = curve.margin(price_wad, kind) if curve is not None else (0, 0)
                assets, required = assets + received, required + owed + _short_margin(its, price_wad, kind)
                return (assets * assets_weight - required * required_weight) * FINE

            return value

        return self._cases(plain, name, assets_weight, required_weight)

    def maintenance(self) -> Cases:
        """Return minus what positions require for being open."""

        def plain(asset: str) -> Plain:
            curve, its = self._curves.get(asset), self._holdings.get(asset, ())

            def value(price_wad: int) -> int:
                required = curve.position_requirement(price_wad) if curve is not None else 0
                return -(required + _short_margin(its, price_wad, Kind.MAINTENANCE)) * FINE

            return value

        return self._cases(plain, "full", 0, 0)

    def equity(self) -> Cases:
        """Return assets minus liabilities, unweighted."""

        def plain(asset: str) -> Plain:
            curve: Curve | None = self._curves.get(asset)
            received, owed = self._settled(asset, "full")
            return lambda price_wad: (
                (received - owed + (curve.equity(price_wad) if curve is not None else 0)) * FINE
            )

        return self._cases(plain, "full", 1, 1)

    def _settled(self, asset: str, name: str) -> tuple[int, int]:
        """Return what options came to: what of it counts for the account, and what is owed."""
        its = self._payoffs.get(asset, ())
        received = sum(
            each.value * each.counts.assets_bps * _weight_bps(each.market, name)
            for each in its
            if each.value > 0
        )
        return received, -sum(
            each.value * each.counts.liabilities_bps * BPS for each in its if each.value < 0
        )

    def _cases(self, plain: Callable[[str], Plain], name: str, held: int, owed: int) -> Cases:
        row: Row = {asset: (plain(asset), self._terms(asset, name, held, owed)) for asset in self._holdings}
        still = {asset: plain(asset) for asset in self.assets if asset not in self._holdings}
        return Cases(still, [[row]])

    def _terms(self, asset: str, name: str, held: int, owed: int) -> list[Term]:
        return self._sides[asset][name].terms(held * BPS * BPS, owed * BPS * BPS)


def _side(name: str, its: Sequence[Holding]) -> Sides:
    side = Sides(name)
    for holding in its:
        market = holding.market
        weight_bps = _weight_bps(market, name)
        if holding.units > 0:
            side.add(
                market.volatility, holding.contract, holding.units * holding.counts.assets_bps * weight_bps
            )
        else:
            side.add(
                market.volatility, holding.contract, holding.units * holding.counts.liabilities_bps * BPS
            )
    return side


def _weight_bps(market: OptionMarketRisk, name: str) -> int:
    return {
        "maintenance": market.long_weight_bps,
        "initial": market.initial_long_weight_bps,
        "full": BPS,
    }[name]


def _short_margin(its: Sequence[Holding], price_wad: int, kind: Kind) -> int:
    """Return what short options need beside their price, as `keeper.margin.curves` counts."""
    total = 0
    for holding in its:
        if holding.units >= 0 or holding.contract.tenor_s == 0:
            continue
        most_bps, least_bps = _fractions(holding, kind)
        option = holding.option
        away_wad = max(option.strike_wad - price_wad if option.is_call else price_wad - option.strike_wad, 0)
        needed = max(price_wad * most_bps - away_wad * BPS, price_wad * least_bps)
        total -= holding.units * needed * holding.counts.liabilities_bps
    return total


def _kinks(holding: Holding) -> Iterator[int]:
    """Yield where the option is at the money, and where its least margin begins."""
    strike_wad = holding.option.strike_wad
    yield strike_wad
    for kind in Kind:
        most_bps, least_bps = _fractions(holding, kind)
        slope_bps = most_bps - least_bps
        yield strike_wad * BPS // (BPS + slope_bps if holding.option.is_call else max(BPS - slope_bps, 1))


def _fractions(holding: Holding, kind: Kind) -> tuple[int, int]:
    market = holding.market
    if kind is Kind.MAINTENANCE:
        return market.short_maintenance_bps, market.least_short_maintenance_bps
    return market.short_initial_bps, market.least_short_initial_bps
