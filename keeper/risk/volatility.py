"""How much each asset moves: weighted averages that rise fast and fall slowly, and what else has been made of them.

The figure used is the largest of a fast average, a slow one and the floor, so that it follows a rise at once and
forgets it slowly (against procyclical margins; EMIR's technical standards 153/2013, article 28, ask for
such a buffer). The averages are J.P. Morgan's RiskMetrics (1996) by half-lives. The robust measure beside them is by
medians of neighbouring returns (Andersen, Dobrev and Schaumburg, "A robust neighborhood truncation approach",
Econometric Theory 30, 2014), of five, since a bad print makes two large returns, there and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from keeper.risk.arrays import Floats
from keeper.risk.history import History

YEAR_S = 365 * 86_400.0
FEWEST_RETURNS = 30
"""Below as many returns nothing is estimated, and what is assumed counts."""
_MEDIAN_OF_FIVE = 1.6235967205469137
"""One over the mean square of the median of five absolute normal variables."""


@dataclass(frozen=True, slots=True)
class VolatilityTerms:
    """How volatility is measured: half-lives, what is assumed without history, and by asset the bounds of any answer.

    Volatilities are fractions per year. `assumed_of` are assumptions of single assets, before `assumed`. `given` are
    an operator's own, by asset: nothing is measured for them.
    """

    fast_half_life_s: float = 3_600.0
    slow_half_life_s: float = 86_400.0
    assumed: float = 1.0
    assumed_of: Mapping[str, float] | None = None
    bounds: Mapping[str, tuple[float, float]] | None = None
    given: Mapping[str, float] | None = None

    def bounded(self, asset: str, measured: float) -> float:
        """Return a volatility within the asset's bounds."""
        low, high = (self.bounds or {}).get(asset, (0.0, np.inf))
        return min(max(measured, low), high)


@dataclass(frozen=True, slots=True)
class Volatility:
    """One asset's volatility, per year: what is used, and what was measured (None with too little history)."""

    asset: str
    used: float
    fast: float | None
    slow: float | None
    robust: float | None
    returns: int


def volatilities(history: History, terms: VolatilityTerms) -> dict[str, Volatility]:
    """Return the volatility of each asset of the history."""
    found: dict[str, Volatility] = {}
    for at, asset in enumerate(history.assets):
        its = history.returns[:, at] if history.covered[at] else np.empty(0)
        given = (terms.given or {}).get(asset)
        if len(its) < FEWEST_RETURNS:
            assumed = (terms.assumed_of or {}).get(asset, terms.assumed)
            used = given if given is not None else terms.bounded(asset, assumed)
            found[asset] = Volatility(asset, used, None, None, None, len(its))
            continue
        fast = annual(ewma_variance(its, terms.fast_half_life_s / history.step_s)[-1], history.step_s)
        slow = annual(ewma_variance(its, terms.slow_half_life_s / history.step_s)[-1], history.step_s)
        robust = annual(median_variance(its), history.step_s)
        used = given if given is not None else terms.bounded(asset, max(fast, slow))
        found[asset] = Volatility(asset, used, fast, slow, robust, len(its))
    return found


def ewma_variance(returns: Floats, half_life: float) -> Floats:
    """Return, for every moment, the weighted mean square of the returns up to it; weights halve in `half_life` steps.

    The weights are divided by their sum, so that the first values are means of what there is and not too small.
    Works on one column or on many.
    """
    left = 2.0 ** (-1.0 / half_life)
    weights = (1.0 - left ** np.arange(1, len(returns) + 1)) / (1.0 - left)
    total = lfilter([1.0], [1.0, -left], returns * returns, axis=0)
    found: Floats = total / weights.reshape(-1, *[1] * (returns.ndim - 1))
    return found


def median_variance(returns: Floats) -> float:
    """Return the variance per step by medians of five neighbours. Two wild returns in five count for nothing."""
    size = np.abs(returns)
    fives = np.sort(np.lib.stride_tricks.sliding_window_view(size, 5), axis=1)
    return float(_MEDIAN_OF_FIVE * np.mean(fives[:, 2] ** 2))


def annual(variance: float, step_s: float) -> float:
    """Return the volatility per year of a variance per step."""
    return float(np.sqrt(variance * YEAR_S / step_s))


def horizon_variance(returns: Floats, steps: int, *, asymmetric: bool = True) -> float | None:
    """Return the variance of the sum of the next `steps` returns by a GARCH model with Student's t, or None.

    GARCH(1,1), or with `asymmetric` GJR's, in which falls raise it more (Glosten, Jagannathan and
    Runkle, Journal of Finance 48, 1993). None where there is too little history or the fit does not converge.
    """
    if len(returns) < 10 * FEWEST_RETURNS or not np.any(returns):
        return None
    from arch import arch_model

    scale = 1.0 / float(np.std(returns))
    model = arch_model(
        returns * scale, mean="Zero", vol="GARCH", p=1, o=int(asymmetric), q=1, dist="t", rescale=False
    )
    fitted = model.fit(disp="off", show_warning=False)
    if fitted.convergence_flag != 0:
        return None
    ahead = fitted.forecast(horizon=steps, reindex=False).variance.to_numpy()[-1]
    total = float(ahead.sum()) / scale**2
    return total if np.isfinite(total) and total > 0 else None
