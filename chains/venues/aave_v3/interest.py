"""Interest between two updates of a reserve, as growth factors in ray.

Source: MathUtils of Aave v3.0.2. Suppliers' interest is linear since the last update; borrowers'
is the first four terms of the binomial series of (1 + rate per second)^seconds.
"""

from __future__ import annotations

from chains.venues.aave_v3.rounding import RAY, ray_mul_half_up

SECONDS_PER_YEAR = 365 * 86_400


def linear_growth(rate_ray: int, elapsed_s: int) -> int:
    """Return how much a supply grows in this time at this yearly rate."""
    return RAY + rate_ray * elapsed_s // SECONDS_PER_YEAR


def compounded_growth(rate_ray: int, elapsed_s: int) -> int:
    """Return how much a debt grows in this time at this yearly rate."""
    if elapsed_s == 0:
        return RAY
    before = elapsed_s - 1
    before_that = max(elapsed_s - 2, 0)
    squared = ray_mul_half_up(rate_ray, rate_ray) // SECONDS_PER_YEAR**2
    cubed = ray_mul_half_up(squared, rate_ray) // SECONDS_PER_YEAR
    second = elapsed_s * before * squared // 2
    third = elapsed_s * before * before_that * cubed // 6
    return RAY + rate_ray * elapsed_s // SECONDS_PER_YEAR + second + third
