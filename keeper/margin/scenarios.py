"""The scenarios of the portfolio model: how every underlying and its volatility move together.

Prices move in equal steps to either end of each underlying's range, with volatility up and down; two
extremes follow, of whose loss a part is covered (the sixteen of SPAN, CME), and the tails of the policy.
How several underlyings move is not known, so each step is tried in every manner below, and the worst counts:

- all the same way, each by its own share of its range (a correlation of one);
- one as far as it goes, the others by what their correlation with it lets expect;
- one against the others, each by sqrt((1 - correlation) / 2) of its share: for two assets that is the
  adverse axis of the ellipse that their covariance draws, whose other axis the first manner exceeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt

from config.portfolio_settings import VolatilityShock
from config.units import BPS
from keeper.margin.fixed_point import BITS, ONE, exp, ln_ratio
from keeper.margin.portfolio_parameters import PortfolioRisk

MOVE = 10**8
"""Moves are parts in this of a price, rounded to the nearest."""

_DAY_S = 86_400
_REFERENCE_TENOR_S = 30 * _DAY_S
_LEAST_VOLATILITY = MOVE // 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """The move of each underlying, what volatility does, and the part of the loss that is covered."""

    moves: Mapping[str, int]
    shock: VolatilityShock
    cover_bps: int


def scenarios(underlyings: Sequence[str], risk: PortfolioRisk) -> list[Scenario]:
    """Return every scenario for positions in `underlyings`, each once."""
    manners = _manners(sorted(set(underlyings)), risk)
    found: dict[tuple[tuple[int, ...], VolatilityShock, int], Scenario] = {}
    for share, unit, shock, cover_bps in _steps(risk):
        for manner in manners:
            moves = {asset: _move(share * part, unit * MOVE) for asset, part in manner.items()}
            found.setdefault((tuple(moves.values()), shock, cover_bps), Scenario(moves, shock, cover_bps))
    for tail in risk.tails:
        moves = dict.fromkeys(sorted(set(underlyings)), tail.move_bps * (MOVE // BPS))
        key = (tuple(moves.values()), tail.shock, tail.cover_bps)
        found.setdefault(key, Scenario(moves, tail.shock, tail.cover_bps))
    return list(found.values())


def shocked_volatility(risk: PortfolioRisk, shock: VolatilityShock, tenor_s: int) -> int:
    """Return what the volatility of an option of this tenor becomes, in parts of `MOVE`, rounded to the nearest."""
    if shock is VolatilityShock.NONE:
        return MOVE
    up = shock is VolatilityShock.UP
    part = (risk.volatility_up_bps if up else risk.volatility_down_bps) * (MOVE // BPS)
    if risk.volatility_term_bps:
        power = ln_ratio(_REFERENCE_TENOR_S, max(tenor_s, _DAY_S)) * risk.volatility_term_bps // BPS
        times = exp(power) if power <= 0 else (ONE << BITS) // exp(-power)
        part = (part * times + ONE // 2) >> BITS
    return MOVE + part if up else max(MOVE - part, _LEAST_VOLATILITY)


def _steps(risk: PortfolioRisk) -> Iterator[tuple[int, int, VolatilityShock, int]]:
    """Yield (share, unit, shock, cover): a move of share / unit of the range."""
    both = (VolatilityShock.UP, VolatilityShock.DOWN)
    shocks = (VolatilityShock.UP, VolatilityShock.NONE, VolatilityShock.DOWN)
    for step in range(risk.price_steps + 1):
        for share in (step, -step) if step else (0,):
            for shock in shocks if risk.unshocked_volatility else both:
                yield share, risk.price_steps, shock, BPS
    if risk.extreme_cover_bps:
        for share in (risk.extreme_multiple_bps, -risk.extreme_multiple_bps):
            yield share, BPS, VolatilityShock.NONE, risk.extreme_cover_bps


def _manners(underlyings: Sequence[str], risk: PortfolioRisk) -> list[dict[str, int]]:
    """Return how far each underlying goes at a full step, in parts of `MOVE` times `MOVE`."""
    far = {asset: risk.underlying(asset).price_range_bps * (MOVE // BPS) for asset in underlyings}
    found = [{asset: MOVE * far[asset] for asset in underlyings}]
    for leading in underlyings if len(underlyings) > 1 else ():
        others = [asset for asset in underlyings if asset != leading]
        its = {asset: risk.correlation_bps(leading, asset) for asset in others}
        expected = {asset: its[asset] * (MOVE // BPS) * far[asset] for asset in others}
        found.append({leading: MOVE * far[leading], **expected})
        apart = {asset: isqrt((BPS - its[asset]) * MOVE * MOVE // (2 * BPS)) for asset in others}
        against = {asset: -apart[asset] * far[asset] for asset in others}
        found.append({leading: max(apart.values()) * far[leading], **against})
    return [{asset: manner[asset] for asset in underlyings} for manner in found]


def _move(top: int, bottom: int) -> int:
    """Return top / bottom rounded to the nearest, but never the whole price."""
    return max((2 * top + bottom) // (2 * bottom), 1 - MOVE)
