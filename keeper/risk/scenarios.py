"""Paths that prices may take: drawn from history's own moves, or from a normal distribution where there is too little.

Filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper, Journal of Futures Markets 19, 1999): past
returns are divided by the volatility of their moment and multiplied by today's. Whole rows are drawn, so that what
moved together moves together, with tails as fat as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keeper.risk.arrays import Floats
from keeper.risk.history import History
from keeper.risk.volatility import ewma_variance

FEWEST_BLOCKS = 100
"""Of moves as long as a step, which must fit into the history; with fewer, moves are normal."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Prices by (path, moment, asset), the first moment being now. `years` is the length of one step.

    `covariance` is that of one step, for what happens between two moments. `filtered` says whether they come from
    history.
    """

    assets: tuple[str, ...]
    prices: Floats
    covariance: Floats
    years: float
    filtered: bool

    @property
    def ends(self) -> Floats:
        """The prices at the horizon, as scenarios for `Exposures`."""
        return self.prices[None, :, -1, :]


def draw(
    prices: Floats,
    step_covariance: Floats,
    years: float,
    steps: int,
    count: int,
    seed: int,
    history: History,
    half_life_s: float,
) -> Paths:
    """Return `count` paths of `steps` steps from `prices`, the same for the same seed.

    Every other path is the mirror image of the one before where moves are normal, which halves the noise of means.
    """
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(step_covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    moves = _historical(history, years, half_life_s)
    if moves is None:
        half = rng.standard_normal((-(-count // 2), steps, len(prices)))
        normal = np.stack([half, -half], axis=1).reshape(-1, steps, len(prices))[:count]
        returns = normal @ root.T
    else:
        spread = np.sqrt(np.diag(step_covariance))
        drawn = moves[rng.integers(0, len(moves), size=(count, steps))]
        unknown = ~history.covered
        drawn[:, :, unknown] = rng.standard_normal((count, steps, int(unknown.sum())))
        returns = drawn * spread
    drift = -0.5 * np.diag(step_covariance)
    logs = np.concatenate([np.zeros((count, 1, len(prices))), np.cumsum(returns + drift, axis=1)], axis=1)
    return Paths(history.assets, prices * np.exp(logs), step_covariance, years, moves is not None)


def _historical(history: History, years: float, half_life_s: float) -> Floats | None:
    """Return past moves as long as a step, each asset's of variance one and mean zero; None if there are too few.

    Of an asset without history they are nothing that means anything.
    """
    block = max(1, round(years * 365 * 86_400 / history.step_s))
    if len(history) < FEWEST_BLOCKS * block:
        return None
    returns = np.where(history.covered, history.returns, 0.0)
    variance = ewma_variance(returns, half_life_s / history.step_s)
    # Each return by the volatility before it: by one that it is part of, no return would ever be large.
    size = np.sqrt(np.concatenate([variance[:1], variance[:-1]]))
    residual = np.divide(returns, size, out=np.zeros_like(size), where=size > 0)[block:]
    summed = np.cumsum(np.concatenate([np.zeros((1, residual.shape[1])), residual]), axis=0)
    moves = summed[block:] - summed[:-block]
    moves -= moves.mean(axis=0)
    spread = moves.std(axis=0)
    found: Floats = np.divide(moves, spread, out=np.zeros_like(moves), where=spread > 0)
    return found
