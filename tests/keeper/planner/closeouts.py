"""Close-outs that are not tied to a hub, as programs of the planner and as scipy's mixed-integer programs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from keeper.planner.program import Cover, Offer, Program, Use
from keeper.planner.simplex import ONE

VECTORS = Path(__file__).parent / "vectors" / "close-out.json"
MICRO = 10**9
"""Costs and reliefs are counted in billionths of a USD."""


@dataclass(frozen=True)
class Leg:
    """One step that may be taken, in USD; what is repaid comes out of its chain's inventory."""

    chain: str
    is_debt: bool
    relief_per_usd: Decimal
    cost_per_usd: Decimal
    cap_usd: Decimal
    gas_usd: Decimal
    min_usd: Decimal


@dataclass(frozen=True)
class CloseOut:
    deficit: Decimal
    inventory: dict[str, Decimal]
    legs: tuple[Leg, ...]

    def program(self) -> Program:
        chains = list(self.inventory)
        offers = []
        for its in self.legs:
            limited = its.is_debt and its.chain in self.inventory
            uses = (Use(chains.index(its.chain), units(its.cap_usd)),) if limited else ()
            least = -int(-its.min_usd * ONE // its.cap_usd)
            offers.append(Offer(units(its.cost_per_usd * its.cap_usd), units(its.gas_usd), least, uses))
        gives = tuple(units(its.relief_per_usd * its.cap_usd) for its in self.legs)
        limits = tuple(units(most) for most in self.inventory.values())
        return Program(tuple(offers), (Cover(gives, units(self.deficit)),), limits)

    def scipys(self) -> OptimizeResult:
        count = len(self.legs)
        caps = [float(its.cap_usd) for its in self.legs]
        costs = [float(its.cost_per_usd) for its in self.legs] + [float(its.gas_usd) for its in self.legs]
        rows = [[float(its.relief_per_usd) for its in self.legs] + [0.0] * count]
        low, high = [float(self.deficit)], [np.inf]
        for number, its in enumerate(self.legs):
            for limit, bounds in ((caps[number], (-np.inf, 0.0)), (float(its.min_usd), (0.0, np.inf))):
                row = [0.0] * (2 * count)
                row[number], row[count + number] = 1.0, -limit
                rows.append(row)
                low.append(bounds[0])
                high.append(bounds[1])
        for chain, most in self.inventory.items():
            rows.append([float(its.is_debt and its.chain == chain) for its in self.legs] + [0.0] * count)
            low.append(-np.inf)
            high.append(float(most))
        return milp(
            costs,
            constraints=LinearConstraint(np.array(rows), low, high),
            integrality=[0] * count + [1] * count,
            bounds=Bounds([0.0] * (2 * count), caps + [1.0] * count),
            options={"mip_rel_gap": 1e-9},
        )


def units(value: Decimal) -> int:
    return int(value * MICRO)


def cases() -> list[Any]:
    found: list[Any] = json.loads(VECTORS.read_text(encoding="utf-8"), parse_float=Decimal)["cases"]
    return found


def read(case: Any) -> CloseOut:
    legs = tuple(
        Leg(
            str(its["chain"]),
            its["kind"] == "debt",
            *(
                Decimal(its[key])
                for key in ("relief_per_usd", "cost_per_usd", "cap_usd", "gas_usd", "min_usd")
            ),
        )
        for its in case["candidates"]
    )
    inventory = {chain: Decimal(most) for chain, most in case["inventory"].items()}
    return CloseOut(Decimal(case["deficit"]), inventory, legs)


def drawn(source: random.Random, count: int, *, wanted: Sequence[float] = (0.01, 0.05, 0.2, 0.4)) -> CloseOut:
    """Return a random close-out that wants one of these parts of all the relief there is."""

    def between(low: float, high: float) -> Decimal:
        return Decimal(f"{source.uniform(low, high):.6f}")

    legs = tuple(
        Leg(
            source.choice(("1", "10", "42161")),
            source.random() < 0.5,
            between(0.02, 0.32),
            between(0.004, 0.1),
            between(500, 9_000),
            Decimal(source.choice(("0.2", "0.4", "25"))),
            Decimal(source.choice(("0", "500"))),
        )
        for _ in range(count)
    )
    relief = sum((its.relief_per_usd * its.cap_usd for its in legs), Decimal(0))
    inventory = {chain: between(2_000, 20_000) * count / 6 for chain in ("1", "10", "42161")}
    return CloseOut(relief * Decimal(source.choice(list(wanted))), inventory, legs)
