"""What finding the accounts that matter costs, from a thousand accounts to a million. Run by `make bench`."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import pytest

from keeper.margin.columns import CODE, Columns
from keeper.margin.critical import CriticalPrices
from keeper.margin.evidence import ages_of
from keeper.margin.health import evaluate
from keeper.margin.parameters import LegAges
from keeper.margin.scan import Boxes, Scan
from keeper.margin.states import ACTIONABLE
from oracles.price import Price
from tests.keeper.margin.builders import POLICY, asset_risk, cut, price, prices, random_account, usd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ASSETS = {
    "USDC": "1",
    "ETH": "2000",
    "WBTC": "60000",
    "VAULT": "1.1",
    "SOL": "150",
    "LINK": "15",
    "UNI": "8",
    "ARB": "1",
}
CHAINS = ("arbor", "basin", "cedar", "delta")
WIDE = replace(
    POLICY,
    assets={name: asset_risk(8_500, 8_000, 10_500) for name in ASSETS},
    chains={chain: LegAges(30_000, 60_000) for chain in CHAINS},
)
SEEN = tuple(replace(point, chain=chain) for point, chain in zip(cut() * 2, CHAINS, strict=False))


def line(text: str) -> None:
    print(f"  {text}")


def crowd(size: int) -> Columns:
    """Columns as if that many accounts had been read: two collaterals and a debt, one in four with a position."""
    columns, source = Columns(WIDE, rows=size), np.random.default_rng(size)
    tables, rows = columns.tables, np.arange(size)
    values = np.array([float(each) for each in ASSETS.values()])
    for asset in (source.integers(1, len(ASSETS), size), source.integers(1, len(ASSETS), size)):
        chain = source.integers(0, len(CHAINS), size)
        worth = source.uniform(1_000, 20_000, size)
        tables.held[rows, chain, asset] += worth / values[asset]
        tables.uses[rows, asset] = tables.present[rows, chain] = True
    tables.held_total[:] = tables.held.sum(axis=1)
    chain = source.integers(0, len(CHAINS), size)
    tables.owed[rows, chain, 0] = (tables.held_total @ values) * source.uniform(0.1, 0.7, size)
    tables.owed_total[:] = tables.owed.sum(axis=1)
    tables.uses[:, 0] = tables.requires[:] = tables.taken[:] = True
    tables.present[rows, chain] = True
    slots, traders = columns.slots, rows[::4]
    slots.row[: len(traders)], slots.chain[: len(traders)] = traders, chain[::4]
    slots.size[: len(traders)] = source.uniform(-1, 1, len(traders))
    slots.entry[: len(traders)] = 2_000
    tables.uses[traders, 1] = True
    columns.ids = [f"0x{number:x}" for number in range(size)]
    columns._row = {name: number for number, name in enumerate(columns.ids) if name is not None}
    columns._slots_of = {int(row): [slot] for slot, row in enumerate(traders)}
    return columns


def at(**mids: str) -> dict[str, Price]:
    return {name: price(name, usd(mids.get(name, value)), 3) for name, value in ASSETS.items()}


def seconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def bare(columns: Columns) -> Callable[[], object]:
    """The least that a full pass could be: the same tables, multiplied by prices and weights, summed, compared."""
    held, owed = columns.tables.held_total, columns.tables.owed_total
    values = np.array([float(each) for each in ASSETS.values()])
    return lambda: np.flatnonzero(held @ (values * 0.85) - owed @ (values * 1.05) < 0)


def settled(columns: Columns) -> None:
    """Note every account's state as the exact evaluation would, but for the failing: they would be acted on."""
    ages = ages_of(columns.chains, SEEN, WIDE)
    state = Scan(columns).sweep().swept(Boxes.of(at(), columns.assets), ages).state
    failing = np.isin(state, [CODE[each] for each in ACTIONABLE])
    columns.tables.taken[failing] = False
    columns.tables.state[:] = state


@pytest.mark.parametrize("size", SIZES)
def test_a_pass_and_a_change(size: int) -> None:
    columns = crowd(size)
    settled(columns)
    scan, critical = Scan(columns), CriticalPrices(columns)
    times = 3 if size >= 100_000 else 20
    full_s = seconds(lambda: scan.candidates(at(), SEEN), times)
    bare_s = seconds(bare(columns), times)
    before = at()
    for _ in range(3):
        critical.candidates(before, SEEN)
    passes, taken, named = critical.passes, [], []
    for step in range(1, 101):
        after = before | {"LINK": price("LINK", usd(f"15.{step % 4:03d}"), 3)}
        began = time.perf_counter()
        named.append(len(critical.candidates(after, SEEN)))
        taken.append(time.perf_counter() - began)
        before = after
    one_s = median(taken)
    line(
        f"{size:>9,} accounts: a full pass {1e9 * full_s / size:6.0f} ns each, {full_s / bare_s:4.1f} x bare numpy;"
        f" one changed price {1e6 * one_s:7.0f} us in all, {full_s / one_s:6.0f} x less;"
        f" {median(named):.0f} named, {critical.passes - passes} passes in 100 changes"
    )

    assert critical.passes - passes <= 10


def test_what_an_account_takes() -> None:
    """The book, the columns and the distances of the same accounts, by the allocator's own count."""
    size, source = 5_000, random.Random(1)
    tracemalloc.start()
    held = [random_account(source, number) for number in range(size)]
    in_book, _ = tracemalloc.get_traced_memory()
    columns = Columns(POLICY, rows=size)
    columns.update(held)
    in_columns, _ = tracemalloc.get_traced_memory()
    critical = CriticalPrices(columns)
    critical.candidates(prices(3), cut())
    in_all, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line(
        f"bytes per account: {in_book / size:,.0f} as values, {(in_columns - in_book) / size:,.0f} in columns"
        f" ({len(POLICY.chains)} chains, {len(POLICY.assets)} assets), {(in_all - in_columns) / size:,.0f} for critical prices"
    )

    assert in_all / size < 20_000


def test_an_exact_evaluation() -> None:
    source = random.Random(2)
    held = [random_account(source, number) for number in range(500)]
    one_s = seconds(lambda: [evaluate(its, prices(3), cut(), POLICY) for its in held], 3) / len(held)
    line(f"an exact evaluation {1e6 * one_s:.0f} us")

    assert one_s > 0
