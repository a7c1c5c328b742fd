"""An account as one curve per asset: what it adds to assets, requirement and equity at a price.

Every term of the formula depends on the price of one asset only, and is linear in it
between kinks: the entry price of a position (gains count less than losses), the ends of size
tiers, and the price at which a token's balance covers the claims on it. So the extremes of a
sum over a box of prices are found asset by asset, at the box's ends and kinks, exactly.

Values here are exact: integers of USD wad times `SCALE`, large enough that no division is
needed before the result. A leg that is old is read with multipliers (`Multipliers`): the
same formula over more or less of its assets and liabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from config.units import BPS, mul_div_up
from keeper.domain.account import Account, Leg, OptionPosition, Position
from keeper.margin.model import STANDARD, UNITS, Charge, Kind, MarginModel
from keeper.margin.parameters import RiskPolicy

SCALE = UNITS * BPS * BPS


@dataclass(frozen=True, slots=True)
class Multipliers:
    """How much of a leg's assets and of its liabilities to count, in basis points of what was read."""

    assets_bps: int
    liabilities_bps: int


AS_READ = Multipliers(BPS, BPS)


@dataclass(frozen=True, slots=True)
class ClaimedToken:
    """A token's `amount` that pending claims of `claims` USD will be paid from, before anything counts."""

    amount: int
    claims: int
    weight_bps: int
    initial_weight_bps: int

    def value(self, price_wad: int) -> int:
        """Return what is left at a price, never below zero, unweighted."""
        return max(self.amount * price_wad - self.claims, 0)


@dataclass(frozen=True, slots=True)
class PositionTerm:
    """One position: signed `size`, entry, what it requires, and its leg's multipliers."""

    size: int
    entry_price_wad: int
    charge: Charge
    multipliers: Multipliers


@dataclass(slots=True)
class Curve:
    """One asset of one account. Coefficients are per wad of price."""

    gain_weight_bps: int
    assets: int = 0
    initial_assets: int = 0
    owed: int = 0
    initial_owed: int = 0
    held: int = 0
    debts: int = 0
    claimed: list[ClaimedToken] = field(default_factory=list)
    positions: list[PositionTerm] = field(default_factory=list)

    def margin(self, price_wad: int, kind: Kind) -> tuple[int, int]:
        """Return (weighted assets, requirement) at a price."""
        if kind is Kind.MAINTENANCE:
            assets, required = self.assets * price_wad, self.owed * price_wad
        else:
            assets, required = self.initial_assets * price_wad, self.initial_owed * price_wad
        for token in self.claimed:
            weight_bps = token.weight_bps if kind is Kind.MAINTENANCE else token.initial_weight_bps
            assets += token.value(price_wad) * weight_bps
        for position in self.positions:
            counts = position.multipliers
            result = position.size * (price_wad - position.entry_price_wad)
            if result > 0:
                assets += result * counts.assets_bps * self.gain_weight_bps
            else:
                required -= result * counts.liabilities_bps * BPS
            notional = abs(position.size) * price_wad
            required += position.charge.requirement(notional, kind) * counts.liabilities_bps
        return assets, required

    def position_requirement(self, price_wad: int) -> int:
        """Return what the positions alone require to be left open."""
        return sum(
            position.charge.requirement(abs(position.size) * price_wad, Kind.MAINTENANCE)
            * position.multipliers.liabilities_bps
            for position in self.positions
        )

    def equity(self, price_wad: int) -> int:
        """Return assets minus liabilities at a price, results of positions included, unweighted."""
        equity = (self.held - self.debts) * price_wad
        for token in self.claimed:
            equity += token.value(price_wad) * BPS
        for position in self.positions:
            counts = position.multipliers
            result = position.size * (price_wad - position.entry_price_wad)
            equity += result * BPS * (counts.assets_bps if result > 0 else counts.liabilities_bps)
        return equity

    def notional(self, price_wad: int) -> int:
        """Return the positions' absolute notional at a price."""
        return sum(abs(position.size) * price_wad for position in self.positions) * BPS * BPS

    def kinks(self) -> Iterator[int]:
        """Yield every price (rounded down) at which the curve bends."""
        for token in self.claimed:
            if token.amount:
                yield token.claims // token.amount
        for position in self.positions:
            yield position.entry_price_wad
            yield from position.charge.kinks(abs(position.size))

    def points(self, low_wad: int, high_wad: int) -> list[int]:
        """Return the prices of which some are the extremes over `low_wad..high_wad` of anything linear between kinks.

        A kink need not be a whole wad; both whole prices around it are taken, so that no whole price
        in the interval gives more or less than the best of these.
        """
        if low_wad == high_wad:
            return [low_wad]
        inside = {price for kink in self.kinks() for price in (kink, kink + 1) if low_wad < price < high_wad}
        return [low_wad, *sorted(inside), high_wad]


def curves(
    legs: Iterable[Leg],
    policy: RiskPolicy,
    multipliers: Mapping[str, Multipliers],
    model: MarginModel = STANDARD,
) -> dict[str, Curve]:
    """Return the curves of `legs` by asset. `multipliers` by chain; a chain that is not there counts as read.

    Raises ``KeyError`` for an asset or market the policy does not know (see `missing_parameters`).
    """
    found: dict[str, Curve] = {}
    for leg in legs:
        counts = multipliers.get(leg.chain, AS_READ)
        _add_tokens(found, leg, policy, counts)
        if leg.debt is not None:
            curve = _curve(found, leg.debt.asset, policy)
            owed = leg.debt.amount * 10 ** (36 - leg.debt.decimals) * counts.liabilities_bps
            risk = policy.assets[leg.debt.asset]
            curve.owed += owed * risk.liability_weight_bps
            curve.initial_owed += owed * risk.initial_liability_weight_bps
            curve.debts += owed * BPS
        for position in leg.positions:
            charge = model.charge(policy.markets[position.market].tiers)
            _curve(found, position.asset, policy).positions.append(
                PositionTerm(position.size_wad * 10**18, position.entry_price_wad, charge, counts)
            )
    return found


def missing_parameters(account: Account, policy: RiskPolicy) -> Iterator[str]:
    """Yield, a line each, what the account holds, or may again, that the policy has no parameters for."""
    for leg in account.possible_legs:
        if leg.is_empty:
            continue
        if leg.chain not in policy.chains:
            yield f"{leg.chain} is not a chain of the risk policy"
        for asset in _assets(leg):
            if asset not in policy.assets:
                yield f"{asset} on {leg.chain} has no risk parameters"
        for position in leg.positions:
            if _market_of(position, policy) is None:
                yield f"market {position.market} on {leg.chain} has no risk parameters"
        for option in leg.options:
            if _is_unknown(option, policy):
                yield f"option market {option.market} on {leg.chain} has no risk parameters"


def _is_unknown(option: OptionPosition, policy: RiskPolicy) -> bool:
    market = policy.option_markets.get(option.market)
    if market is None or market.asset != option.asset:
        return True
    return not {market.asset, market.volatility} <= policy.assets.keys()


def _market_of(position: Position, policy: RiskPolicy) -> str | None:
    market = policy.markets.get(position.market)
    return market.asset if market is not None and market.asset == position.asset else None


def _assets(leg: Leg) -> Iterator[str]:
    for token in leg.collateral:
        yield token.asset
    if leg.debt is not None:
        yield leg.debt.asset


def _add_tokens(found: dict[str, Curve], leg: Leg, policy: RiskPolicy, counts: Multipliers) -> None:
    for token in leg.collateral:
        curve = _curve(found, token.asset, policy)
        risk = policy.assets[token.asset]
        amount = token.amount * 10 ** (36 - token.decimals) * counts.assets_bps
        claims_wad = sum(
            mul_div_up(claim.value_wad, BPS + claim.penalty_bps, BPS)
            for claim in leg.claims
            if claim.token == token.token
        )
        if claims_wad:
            claimed = ClaimedToken(
                amount,
                claims_wad * UNITS * BPS,
                risk.collateral_weight_bps,
                risk.initial_collateral_weight_bps,
            )
            curve.claimed.append(claimed)
        else:
            curve.assets += amount * risk.collateral_weight_bps
            curve.initial_assets += amount * risk.initial_collateral_weight_bps
            curve.held += amount * BPS


def _curve(found: dict[str, Curve], asset: str, policy: RiskPolicy) -> Curve:
    curve = found.get(asset)
    if curve is None:
        curve = found[asset] = Curve(policy.gain_weight_bps)
    return curve
