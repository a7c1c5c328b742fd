"""Forecasts scored like a forecaster's: Brier score, reliability by bins, over many worlds of known dynamics."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from config.units import WAD
from keeper.risk.arrays import Floats
from keeper.risk.exposures import Exposures
from keeper.risk.history import History
from keeper.risk.monte_carlo import breaches
from keeper.risk.outlook import Figures, OutlookTerms, outlook
from keeper.risk.scenarios import Paths
from keeper.risk.volatility import VolatilityTerms
from keeper.risk.watched import Watched
from tests.keeper.margin.builders import POLICY, cut, price
from tests.keeper.risk.worlds import ASSETS, DAY_YEARS, NOW, mixed, spread, walk

EDGES = (0.0, 0.001, 0.01, 0.03, 0.07, 0.15, 0.3, 0.5, 0.75, 1.000001)
HISTORY_S, STEP_S = 3 * 86_400, 300.0
LOOKS = 288
HOW = VolatilityTerms(fast_half_life_s=86_400.0, slow_half_life_s=2 * 86_400.0)
"""The worlds' volatility is constant: to forget slowly is right in them, and the larger of two is little biased."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One account in one world: what was said, and whether it fell below within the day."""

    any_time: float
    at_the_end: float
    breached: bool


def forecasts(worlds: int, each: int, seed: int, simulate_most: int = 0, paths: int = 500) -> list[Scored]:
    """Return the forecasts on `each` accounts in `worlds` worlds, made from three days of prices, and the outcomes."""
    return [
        Scored(its.probability, its.at_the_end, bool(fell))
        for number in range(worlds)
        for its, fell in _world(np.random.default_rng((seed, number)), random.Random(seed * 10_007 + number), each,
                                OutlookTerms(paths=paths, simulate_most=simulate_most))
    ]  # fmt: skip


def _world(
    rng: np.random.Generator, source: random.Random, each: int, terms: OutlookTerms
) -> Iterator[tuple[Figures, bool]]:
    steps = int(HISTORY_S / STEP_S)
    before = walk(rng, 1, steps, HISTORY_S / 86_400 * DAY_YEARS)[0]
    history = History(ASSETS, STEP_S, np.diff(np.log(before), axis=0))
    accounts = tuple(mixed(source, number) for number in range(each))
    prices = {asset: price(asset, int(mid * WAD)) for asset, mid in zip(ASSETS, NOW, strict=True)}
    watched = Watched(accounts, prices, cut(0), POLICY)
    exposures = Exposures.of(accounts, POLICY, ASSETS)
    said = outlook(watched, exposures, history, terms, HOW)
    ahead = walk(rng, 1, LOOKS, DAY_YEARS)
    truth = breaches(
        exposures, Paths(ASSETS, ahead, spread(DAY_YEARS / LOOKS), DAY_YEARS / LOOKS, filtered=False)
    )
    fell = rng.random(each) < truth.probability
    solvent = exposures.surplus(NOW[None, None])[:, 0] > 0
    for its, did, open_ in zip(said.figures, fell, solvent, strict=True):
        if open_:
            yield its, bool(did)


def brier(said: Floats, happened: Floats) -> float:
    """Return the mean square of probability less outcome (Brier, Monthly Weather Review 78, 1950)."""
    return float(np.mean((said - happened) ** 2))


def reliability(said: Floats, happened: Floats) -> list[tuple[float, float, int, float, float]]:
    """Return, for each bin that has forecasts: its ends, how many, the mean said, and the share that happened."""
    rows = []
    for low, high in pairwise(EDGES):
        inside = (said >= low) & (said < high)
        if inside.any():
            rows.append(
                (low, high, int(inside.sum()), float(said[inside].mean()), float(happened[inside].mean()))
            )
    return rows
