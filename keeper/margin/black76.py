"""Option prices by Black (1976) in integers, rounded to either side: what decides about options.

    d1 = ln(F / K) / v + v / 2      d2 = d1 - v      v = volatility * sqrt(years)
    call = D (F N(d1) - K N(d2))    put = call - D (F - K)      D = exp(-rate * years)

with F the forward, which is the index price here. A price rises with v, a call's with F, a put's falls with
F, and both are convex in F: that is what bounds over intervals rest on (`keeper.margin.surface`). F and K
may carry any common factor; so does the price. A year has 365 days, as on the option desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from config.units import BPS
from keeper.margin.fixed_point import BITS, ONE, exp, ln_ratio, normal_cdf, root

YEAR_S = 31_536_000
SLOPE_ONE = 1 << 64
"""Slopes are scaled by this."""

_LEAST_DEVIATION = ONE >> 30
_FAR_MONEYNESS = 16
_RATIO_BITS = 60
_ERROR_BITS = 74


@dataclass(frozen=True, slots=True)
class Bounds:
    """A price and its slope in F (times `SLOPE_ONE`), each between two integers."""

    low: int
    high: int
    slope_low: int
    slope_high: int


def deviation(volatility: int, one: int, tenor_s: int) -> int:
    """Return volatility / one * sqrt(years), times `ONE`, within 2 units; zero at or after expiry."""
    if tenor_s <= 0 or volatility <= 0:
        return 0
    return root(volatility * volatility * tenor_s, one * one * YEAR_S)


def discount(rate_bps: int, tenor_s: int) -> int:
    """Return exp(-rate * years) times `ONE`, within 65 units."""
    if rate_bps == 0 or tenor_s <= 0:
        return ONE
    return exp(-((rate_bps * tenor_s << BITS) // (BPS * YEAR_S)))


@lru_cache(maxsize=1 << 17)
def bounds(*, is_call: bool, forward: int, strike: int, its_deviation: int, discounted: int) -> Bounds:
    """Return the price of one contract, in the unit of F and K, and its slope.

    Off by at most (F + K) * 2**-74 and two units to either side, the slope by 2**-62. For ln(F / K) and v are
    known within 128 u and 2 u, u = 2**-112, and d1 is cut off beyond 16 deviations of moneyness, so d1 and d2
    are within (128 + 16 * 2) u / v + 4 u, under 2**-74 where v is at least 2**-30. N is never steeper than 0.4 and itself
    within 2**-100. With a smaller v the price is between what exercise gives and 0.4 K v more, the most that
    time value can be, and the slope that of what exercise gives; so it is where F and K are far apart.
    """
    wide = abs(forward.bit_length() - strike.bit_length()) > _RATIO_BITS
    if its_deviation < _LEAST_DEVIATION or wide:
        # What is paid for time is most at the money: K (2 N(v / 2) - 1), and 2 N(x) - 1 <= 0.8 x.
        time_value = (2 * strike * its_deviation >> BITS) // 5 + 3 if its_deviation else 0
        return _exercised(is_call, forward, strike, discounted, time_value)
    moneyness = ln_ratio(forward, strike)
    if abs(moneyness) > _FAR_MONEYNESS * its_deviation + (its_deviation * its_deviation >> BITS):
        return _exercised(is_call, forward, strike, discounted, (forward + strike >> _ERROR_BITS) + 1)
    d1 = (moneyness << BITS) // its_deviation + (its_deviation >> 1)
    share, paid = normal_cdf(d1), normal_cdf(d1 - its_deviation)
    if not is_call:
        share, paid = share - ONE, paid - ONE
    value = (forward * share - strike * paid) * discounted >> 2 * BITS
    error = (forward + strike >> _ERROR_BITS) + 2
    slope = share * discounted >> 2 * BITS - 64
    return Bounds(max(value - error, 0), max(value, 0) + error, slope - 4, slope + 4)


def _exercised(is_call: bool, forward: int, strike: int, discounted: int, time_value: int) -> Bounds:
    """Return the bounds of an option worth at most `time_value` more than exercise would give, and that one's slope."""
    intrinsic = max(forward - strike if is_call else strike - forward, 0)
    low = intrinsic * discounted >> BITS
    error = 0 if discounted == ONE else (forward + strike >> _ERROR_BITS) + 2
    high = min(low + time_value, forward if is_call else strike) + error
    ends = (0, SLOPE_ONE) if is_call else (-SLOPE_ONE, 0)
    if forward == strike:
        return Bounds(max(low - error, 0), high, *ends)
    slope = ends[forward > strike] * discounted >> BITS
    return Bounds(max(low - error, 0), high, slope - bool(error), slope + bool(error))
