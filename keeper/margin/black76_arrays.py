"""Option prices and Greeks by Black (1976) over arrays of doubles: for scans and for what people read.

The formulas and units are those of `keeper.margin.black76`, which decides; here a volatility is a fraction
per year and a tenor is in years. Arguments broadcast. At or after expiry an option is what exercise gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Floats: TypeAlias = npt.NDArray[np.float64]

_LEAST = 1e-12
_INVERSE_ROOT_2_PI = 0.3989422804014327


@dataclass(frozen=True, slots=True)
class Greeks:
    """A price and its derivatives, for one contract held.

    `delta` and `gamma` are in the forward, `vega` is for a volatility of one (100 %), `theta` for one year that
    passes.
    """

    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    theta: Floats


def prices(
    is_call: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    volatility: npt.ArrayLike,
    tenor: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Floats:
    """Return prices, in the unit of forward and strike."""
    sign = np.where(is_call, 1.0, -1.0)
    forward, strike = np.asarray(forward, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    deviation, d1 = _d1(forward, strike, volatility, tenor)
    value = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))
    exercised = np.maximum(sign * (forward - strike), 0.0)
    discount = np.exp(-np.asarray(rate) * np.maximum(tenor, 0.0))
    found: Floats = discount * np.where(deviation > _LEAST, np.maximum(value, exercised), exercised)
    return found


def greeks(
    is_call: npt.ArrayLike,
    forward: npt.ArrayLike,
    strike: npt.ArrayLike,
    volatility: npt.ArrayLike,
    tenor: npt.ArrayLike,
    rate: npt.ArrayLike = 0.0,
) -> Greeks:
    """Return prices and Greeks. At or after expiry only delta is not zero, and only in the money."""
    call = np.asarray(is_call, dtype=np.bool_)
    forward, strike = np.asarray(forward, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    years = np.maximum(np.asarray(tenor, dtype=np.float64), 0.0)
    deviation, d1 = _d1(forward, strike, volatility, tenor)
    alive = deviation > _LEAST
    price = prices(call, forward, strike, volatility, tenor, rate)
    discount = np.exp(-np.asarray(rate) * years)
    density = discount * _INVERSE_ROOT_2_PI * np.exp(-0.5 * d1 * d1) * alive
    share = np.where(alive, ndtr(d1), (forward > strike) * 1.0)
    spread = np.where(alive, deviation, 1.0)
    root = np.sqrt(np.where(alive, years, 1.0))
    vega = forward * density * root
    return Greeks(
        price,
        discount * (share - np.where(call, 0.0, 1.0)),
        density / (forward * spread),
        vega,
        np.where(alive, np.asarray(rate) * price - vega * np.asarray(volatility) / (2.0 * root * root), 0.0),
    )


def _d1(
    forward: Floats, strike: Floats, volatility: npt.ArrayLike, tenor: npt.ArrayLike
) -> tuple[Floats, Floats]:
    deviation = np.asarray(volatility) * np.sqrt(np.maximum(tenor, 0.0))
    spread = np.where(deviation > _LEAST, deviation, 1.0)
    moneyness = np.log(np.maximum(forward, np.finfo(np.float64).tiny) / strike)
    return deviation, moneyness / spread + spread / 2
