"""What accounts under sixteen scenarios cost, from a thousand to a million, beside a bare numpy pass. Run by `make bench`."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from config.units import WAD
from keeper.domain.account import Account
from keeper.margin.certificates import Certificate, certificate
from keeper.margin.certified import Certified
from keeper.margin.columns import CODE, Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.health import evaluate
from keeper.margin.scenarios import scenarios
from keeper.margin.states import next_state
from oracles.price import Price
from tests.keeper.margin.builders import CHAINS, account, cut, leg, position
from tests.keeper.margin.repricing import RISK, option, quotes, under_portfolio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
KINDS = 40
"""Accounts that are really evaluated; the larger crowds are these again and again."""
CHANGES = 60
SEEN = tuple(replace(point, timestamp=point.timestamp) for point in cut())


def line(text: str) -> None:
    print(f"  {text}")


def held(number: int) -> Account:
    """Two options and a perpetual on ether, well covered: 16 scenarios, as SPAN has them."""
    source = random.Random(number)
    options = (
        option("put", source.choice((1_600, 1_800, 1_900)), 30, -source.uniform(0.5, 2)),
        option("call", source.choice((2_100, 2_300)), 60, -source.uniform(0.5, 2)),
    )
    tokens = {"USDC": str(source.randrange(6_000, 20_000))}
    its = leg(CHAINS[number % 2], tokens=tokens, positions=[position("1.5", "2000")])
    return under_portfolio(account(replace(its, options=options), account_id=f"0x{number:064x}"))


def at(eth: float = 2_000.0) -> dict[str, Price]:
    return quotes(3, 20, ETH=f"{eth:.4f}")


def certified(number: int) -> Certificate:
    its = held(number)
    health = evaluate(its, at(), SEEN, RISK)
    found = certificate(its, next_state(None, health, RISK), health, at(), RISK)
    assert found is not None
    return found


def crowd(size: int, its: list[Certificate]) -> tuple[Columns, CriticalPrices]:
    """Columns and certificates as if that many accounts had been read and evaluated."""
    columns = Columns(RISK, rows=size)
    columns.update(held(number) for number in range(len(its)))
    columns.changed.clear()
    tables, kinds = columns.tables, len(its)
    again = np.arange(size) % kinds
    for name in tables.__slots__:
        getattr(tables, name)[:] = getattr(tables, name)[again]
    tables.state[:] = np.array([CODE[one.state] for one in its])[again]
    columns.ids = [f"0x{number:x}" for number in range(size)]
    columns._row = {name: row for row, name in enumerate(columns.ids) if name is not None}
    critical = CriticalPrices(columns)
    critical._certified = all_certified = Certified(columns, slots=size)
    for row, one in enumerate(its):
        all_certified.put(row, one)
    slots = np.array([all_certified._slot[row] for row in range(kinds)])
    for name in ("_state", "_slack", "_from_s", "_until_s", "_used"):
        values = getattr(all_certified, name)
        values[...] = values[..., slots[again]]
    all_certified._row[:] = np.arange(size)
    all_certified._slot = {row: row for row in range(size)}
    return columns, critical


def seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def bare(size: int, assets: int) -> Callable[[], object]:
    """The least that asking all certificates could be: a table of slopes times drifts, compared."""
    slopes, slack, drift = np.ones((size, assets)), np.ones(size), np.full(assets, 1e-3)
    return lambda: np.flatnonzero(slopes @ drift >= slack)


def test_sixteen_scenarios() -> None:
    assert 16 == len(scenarios(["ETH"], RISK.portfolio))


def test_a_change_of_one_price() -> None:
    began = time.perf_counter()
    its = [certified(number) for number in range(KINDS)]
    exact_s = (time.perf_counter() - began) / KINDS
    line(f"an exact evaluation under 16 scenarios, and its certificate: {1e3 * exact_s:.1f} ms")
    for size in SIZES:
        columns, critical = crowd(size, its)
        first_s = seconds(lambda: critical.candidates(at(), SEEN), 1)  # noqa: B023 - called here
        taken, named = [], []
        for step in range(CHANGES):
            after = at(2_000 + 0.25 * (step % 3))
            began = time.perf_counter()
            named.append(len(critical.candidates(after, SEEN)))
            taken.append(time.perf_counter() - began)
        one_s = median(taken)
        bare_s = seconds(bare(size, len(columns.assets)), 5)
        line(
            f"{size:>9,} accounts under 16 scenarios: one changed price {1e9 * one_s / size:6.0f} ns each,"
            f" {one_s / bare_s:5.1f} x bare numpy, {median(named):.0f} named; the first, with a full pass,"
            f" {1e9 * first_s / size:6.0f} ns each; evaluating all of them would be {exact_s * size:,.0f} s"
        )
        assert median(named) == 0


def test_what_a_certificate_takes() -> None:
    its = [certified(number) for number in range(8)]
    columns = Columns(RISK, rows=10_000)
    tracemalloc.start()
    all_certified = Certified(columns, slots=10_000)
    for row in range(10_000):
        all_certified.put(row, its[row % 8])
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line(f"bytes per certificate: {taken / 10_000:,.0f} ({len(RISK.assets)} assets)")

    assert taken / 10_000 < 2_000
    assert all(one.slack < 10**9 * WAD for one in its)
