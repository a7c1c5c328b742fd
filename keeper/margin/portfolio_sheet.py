"""The portfolio model: positions require the worst loss over scenarios, and what no scenario shows.

Results of perpetuals and prices of options are netted over positions and chains, to N. Then, with v what
part of gains counts,

    A = sum(w_i q_i P_i) + v max(N, 0)          R = sum(l_j d_j P_j) + max(-N, 0) + MM
    MM = max(0, worst of cover_s * loss_s) + contingencies          IM = MM * initial scale

A loss is from now to after the scenario's move, options priced anew. Contingencies are the minimum of each
short option, the basis between positions that offset each other over markets or chains, and what closing
much of one underlying costs (`keeper.margin.exposure`). Of a chain that was not read lately the positions
may be a hedge that is gone, or one that is perfect: the requirement of all is then multiplied as the leg's
liabilities are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from config.units import BPS
from keeper.domain.account import Account
from keeper.margin.curves import AS_READ, Curve, Multipliers, curves
from keeper.margin.exposure import Exposure, exposures
from keeper.margin.model import UNITS, Kind
from keeper.margin.parameters import RiskPolicy
from keeper.margin.scenarios import MOVE, Scenario, scenarios
from keeper.margin.sheet import FINE, Cases, Row, Sides, holdings, payoffs
from keeper.margin.surface import Bundle, Plain, Term

UNIT = UNITS // 10**18


class _Underlying:
    """What an account has on one underlying: results of perpetuals and options, and their net sizes."""

    def __init__(self) -> None:
        self.results: list[tuple[int, int, Multipliers]] = []
        self.settled = 0
        self.size = 0
        self.marks = Sides("marked")
        self.options = Sides("held")
        self._known: dict[int, int] = {}

    def result(self, price_wad: int) -> int:
        """Return gains less losses of perpetuals, and what options came to, times `BPS`."""
        if price_wad in self._known:
            return self._known[price_wad]
        total = self.settled
        for size, entry_wad, counts in self.results:
            its = size * (price_wad - entry_wad)
            total += its * (counts.assets_bps if its > 0 else counts.liabilities_bps)
        self._known[price_wad] = total
        return total

    def kinks(self) -> Iterable[int]:
        """Yield where a result turns, if gains and losses count differently."""
        for _, entry_wad, counts in self.results:
            if counts.assets_bps != counts.liabilities_bps:
                yield entry_wad


class PortfolioSheet:
    """An account's legs under the portfolio model, read in one way, as of `at_s`.

    `scan_bps` is what part of the requirement of positions counts.
    """

    def __init__(
        self,
        account: Account,
        policy: RiskPolicy,
        multipliers: Mapping[str, Multipliers],
        at_s: int,
        scan_bps: int = BPS,
    ) -> None:
        self._gain_weight_bps = policy.gain_weight_bps
        self._risk = policy.portfolio
        self._scan_bps = scan_bps
        self._curves = curves([replace(leg, positions=()) for leg in account.legs], policy, multipliers)
        self._its: dict[str, _Underlying] = {}
        for leg in account.legs:
            counts = multipliers.get(leg.chain, AS_READ)
            for position in leg.positions:
                its = self._its.setdefault(position.asset, _Underlying())
                size = position.size_wad * UNIT
                its.results.append((size, position.entry_price_wad, counts))
                its.size += size
        for holding in holdings(account.legs, policy, multipliers, at_s):
            its = self._its.setdefault(holding.option.asset, _Underlying())
            counts_bps = holding.counts.assets_bps if holding.units > 0 else holding.counts.liabilities_bps
            its.marks.add(holding.market.volatility, holding.contract, holding.units * counts_bps)
            its.options.add(holding.market.volatility, holding.contract, holding.units)
        for payoff in payoffs(account.legs, policy, multipliers):
            its = self._its.setdefault(payoff.asset, _Underlying())
            counts = payoff.counts
            its.settled += payoff.value * (counts.assets_bps if payoff.value > 0 else counts.liabilities_bps)
        self._as_read = not multipliers
        for its in self._its.values():
            its.options = its.options.netted()
        self._exposures: dict[str, Exposure] = exposures(account, self._risk, at_s)
        self._charges = {asset: cache(its.charge) for asset, its in self._exposures.items()}
        self._scenarios: list[Scenario] = scenarios(list(self._its), self._risk)

    @property
    def assets(self) -> Sequence[str]:
        """Every asset that has a part in the account."""
        return sorted({*self._curves, *self._its})

    def bundles(self, asset: str) -> Sequence[Bundle]:
        """Return the options on an underlying."""
        its = self._its.get(asset)
        if its is None:
            return ()
        return its.options.bundles() if self._as_read else [*its.options.bundles(), *its.marks.bundles()]

    def kinks(self, asset: str) -> Iterable[int]:
        """Return the prices, rounded down, where what is straight otherwise bends."""
        if asset in self._curves:
            yield from self._curves[asset].kinks()
        if asset in self._its:
            yield from self._its[asset].kinks()
        if asset in self._exposures:
            yield from self._exposures[asset].kinks()

    def margin(self, kind: Kind, assets_weight: int, required_weight: int) -> Cases:
        """Return weighted assets * `assets_weight` - requirement * `required_weight`."""

        def held(asset: str) -> Plain:
            curve = self._curves.get(asset)
            if curve is None:
                return _nothing

            def value(price_wad: int) -> int:
                assets, required = curve.margin(price_wad, kind)
                return (assets * assets_weight - required * required_weight) * FINE

            return cache(value)

        gain, loss = self._gain_weight_bps * assets_weight, BPS * required_weight
        cases = [[gain, loss]] if gain <= loss else [[gain], [loss]]
        return self._cases(held, cases, kind, required_weight)

    def maintenance(self) -> Cases:
        """Return minus what positions require for being open."""
        return self._cases(lambda _: _nothing, [[0]], Kind.MAINTENANCE, 1)

    def equity(self) -> Cases:
        """Return assets minus liabilities, unweighted."""

        def held(asset: str) -> Plain:
            curve: Curve | None = self._curves.get(asset)
            return lambda price_wad: curve.equity(price_wad) * FINE if curve is not None else 0

        still = {asset: held(asset) for asset in self._curves if asset not in self._its}
        row = {asset: self._entry(asset, held(asset), BPS, 0, None, Kind.MAINTENANCE) for asset in self._its}
        return Cases(still, [[row]])

    def _cases(
        self, held: Callable[[str], Plain], cases: Sequence[Sequence[int]], kind: Kind, required_weight: int
    ) -> Cases:
        plains = {asset: held(asset) for asset in self.assets}
        still = {asset: plain for asset, plain in plains.items() if asset not in self._its}
        worst: list[Scenario | None] = [None, *(self._scenarios if required_weight else ())]

        def row(result_weight: int, scenario: Scenario | None) -> Row:
            return {
                asset: self._entry(asset, plains[asset], result_weight, required_weight, scenario, kind)
                for asset in self._its
            }

        return Cases(
            still, [[row(weight, scenario) for weight in case for scenario in worst] for case in cases]
        )

    def _entry(
        self,
        asset: str,
        held: Plain,
        result_weight: int,
        required_weight: int,
        scenario: Scenario | None,
        kind: Kind,
    ) -> tuple[Plain, list[Term]]:
        """Return one underlying's part of a row. `result_weight` is for N, in basis points."""
        its, charge = self._its[asset], self._charges[asset]
        scale_bps = self._risk.initial_scale_bps if kind is Kind.INITIAL else BPS
        move = scenario.moves[asset] if scenario is not None else 0
        cover = required_weight * scale_bps * scenario.cover_bps if scenario is not None else 0
        loss = cover * self._scan_bps * BPS
        added = required_weight * scale_bps * self._scan_bps * BPS * MOVE
        moved = (its.size * loss + self._collateral(asset, kind) * cover) * move

        def plain(price_wad: int) -> int:
            total = held(price_wad) + moved * price_wad
            if result_weight:
                total += its.result(price_wad) * result_weight * FINE
            return total - charge(price_wad) * added if added else total

        mark = result_weight * BPS**2 * BPS
        if self._as_read:
            terms = its.options.terms(mark - loss, mark - loss)
        else:
            terms = its.marks.terms(mark // BPS, mark // BPS) + its.options.terms(-loss, -loss)
        if scenario is not None:
            terms += its.options.terms(loss, loss, move, scenario.shock)
        return plain, terms

    def _collateral(self, asset: str, kind: Kind) -> int:
        """Return the weighted collateral that moves with an underlying, times `BPS` squared."""
        curve = self._curves.get(asset)
        if curve is None or not self._risk.collateral_moves:
            return 0
        if kind is Kind.MAINTENANCE:
            return curve.assets - curve.owed
        return curve.initial_assets - curve.initial_owed


def _nothing(_: int) -> int:
    return 0
