"""What an outlook costs, and how good its forecasts are. Run by `make bench`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from config.units import WAD
from keeper.domain.account import Account
from keeper.risk.cascade import cascade
from keeper.risk.exposures import Exposures
from keeper.risk.first_passage import screen
from keeper.risk.monte_carlo import breaches
from keeper.risk.scenarios import Paths
from keeper.risk.stress import Shock, strike
from keeper.risk.tail import tails
from keeper.risk.watched import Watched
from tests.keeper.margin.builders import POLICY, cut, prices
from tests.keeper.planner.builders import venues
from tests.keeper.risk.forecasts import brier, forecasts, reliability
from tests.keeper.risk.worlds import ASSETS, DAY_YEARS, NOW, mixed, spread, walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
STEPS, PATHS = 48, 2_000


def line(text: str) -> None:
    print(f"  {text}")


def book(size: int) -> tuple[Account, ...]:
    source = random.Random(size)
    return tuple(mixed(source, number) for number in range(size))


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def paths(count: int = PATHS) -> Paths:
    its = walk(np.random.default_rng(1), count, STEPS, DAY_YEARS)
    return Paths(ASSETS, its, spread(DAY_YEARS / STEPS), DAY_YEARS / STEPS, filtered=False)


def test_accounts_per_second() -> None:
    drawn = paths()
    line("accounts      made/s    screened/s    VaR and ES/s  (2,000 scenarios)")
    for size in (1_000, 10_000, 50_000):
        accounts = book(size)
        found: list[Exposures] = []
        made_s = timed(lambda: found.append(Exposures.of(accounts, POLICY, ASSETS)))  # noqa: B023 - called here
        exposures = found[0]
        screen_s = timed(lambda: screen(exposures, NOW, spread()))  # noqa: B023 - as above
        tail_s = timed(lambda: tails(exposures, NOW, drawn))  # noqa: B023 - as above
        line(f"{size:>8,} {size / made_s:>11,.0f} {size / screen_s:>13,.0f} {size / tail_s:>15,.0f}")
        assert size / screen_s > 500
    near = Exposures.of(book(200), POLICY, ASSETS)
    simulated_s = timed(lambda: breaches(near, drawn))
    line(f"simulated: {200 / simulated_s:,.0f} accounts/s, {PATHS:,} paths of {STEPS} steps, bridged")
    assert 200 / simulated_s > 5


def test_shocks_and_cascades_per_second() -> None:
    size = 2_000
    watched = Watched(book(size), prices(10), cut(0), POLICY)
    exposures = Exposures.of(watched.accounts, POLICY, ASSETS)
    for move_bps in (-500, -1_000, -2_000):
        shock = Shock("all", {"ETH": move_bps, "WBTC": move_bps})
        struck = strike(watched, exposures, shock)
        strike_s = timed(lambda: strike(watched, exposures, shock))  # noqa: B023 - called here
        line(
            f"{move_bps / 100:+.0f} %: {len(struck.liquidatable):,} of {size:,} accounts struck, "
            f"{size / strike_s:,.0f} accounts/s"
        )
    few = Watched(watched.accounts[:100], watched.prices, watched.cut, POLICY)
    start = time.perf_counter()
    its = cascade(few, venues(), {"ETH": 10**6 * WAD, "WBTC": 10**6 * WAD}, Shock("ETH", {"ETH": -700}))
    steps = sum(each.steps for each in its.rounds)
    line(
        f"a cascade over 100 accounts: {len(its.struck)} struck, {len(its.triggered)} triggered, "
        f"{len(its.rounds)} rounds, {steps} steps in {time.perf_counter() - start:.1f} s"
    )
    assert its.settled


def test_reliability_of_the_chance_to_fall_below_at_any_time() -> None:
    scored = forecasts(worlds=250, each=12, seed=2, simulate_most=12)
    said = np.array([its.any_time for its in scored])
    at_the_end = np.array([its.at_the_end for its in scored])
    happened = np.array([float(its.breached) for its in scored])
    base = np.full_like(said, happened.mean())

    line(
        f"{len(scored):,} accounts in 250 worlds, one day, volatility and correlation estimated from three days"
    )
    line("         said     accounts    mean said    happened")
    for low, high, count, mean, share in reliability(said, happened):
        line(f"{low:>6.1%} .. {min(high, 1.0):>6.1%} {count:>9,} {mean:>12.2%} {share:>11.2%}")
    line(
        f"Brier: any time {brier(said, happened):.4f}, end of horizon {brier(at_the_end, happened):.4f}, "
        f"base rate {brier(base, happened):.4f}"
    )
    unlikely = said < 0.5
    times = happened[unlikely].mean() / at_the_end[unlikely].mean()
    line(f"of those given less than one half, {times:.2f} times as many fell as the end of the horizon says")
    assert brier(said, happened) < brier(at_the_end, happened) < brier(base, happened)
    assert 1.5 < times < 2.7
