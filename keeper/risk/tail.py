"""What may be lost: value at risk and expected shortfall over a horizon, per account and for the whole book.

Value at risk is the loss that is passed with one minus the level, expected shortfall the mean of the losses beyond it
(Acerbi and Tasche, Journal of Banking and Finance 26, 2002). 97.5 % is the level of the Basel Committee's
"Minimum capital requirements for market risk", 2019. Losses are of equity, at full repricing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keeper.risk.arrays import Floats
from keeper.risk.exposures import Exposures, chunks
from keeper.risk.scenarios import Paths

LEVEL = 0.975


@dataclass(frozen=True, slots=True)
class Tail:
    """Value at risk and expected shortfall, USD, and what equity is expected to be below zero by at the horizon."""

    value_at_risk: Floats
    expected_shortfall: Floats
    expected_bad_debt: Floats


@dataclass(frozen=True, slots=True)
class BookTail:
    """The whole book: losses of all accounts' equity together, and the bad debt that would be left uncovered, USD."""

    value_at_risk: float
    expected_shortfall: float
    expected_bad_debt: float
    bad_debt_shortfall: float


def tails(exposures: Exposures, prices: Floats, paths: Paths, level: float = LEVEL) -> tuple[Tail, BookTail]:
    """Return the tails of every account and of the book at the paths' ends. `prices` by asset are today's.

    `bad_debt_shortfall` is the mean bad debt over the worst ``1 - level`` of scenarios for it: what an insurance fund
    has to bear then, if nothing is liquidated before.
    """
    count, scenarios = len(exposures), len(paths.prices)
    found = Tail(np.empty(count), np.empty(count), np.empty(count))
    book, bad = np.zeros(scenarios), np.zeros(scenarios)
    for rows in chunks(exposures, scenarios):
        part = exposures.only(rows)
        columns = [paths.assets.index(asset) for asset in part.assets]
        now = part.equity(prices[columns][None, None, :])
        later = part.equity(paths.ends[:, :, columns])
        losses = now - later
        found.value_at_risk[rows], found.expected_shortfall[rows] = value_at_risk(losses, level)
        missing = np.maximum(-later, 0.0)
        found.expected_bad_debt[rows] = missing.mean(axis=1)
        book += losses.sum(axis=0)
        bad += missing.sum(axis=0)
    at_risk, shortfall = value_at_risk(book[None, :], level)
    _, worst = value_at_risk(bad[None, :], level)
    return found, BookTail(float(at_risk[0]), float(shortfall[0]), float(bad.mean()), float(worst[0]))


def value_at_risk(losses: Floats, level: float) -> tuple[Floats, Floats]:
    """Return value at risk and expected shortfall of each line of equally likely losses.

    The shortfall is the mean of exactly the worst ``1 - level``: the scenario at its edge counts in part.
    """
    scenarios = losses.shape[1]
    worst = max(1.0, scenarios * (1.0 - level))
    whole = int(worst + 1e-9)
    ranked = -np.sort(-losses, axis=1)[:, : min(whole + 1, scenarios)]
    edge = ranked[:, min(whole, scenarios - 1)]
    total = ranked[:, :whole].sum(axis=1) + (worst - whole) * edge
    return ranked[:, whole - 1] if worst == whole else edge, total / worst
