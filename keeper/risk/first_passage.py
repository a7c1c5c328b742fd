"""The probability that an account falls below maintenance at any time within a horizon, in closed form.

With one driver that moves by geometric Brownian motion, a distance of b = ln(HF) and m = mu - sigma^2 / 2 the chance to
have touched the barrier by T is, by the reflection principle,

    Phi((-b - m T) / (sigma sqrt T))  +  exp(-2 m b / sigma^2) * Phi((-b + m T) / (sigma sqrt T))

(Harrison, "Brownian Motion and Stochastic Flow Systems", 1985, section 1.8). The chance to be below at the
end, the first term alone, is about half of it. With several drivers the account goes where it is nearest: the
design point of the first-order reliability method (Hasofer and Lind, "Exact and invariant second-moment
code format", 1974), found along the steepest descent of the surplus and looked for again from there. Its distance in
standard deviations takes the place of b, and it is itself the smallest shock that liquidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from keeper.risk.arrays import Floats
from keeper.risk.exposures import Exposures, chunks

FARTHEST = 9.0
"""Standard deviations beyond which nothing is looked for: a chance under 10^-18."""
_GRID = 37
_HALVINGS = 14
_TURNS = 3
_IMAGES = 4


@dataclass(frozen=True, slots=True)
class Screen:
    """Per account: the probabilities, the distance of the nearest breach in standard deviations, and the shock there.

    `shock` is by (account, asset), the logarithm of the price there over the price now. An account that can not
    breach within `FARTHEST` has an infinite distance and a shock of nan.
    """

    probability: Floats
    at_the_end: Floats
    distance: Floats
    shock: Floats


def touch_probability(distance: Floats, drift: Floats) -> Floats:
    """Return the chance that a Brownian motion with `drift` reaches `distance` within one unit of time.

    Distances and drifts are in standard deviations over the horizon. At or behind the barrier it is one.
    """
    ahead = np.clip(distance, 0.0, 2 * FARTHEST)
    reflected = np.exp(np.minimum(2.0 * drift * ahead, 700.0)) * ndtr(-ahead - drift)
    touched = np.where(np.isfinite(distance), np.minimum(ndtr(drift - ahead) + reflected, 1.0), 0.0)
    return np.where(distance <= 0, 1.0, touched)


def exit_probability(ahead: Floats, behind: Floats, drift: Floats) -> Floats:
    """Return the chance to have left the strip from -`behind` to `ahead` within one unit of time.

    By images in both barriers (Cox and Miller, "The Theory of Stochastic Processes", 1965, section 5.7).
    """
    width = ahead + behind
    stays = np.zeros(np.broadcast(ahead, behind, drift).shape)
    for turn in range(-_IMAGES, _IMAGES + 1):
        for sign, image in ((1.0, 2.0 * turn * width), (-1.0, 2.0 * ahead - 2.0 * turn * width)):
            inside = ndtr(ahead - image - drift) - ndtr(-behind - image - drift)
            stays += sign * np.exp(np.clip(drift * image, -700.0, 700.0)) * inside
    found: Floats = np.clip(1.0 - stays, 0.0, 1.0)
    return found


def end_probability(distance: Floats, drift: Floats) -> Floats:
    """Return the chance to be behind `distance` at the end of the unit of time, wherever it was before."""
    found: Floats = ndtr(drift - distance)
    return found


def screen(exposures: Exposures, prices: Floats, covariance: Floats) -> Screen:
    """Return where every account stands against its barrier.

    `prices` by asset are today's, `covariance` that of their logarithms over the horizon; without drift of the
    prices themselves, so that the logarithms drift by minus half their variance.
    """
    count, assets = len(exposures), len(exposures.assets)
    found = Screen(np.empty(count), np.empty(count), np.empty(count), np.empty((count, assets)))
    root, drift = _root(covariance)
    for rows in chunks(exposures, _GRID):
        part = exposures.only(rows)
        columns = [exposures.assets.index(asset) for asset in part.assets]
        its = _Search(part, prices[columns], root[columns])
        probability, at_the_end, distance, ray = its.run(drift)
        found.probability[rows], found.at_the_end[rows], found.distance[rows] = (
            probability,
            at_the_end,
            distance,
        )
        with np.errstate(invalid="ignore"):
            found.shock[rows] = np.where(
                np.isfinite(distance)[:, None], distance[:, None] * (ray @ root.T), np.nan
            )
    return found


class _Search:
    """Design points of some accounts. Directions are unit vectors of independent factors, by (account, factor)."""

    def __init__(self, exposures: Exposures, prices: Floats, root: Floats) -> None:
        self._exposures = exposures
        self._prices = prices
        self._root = root

    def run(self, drift: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return probability, probability at the end, distance and direction of each account."""
        now = self._at(np.zeros((len(self._exposures), 1, len(self._prices))))
        behind = self._exposures.surplus(now)[:, 0] < 0
        ray = self._downhill(now)
        away = -ray
        distance = self._along(ray)
        for _ in range(_TURNS):
            turned = self._downhill(self._moved(ray, np.minimum(distance, FARTHEST)[:, None]))
            its = self._along(turned)
            nearer = its < distance
            ray = np.where(nearer[:, None], turned, ray)
            distance = np.where(nearer, its, distance)
        # What is hedged on one side (a short straddle) may breach on the other as well.
        other = self._along(away)
        along = ray @ drift
        one = touch_probability(distance, along)
        both = exit_probability(np.minimum(distance, FARTHEST), np.minimum(other, FARTHEST), along)
        probability = np.where(np.isfinite(distance) & np.isfinite(other), np.maximum(one, both), one)
        probability = np.where(np.isfinite(distance), probability, touch_probability(other, -along))
        at_the_end = end_probability(distance, along) + end_probability(other, -along)
        swap = other < distance
        distance, ray = np.minimum(distance, other), np.where(swap[:, None], away, ray)
        return (
            np.where(behind, 1.0, np.minimum(probability, 1.0)),
            np.where(behind, np.maximum(at_the_end, 0.5), np.minimum(at_the_end, 1.0)),
            np.where(behind, 0.0, distance),
            ray,
        )

    def _downhill(self, at: Floats) -> Floats:
        """Return the direction in which the surplus falls fastest; zero where nothing moves it."""
        slope = -self._exposures.sensitivity(at)[:, 0, :] @ self._root
        length = np.sqrt((slope * slope).sum(axis=1, keepdims=True))
        found: Floats = np.divide(slope, length, out=np.zeros_like(slope), where=length > 0)
        return found

    def _along(self, ray: Floats) -> Floats:
        """Return how far along the ray the surplus first is below zero; infinity if it never is."""
        steps = np.linspace(0.0, FARTHEST, _GRID)
        below = self._exposures.surplus(self._moved(ray, np.broadcast_to(steps, (len(ray), _GRID)))) < 0
        hit = below.any(axis=1)
        first = np.where(hit, below.argmax(axis=1), 1)
        low, high = steps[np.maximum(first - 1, 0)], steps[first]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            under = self._exposures.surplus(self._moved(ray, middle[:, None]))[:, 0] < 0
            low, high = np.where(under, low, middle), np.where(under, middle, high)
        return np.where(hit, high, np.inf)

    def _moved(self, ray: Floats, distance: Floats) -> Floats:
        """Return prices by (account, step, asset) at these distances along each account's ray."""
        return self._at(distance[:, :, None] * (ray @ self._root.T)[:, None, :])

    def _at(self, shock: Floats) -> Floats:
        found: Floats = self._prices * np.exp(shock)
        return found


def _root(covariance: Floats) -> tuple[Floats, Floats]:
    """Return L with L L' = covariance, and the drift of each factor: L^-1 times minus half the variances."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drift = np.linalg.pinv(root) @ (-0.5 * np.diag(covariance))
    return root, drift
