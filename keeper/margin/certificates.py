"""Certificates: how far prices, volatilities and time may move before a curved account could be in another state.

An account with options, or under scenarios, has no slopes that a table could hold, but it has bounds of them. With H
the highest health that is compared, m the farthest move of a scenario and C its cover, any figure A - h R with h <= H,
and net liquidation value, moves

- with an underlying's price by at most its tokens, perpetuals and options each at full size (no option is steeper
  than one), what they require at its steepest, and under scenarios C times each position's loss as steeply;
- with a volatility by at most 0.4 F sqrt(T) per option, since F n(d1) sqrt(T) is its vega and n <= 0.4;
- with time by at most 0.4 F s (sqrt(T) - sqrt(T')) per option, since F n(d1) is its slope in s sqrt(T), and by what
  its discount comes to. No option may expire meanwhile.

What is computed is a bound over a box. Anywhere in it the figure is within L W of its extremes, W being the box's
widths and L the bounds above; chords, tangents and opposite volatilities add no more than that again. So a
computed figure moves by at most L (drift + 2 W), W the wider of both boxes. Doubles are used, with room for
their rounding: a certificate decides nothing but that nothing need be decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, sqrt

from config.portfolio_settings import ModelName
from config.risk_settings import LiquidateWhen
from config.units import BPS, WAD
from keeper.domain.account import Account, OptionPosition
from keeper.domain.health import AccountState, UnifiedHealth
from keeper.margin.black76 import YEAR_S
from keeper.margin.evidence import LegAge, ages_of, assets_of, boxes, time_of
from keeper.margin.exposure import exposures
from keeper.margin.model import UNITS
from keeper.margin.parameters import OptionMarketRisk, RiskPolicy
from keeper.margin.scenarios import MOVE, scenarios
from keeper.margin.states import CALLED
from keeper.margin.valuation import Box
from oracles.price import Price

REACH = 0.25
"""How far, as part of what it was, a price or a volatility may go under any certificate: the bounds assume it."""
HORIZONS_S = (86_400, 21_600, 3_600, 900, 120)
"""For how long a certificate may hold: the longest that takes no more than a part of the slack."""
TIME_PART = 0.25

_STEEPEST = 0.4
_DAY_S = 86_400
_REFERENCE_TENOR_S = 30 * _DAY_S
_ROUNDING = 1e-8
_FARTHEST_STRIKE = 1e6
_CERTIFIED = frozenset({AccountState.HEALTHY, AccountState.MARGIN_CALL})
"""At risk the surplus is on both sides of zero, so that one of its ends is nearer to zero than the bounds leave room."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Nothing changes while drifts times `slopes` come to less than `slack`, USD, between two times.

    Of a drift, see `keeper.margin.certified`. `reach` is how far each asset's ends may go at all.
    """

    state: AccountState
    slack: float
    slopes: Mapping[str, float]
    reach: Mapping[str, float]
    boxes: Mapping[str, Box]
    from_s: float
    until_s: float


def certificate(
    account: Account,
    state: AccountState,
    health: UnifiedHealth,
    prices: Mapping[str, Price],
    policy: RiskPolicy,
) -> Certificate | None:
    """Return what the exact figures allow for, or None: then the account is to be looked at each time.

    `health` must be what `evaluate` says of `account` at `prices`, and `state` what follows.
    """
    uncertain = health.unknown_because or any(
        leg.claims or leg.unreadable or any(option.settlement_wad is not None for option in leg.options)
        for leg in account.legs
    )
    if uncertain or account.unfinal or state not in _CERTIFIED:
        return None
    ages = ages_of([leg.chain for leg in account.legs if not leg.is_empty], health.cut, policy)
    known, unpriced = boxes(assets_of(account, policy), prices)
    timeless, at_s = not any(leg.options for leg in account.legs), time_of(health.cut)
    if unpriced or any(age is not LegAge.FRESH for age in ages.values()) or at_s is None:
        return None
    terms = _terms(account, policy, at_s)
    for horizon_s in HORIZONS_S:
        bounds = _bounds(account, known, terms, at_s, horizon_s)
        if bounds is None:
            continue
        slack = _slack(state, health, policy, bounds) - bounds.uncertain()
        if slack <= 0:
            return None
        if bounds.over_time <= TIME_PART * slack:
            return Certificate(
                state,
                slack - bounds.over_time,
                bounds.slopes,
                bounds.reach,
                known,
                -inf if timeless else at_s,
                inf if timeless else at_s + horizon_s,
            )
    return None


@dataclass(slots=True)
class _Bounds:
    """By asset, how fast any figure moves at most, USD; and what all that was added up comes to."""

    boxes: Mapping[str, Box]
    slopes: dict[str, float] = field(default_factory=dict)
    reach: dict[str, float] = field(default_factory=dict)
    gross: float = 0.0
    over_time: float = 0.0

    def add(self, asset: str, slope: float, away: float = 0.0) -> None:
        """Add a term of that slope in an asset's price, and of a constant that belongs to it."""
        high = self.boxes[asset].high_wad / WAD
        self.slopes[asset] = self.slopes.get(asset, 0.0) + slope
        self.reach.setdefault(asset, REACH * high)
        self.gross += slope * (high + away)

    def over_the_box(self) -> float:
        """Return how far a figure may be from any other within the boxes."""
        return sum(
            slope * (self.boxes[asset].high_wad - self.boxes[asset].low_wad) / WAD
            for asset, slope in self.slopes.items()
        )

    def uncertain(self) -> float:
        """Return what a computed figure may be off the true one, and doubles off it."""
        return 2 * self.over_the_box() + _ROUNDING * (1 + self.gross)


def _slack(state: AccountState, health: UnifiedHealth, policy: RiskPolicy, bounds: _Bounds) -> float:
    """Return how far the nearest figure is from what the state table compares it with, USD."""
    surplus = health.surplus
    deciding = surplus.high if policy.liquidate_when is LiquidateWhen.CERTAIN else surplus.mid
    figures = [health.equity.high / WAD, deciding / WAD, surplus.low / WAD]
    if health.health is not None:
        called = state in CALLED
        threshold = policy.margin_call_clear_health_wad if called else policy.margin_call_health_wad
        ahead = (health.health.low - threshold) / WAD
        # A - h R is zero at the health, so at the threshold it is (health - threshold) R
        least_required = max(health.requirement_mid / WAD - bounds.over_the_box(), 0.0)
        figures.append((-ahead if called else ahead) * least_required)
    return min(figures)


def _bounds(
    account: Account, known: Mapping[str, Box], terms: _Standard, at_s: int, horizon_s: int
) -> _Bounds | None:
    """Return the bounds for figures within the horizon; None if something happens before it ends."""
    bounds, highest = _Bounds(known), _highest_health(terms.policy)
    for asset, amount in _tokens(account, terms.policy):
        bounds.add(asset, amount * highest)
    for leg in account.legs:
        for position in leg.positions:
            size, entry = abs(position.size_wad) / WAD, position.entry_price_wad / WAD
            bounds.add(
                position.asset, size * highest * terms.perpetual(position.asset, position.market), entry
            )
        for option in leg.options:
            if not _add_option(bounds, option, terms, highest, at_s, horizon_s):
                return None
    for asset, slope in terms.added.items():
        bounds.add(asset, slope * highest)
    return bounds


def _add_option(
    bounds: _Bounds, option: OptionPosition, terms: _Standard, highest: float, at_s: int, horizon_s: int
) -> bool:
    """Add one option; False if the bounds do not hold for it until the horizon."""
    market = terms.policy.option_markets[option.market]
    size, strike = abs(option.size_wad) / WAD, option.strike_wad / WAD
    box, its_volatility = bounds.boxes[option.asset], bounds.boxes[market.volatility]
    forward = box.high_wad / WAD
    if not 1 / _FARTHEST_STRIKE < strike / forward < _FARTHEST_STRIKE or box.low_wad <= 0:
        return False
    bounds.add(option.asset, size * highest * terms.option(option, market), strike)
    tenor_s = max(option.expiry_s - at_s, 0)
    after_s = tenor_s - horizon_s
    if tenor_s and (after_s < 1 or (terms.is_shocked_by_tenor and after_s < _DAY_S < tenor_s)):
        return False
    forward *= 1 + REACH
    volatility = its_volatility.high_wad / WAD
    if not tenor_s:
        bounds.add(market.volatility, 0.0)
        return True
    before, after = tenor_s / YEAR_S, after_s / YEAR_S
    steep = size * highest * _STEEPEST * forward
    roots = sqrt(before), sqrt(after)
    shocks = terms.shock(tenor_s) * roots[0], terms.shock(after_s) * roots[1]
    bounds.add(market.volatility, steep * (terms.marks * roots[0] + terms.moved * (roots[0] + max(shocks))))
    passed = terms.marks * (roots[0] - roots[1]) + terms.moved * (
        roots[0] - roots[1] + abs(shocks[0] - shocks[1])
    )
    bounds.over_time += steep * volatility * (1 + REACH) * passed
    rate = market.rate_bps / BPS * (before - after)
    bounds.over_time += size * highest * (terms.marks + terms.moved) * (forward + strike) * rate
    return True


class _Standard:
    """How steep each position counts where each is by itself. `marks` and `moved` are how often an option counts.

    It counts as it is, and, under scenarios, after their moves and shocks.
    """

    def __init__(self, policy: RiskPolicy) -> None:
        self.policy = policy
        self.marks, self.moved = 1.0, 0.0
        self.added: dict[str, float] = {}
        self.is_shocked_by_tenor = False

    def perpetual(self, asset: str, market: str) -> float:
        del asset
        return 1 + max(tier.maintenance_bps for tier in self.policy.markets[market].tiers) / BPS

    def option(self, option: OptionPosition, market: OptionMarketRisk) -> float:
        if option.size_wad > 0:
            return 1.0
        return 2 + max(market.short_maintenance_bps, market.least_short_maintenance_bps) / BPS

    def shock(self, tenor_s: int) -> float:
        """Return what is added to a volatility at most, as part of itself."""
        del tenor_s
        return 0.0


class _Portfolio(_Standard):
    """How steep each position counts under scenarios, and what is added to the worst."""

    def __init__(self, account: Account, policy: RiskPolicy, at_s: int) -> None:
        super().__init__(policy)
        self._risk = policy.portfolio
        exposed = exposures(account, self._risk, at_s)
        its = scenarios(list(exposed), self._risk)
        self._cover = max((each.cover_bps for each in its), default=0) / BPS
        self._farthest = {
            asset: max((abs(each.moves[asset]) for each in its), default=0) / MOVE for asset in exposed
        }
        self.is_shocked_by_tenor = bool(self._risk.volatility_term_bps)
        farthest = max(self._farthest.values(), default=0.0)
        self.marks, self.moved = 1 + self._cover, self._cover * (1 + farthest)
        for asset, exposure in exposed.items():
            charged = exposure.flat + abs(exposure.size) * sum(bps for _, bps in exposure.steps)
            self.added[asset] = charged / (UNITS * BPS)
        if self._risk.collateral_moves:
            for asset, amount in _tokens(account, policy):
                if asset in exposed:
                    self.added[asset] += amount * self._cover * self._farthest[asset]

    def perpetual(self, asset: str, market: str) -> float:
        del market
        return 1 + self._cover * self._farthest[asset]

    def option(self, option: OptionPosition, market: OptionMarketRisk) -> float:
        del market
        return 1 + self._cover * (2 + self._farthest[option.asset])

    def shock(self, tenor_s: int) -> float:
        if tenor_s <= 0:
            return 0.0
        risk = self._risk
        farther: float = (_REFERENCE_TENOR_S / max(tenor_s, _DAY_S)) ** (risk.volatility_term_bps / BPS)
        return max(risk.volatility_up_bps, risk.volatility_down_bps) / BPS * farther


def _terms(account: Account, policy: RiskPolicy, at_s: int) -> _Standard:
    if policy.model_of(account.subaccount) is ModelName.PORTFOLIO:
        return _Portfolio(account, policy, at_s)
    return _Standard(policy)


def _tokens(account: Account, policy: RiskPolicy) -> Iterable[tuple[str, float]]:
    for leg in account.legs:
        for token in leg.collateral:
            yield token.asset, token.amount / 10**token.decimals
        if leg.debt is not None:
            weight = max(policy.assets[leg.debt.asset].liability_weight_bps / BPS, 1)
            yield leg.debt.asset, leg.debt.amount / 10**leg.debt.decimals * weight


def _highest_health(policy: RiskPolicy) -> float:
    thresholds = policy.margin_call_health_wad, policy.margin_call_clear_health_wad, WAD
    return max(thresholds) / WAD * max(policy.gain_weight_bps / BPS, 1)
