"""How assets move together: estimated with shrinkage, and what if they all move as one.

A sample correlation of many assets over few returns is mostly noise; shrinking it towards no correlation is better
than either (Ledoit and Wolf, Journal of Multivariate Analysis 88, 2004; Chen, Wiesel, Eldar and Hero, IEEE
Transactions on Signal Processing 58, 2010). For forecasts the estimate is used as it is. For what is asked under
stress the correlation of a crash, one, stands beside it, and the worse of the two counts: an
estimate must not be credited to an account that hedges one asset with another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keeper.risk.arrays import Floats
from keeper.risk.history import History
from keeper.risk.volatility import FEWEST_RETURNS, ewma_variance

ASSUMED = 0.5
LARGEST = 0.999
"""No estimate says that two assets are one."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlations of logarithmic returns: `calm` as estimated, `stress` that of a crash. Both are valid matrices."""

    assets: tuple[str, ...]
    calm: Floats
    stress: Floats


def correlation(
    history: History,
    half_life_s: float,
    assumed: Floats | None = None,
    *,
    oracle_approximating: bool = False,
) -> Correlation:
    """Return the correlations of a history, and what is assumed (a half) of all pairs of which it does not tell.

    Returns are divided by their own volatility of the moment first, so that one wild hour does not
    decide. `oracle_approximating` takes the shrinkage of Chen et al. for that of Ledoit and Wolf.
    """
    count = len(history.assets)
    stress, covered = np.ones((count, count)), np.flatnonzero(history.covered)
    found = _assumed(count) if assumed is None else assumed.copy()
    if len(covered) < 2 or len(history) < max(FEWEST_RETURNS, 2 * len(covered)):
        return Correlation(history.assets, valid(found), stress)
    from sklearn.covariance import OAS, LedoitWolf

    returns = history.returns[:, covered]
    size = np.sqrt(ewma_variance(returns, half_life_s / history.step_s))
    standard = np.divide(returns, size, out=np.zeros_like(size), where=size > 0)
    estimator = OAS(assume_centered=True) if oracle_approximating else LedoitWolf(assume_centered=True)
    shrunk = np.asarray(estimator.fit(standard).covariance_, dtype=np.float64)
    spread = np.sqrt(np.diag(shrunk))
    spread[spread == 0] = 1.0
    found[np.ix_(covered, covered)] = shrunk / np.outer(spread, spread)
    return Correlation(history.assets, valid(found), stress)


def clamped(calm: Floats, least: Floats, most: Floats) -> Floats:
    """Return correlations held between two others, element by element, and valid again."""
    return valid(np.minimum(np.maximum(calm, least), most))


def valid(matrix: Floats) -> Floats:
    """Return the correlation matrix next to one that need not be any: negative eigenvalues cut, ones on the diagonal.

    Rebonato and Jaeckel, "The most general methodology to create a valid correlation matrix", 1999.
    """
    held = np.clip((matrix + matrix.T) / 2, -LARGEST, LARGEST)
    np.fill_diagonal(held, 1.0)
    values, vectors = np.linalg.eigh(held)
    if values[0] >= 0:
        return held
    whole = (vectors * np.maximum(values, 0.0)) @ vectors.T
    size = np.sqrt(np.diag(whole))
    found: Floats = whole / np.outer(size, size)
    np.fill_diagonal(found, 1.0)
    return found


def covariance(matrix: Floats, volatility: Floats, horizon_years: float) -> Floats:
    """Return the covariance over a horizon of logarithmic prices with these volatilities per year."""
    found: Floats = matrix * np.outer(volatility, volatility) * horizon_years
    return found


def _assumed(count: int) -> Floats:
    found = np.full((count, count), ASSUMED)
    np.fill_diagonal(found, 1.0)
    return found
